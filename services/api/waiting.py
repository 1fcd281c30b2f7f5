"""``Prefer: wait=N`` (RFC 7240): how long a caller would rather wait for an outcome, and the places to do so."""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

LONGEST_WAIT_SECONDS = 30

_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.02, 0.25, 1.5

# The elements of a list; a comma in quotes separates nothing.
_ELEMENTS = re.compile(r'(?:[^",]|"[^"]*")+')
_SECONDS = re.compile(r"[0-9]{1,2}", re.ASCII)


def preferred_wait(lines: Sequence[str]) -> int | None:
    """The whole seconds that the header lines prefer to wait, 1 to 30. Of several the first counts; anything else is
    ignored, as RFC 7240 has it.
    """
    elements = (each.partition(";")[0].partition("=") for line in lines for each in _ELEMENTS.findall(line))
    text = next((told for name, _, told in elements if name.strip().lower() == "wait"), "").strip()
    if len(text) > 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return int(text) if _SECONDS.fullmatch(text) and 1 <= int(text) <= LONGEST_WAIT_SECONDS else None


class Wait:
    """What one request may wait, all its waits together. Without ``seconds`` everything is over at once."""

    def __init__(self, seconds: int | None, rest: Callable[[float], bool], monotonic: Callable[[], float]) -> None:
        self.seconds = seconds
        self._rest, self._monotonic = rest, monotonic
        self._ends_at = monotonic() + (seconds or 0)

    def until(self, happened: Callable[[], bool]) -> bool:
        """Whether it has happened before the time was spent, or the process was told to stop. Asks often at first."""
        pause = _FIRST_PAUSE
        while self.seconds is not None:
            if happened():
                return True
            left = self._ends_at - self._monotonic()
            if left <= 0 or self._rest(min(pause, left)):
                return False
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)
        return False


class Waits:
    """A bounded number of places: those who wait never take all threads from those who do not.

    ``rest`` sleeps for so many seconds, and says ``True`` when the process stops.
    """

    def __init__(self, places: int, rest: Callable[[float], bool], monotonic: Callable[[], float]) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._rest, self._monotonic = rest, monotonic

    @contextmanager
    def place(self, prefer: Sequence[str]) -> Iterator[Wait]:
        """One request's wait. It is over at once without the preference, or when all places are taken."""
        seconds = preferred_wait(prefer)
        if seconds is None or not self._places.acquire(blocking=False):
            yield Wait(None, self._rest, self._monotonic)
            return
        try:
            yield Wait(seconds, self._rest, self._monotonic)
        finally:
            self._places.release()
