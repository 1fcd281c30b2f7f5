"""Waiting without waiting: time passes only while somebody rests, and things happen meanwhile."""

from collections.abc import Callable


class Patience:
    """``meanwhile`` runs at each rest, with the seconds that have passed since the beginning."""

    def __init__(self) -> None:
        self.rested: list[float] = []
        self.meanwhile: Callable[[float], None] = lambda _seconds: None
        self.is_stopping = False

    def monotonic(self) -> float:
        return sum(self.rested)

    def rest(self, seconds: float) -> bool:
        self.rested.append(seconds)
        self.meanwhile(self.monotonic())
        return self.is_stopping
