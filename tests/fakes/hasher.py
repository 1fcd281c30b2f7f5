"""A password hasher that costs nothing."""

from shared.runtime.crypto import PasswordHasher


class CheapHasher(PasswordHasher):
    """Counts how often it was asked: an unknown account must cost as much as a known one."""

    def __init__(self) -> None:
        self.verified = 0

    def hash(self, password: str) -> str:
        return f"cheap:{password}"

    def verify(self, stored: str | None, password: str) -> bool:
        self.verified += 1
        return stored == self.hash(password)
