"""Only one beat at a time tells the time: it holds a lock in the database, and stops when it has lost it."""

import os
import sys
import threading
from collections.abc import Callable

import structlog

from shared.persistence.errors import StorageUnavailable
from shared.persistence.session_lock import LockLost, SessionLock
from shared.runtime.metrics import BEAT_ACTIVE

# Any number, as long as it stays, and is not the one of the migrations.
LOCK_KEY = 7_264_002

# How often a waiting beat asks for its turn, and the one whose turn it is whether it still is.
LOOK_SECONDS = 1.0

log = structlog.get_logger()


def await_turn(lock: SessionLock, stopping: threading.Event, look_seconds: float = LOOK_SECONDS) -> bool:
    """Wait until no other beat is at work; ``False`` when told to stop before that."""
    BEAT_ACTIVE.set(0)
    said = ""
    while not stopping.is_set():
        waits_for = _ask(lock)
        if waits_for is None:
            log.info("beat.active")
            BEAT_ACTIVE.set(1)
            return True
        if waits_for != said:
            log.info("beat.standing_by", waits_for=waits_for)
            said = waits_for
        stopping.wait(look_seconds)
    return False


def _ask(lock: SessionLock) -> str | None:
    try:
        return None if lock.acquire() else "another beat"
    except StorageUnavailable as error:
        return f"the database ({error})"


def watch(lock: SessionLock, on_lost: Callable[[], None], look_seconds: float = LOOK_SECONDS) -> threading.Thread:
    """Ask again and again, from a thread, whether it is still our turn; once it is not, call ``on_lost`` and end."""

    def look() -> None:
        pause = threading.Event()
        while not pause.wait(look_seconds):
            try:
                lock.check()
            except LockLost as error:
                BEAT_ACTIVE.set(0)
                log.critical("beat.lock_lost", reason=str(error), next="starts again and stands by")
                on_lost()
                return

    thread = threading.Thread(target=look, name="beat-lock", daemon=True)
    thread.start()
    return thread


def start_again() -> None:
    """End this process at once, whatever its threads are doing, and begin it anew under the same pid.

    Celery's loop may hang in a broker that does not answer, so nobody asks it to stop; and no supervisor is needed.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command line
