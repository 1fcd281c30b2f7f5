"""A value that is costly to find, kept for a while."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

ValueT = TypeVar("ValueT")


class Remembered(Generic[ValueT]):
    """Finds the value when it is first asked for, and again when it is older than ``seconds``. Safe for threads.

    If finding it again fails, the error is raised and the next call tries once more.
    """

    def __init__(self, find: Callable[[], ValueT], seconds: float) -> None:
        self._find, self._seconds = find, seconds
        self._kept: tuple[float, ValueT] | None = None
        self._lock = threading.Lock()

    def __call__(self) -> ValueT:
        kept = self._kept
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        with self._lock:
            if self._kept is not None and self._kept is not kept:
                return self._kept[1]  # another thread found it while this one waited
            value = self._find()
            self._kept = (time.monotonic() + self._seconds, value)
            return value
