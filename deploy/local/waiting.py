"""Waiting that ends: for a condition, with a limit, and at once when the run is being undone."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

from deploy.local.errors import Cancelled

T = TypeVar("T")


def wait_until(
    condition: Callable[[], bool], timeout_seconds: float, cancelled: threading.Event, every_seconds: float = 0.05
) -> bool:
    """Whether the condition came true in time; what it raises ends the wait.

    Raises:
        Cancelled: the run is being undone.
    """
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        if cancelled.wait(every_seconds):
            raise Cancelled("stopped waiting")
    return True


def in_parallel(jobs: Sequence[Callable[[], T]], cancelled: threading.Event) -> list[T]:
    """Run every job in its own thread; the first failure (or an interrupt) cancels the others and is raised."""
    with ThreadPoolExecutor(max_workers=max(1, len(jobs))) as pool:
        futures = [pool.submit(job) for job in jobs]
        try:
            for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                future.result()
        except BaseException:
            cancelled.set()
            raise
        return [future.result() for future in futures]
