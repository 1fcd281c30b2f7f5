"""Work that goes on beside the requests: again and again, whatever becomes of it."""

import threading
from collections.abc import Callable

import structlog

from shared.persistence.errors import StorageUnavailable

log = structlog.get_logger()


def keep_doing(work: Callable[[], object], *, name: str, every_seconds: float) -> threading.Event:
    """Do it now and then in a thread of its own; setting the event that is returned ends that."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(every_seconds):
            attempt(work, name=name)

    threading.Thread(target=run, name=name, daemon=True).start()
    return over


def attempt(work: Callable[[], object], *, name: str) -> None:
    """Do it once; what goes wrong is only told."""
    try:
        work()
    except StorageUnavailable:
        log.info("background.database_away", work=name)
    except Exception as error:
        log.exception("background.failed", work=name, error=type(error).__name__)
