"""Two sets of threads, so that no genuine callback waits behind forgeries."""

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

# One thread in so many is for strangers.
SHARE = 4


class Lanes:
    """``threads`` in all; at least one for each."""

    def __init__(self, threads: int, is_known: Callable[[str], bool]) -> None:
        strangers = max(1, threads // SHARE)
        self._is_known = is_known
        self._known = ThreadPoolExecutor(max(1, threads - strangers), thread_name_prefix="known")
        self._strangers = ThreadPoolExecutor(strangers, thread_name_prefix="strangers")

    def of(self, sender: str) -> Executor:
        return self._known if self._is_known(sender) else self._strangers
