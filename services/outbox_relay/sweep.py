"""The relay's loop."""

import threading
import time
from collections.abc import Callable

import structlog

from services.outbox_relay.outbox_sweep import BATCH
from shared.runtime.correlation import logging_context
from shared.runtime.identifiers import new_id

# Leases and lost callbacks are a matter of tens of seconds; a look every second is soon enough.
PAUSE_SECONDS = 1.0

log = structlog.get_logger()


class Sweeper:
    """Runs the sweeps until told to stop; an error ends a sweep, never the loop."""

    def __init__(self, outbox: Callable[[], int], *seldom: Callable[[], int], pause_seconds: float) -> None:
        self._outbox, self._seldom, self._pause_seconds = outbox, seldom, pause_seconds
        self._seldom_due_at = 0.0

    def run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            with logging_context(request_id=new_id()):
                left_more = self._turn()
            if not left_more:
                stopping.wait(self._pause_seconds)

    def _turn(self) -> bool:
        """Whether the outbox has more."""
        if time.monotonic() >= self._seldom_due_at:
            for sweep in self._seldom:
                _swept(sweep)
            self._seldom_due_at = time.monotonic() + PAUSE_SECONDS
        return _swept(self._outbox) == BATCH


def _swept(sweep: Callable[[], int]) -> int:
    """What it did; nothing, where it fails: one that fails for ever must not keep the others from their turn."""
    try:
        return sweep()
    except Exception as error:
        log.warning("relay.sweep_failed", error=type(error).__name__, exc_info=error)
        return 0
