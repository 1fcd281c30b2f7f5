"""Ctrl-C, SIGTERM and a closed terminal: one interruption while we work, none while we clean up."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_on_signals() -> None:
    """Turn every one of the signals into KeyboardInterrupt."""
    for number in _SIGNALS:
        signal.signal(number, _interrupt)


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Let nothing interrupt what is being undone; outside the main thread nothing could anyway."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
