"""How a process ends: on SIGTERM or SIGINT it stops taking work, finishes what it has, and leaves with 0."""

import signal
import threading


def stop_event() -> threading.Event:
    """An event that SIGTERM and SIGINT set. Call from the main thread."""
    event = threading.Event()

    def stop(_signal_number: int, _frame: object) -> None:
        event.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return event
