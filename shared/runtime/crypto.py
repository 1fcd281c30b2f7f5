"""Encryption of stored credentials (Fernet) and hashing of passwords and API secrets (Argon2id)."""

import argon2
from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class CredentialUnreadable(Exception):
    """A stored credential, or a key for it, that is of no use: somebody must look."""


class CredentialCipher:
    """Encrypts with the first key, decrypts with any: so keys rotate without a stop."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        try:
            self._each = [Fernet(key) for key in keys]
            self._fernet = MultiFernet(self._each)
        except ValueError as error:
            raise CredentialUnreadable("CREDENTIAL_ENCRYPTION_KEYS holds something that is no Fernet key") from error

    def encrypt(self, secret: str) -> str:
        return self._fernet.encrypt(secret.encode()).decode()

    def decrypt(self, stored: str) -> str:
        """Raises ``CredentialUnreadable`` if no key fits."""
        try:
            return self._fernet.decrypt(stored).decode()
        except InvalidToken as error:
            raise CredentialUnreadable("a stored credential was encrypted with a key that is not here") from error

    def is_newest(self, stored: str) -> bool:
        """Whether the first key encrypted it."""
        try:
            self._each[0].decrypt(stored)
        except InvalidToken:
            return False
        return True

    def renewed(self, stored: str) -> str:
        """The same secret, encrypted by the first key. Raises ``CredentialUnreadable`` if no key fits."""
        return stored if self.is_newest(stored) else self.encrypt(self.decrypt(stored))


class PasswordHasher:
    """Argon2id. Verifying an unknown account costs the same as a known one, so that nobody can tell them apart."""

    def __init__(self) -> None:
        self._hasher = argon2.PasswordHasher()
        self._nobody = self._hasher.hash("nobody has this password")

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def verify(self, stored: str | None, password: str) -> bool:
        try:
            self._hasher.verify(self._nobody if stored is None else stored, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
        return stored is not None
