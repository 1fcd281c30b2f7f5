"""So many a second and no more: for what strangers could make us do without end."""

import threading
import time
from collections.abc import Callable


class Allowance:
    """A bucket of ``burst`` that fills at ``per_second``; each process has its own."""

    def __init__(self, *, per_second: float, burst: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._monotonic = per_second, burst, monotonic
        self._left, self._at = float(burst), monotonic()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Whether one more is allowed now."""
        with self._lock:
            self._fill()
            if self._left < 1:
                return False
            self._left -= 1
            return True

    def is_spent(self) -> bool:
        """Whether ``take`` would refuse now; asking takes nothing."""
        with self._lock:
            self._fill()
            return self._left < 1

    def _fill(self) -> None:
        now = self._monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
