"""Spares everybody but one caller at a time the wait for what did not answer."""

import threading
import time
from collections.abc import Callable


class Reprieve:
    """After a failure, one caller in ``seconds`` may try again; all may as soon as one has succeeded."""

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._monotonic = seconds, monotonic
        self._lock = threading.Lock()
        self._until: float | None = None

    def may_try(self) -> bool:
        with self._lock:
            if self._until is None:
                return True
            if self._monotonic() < self._until:
                return False
            self._until = self._monotonic() + self._seconds
            return True

    def failed(self) -> None:
        with self._lock:
            self._until = self._monotonic() + self._seconds

    def succeeded(self) -> None:
        with self._lock:
            self._until = None
