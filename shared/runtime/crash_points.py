"""The moments at which a process can be made to die, so that a proof can show that dying there loses nothing.

A process is armed once, from its settings: ``CRASH_AT=worker.after_call:3`` has it send itself SIGKILL the third time
it gets there. Where nothing is armed, reaching a point costs one comparison. Production refuses the setting.
"""

import os
import re
import signal
import threading

# name -> what has happened, and what has not
POINTS = {
    "api.before_claim": "the request is valid; nothing is written",
    "api.inside_transaction": "everything is written; nothing is committed",
    "api.after_commit": "the payment is accepted; the merchant has no answer",
    "publisher.before_publish": "committed; the process has not yet sent its messages",
    "publisher.after_publish": "the messages are sent; no confirm has come",
    "publisher.after_confirm": "the broker has them; the outbox does not know",
    "relay.after_read": "the relay has read the outbox, and published nothing",
    "relay.after_confirm": "the broker has them; the relay has not marked them",
    "relay.after_takeover": "an expired attempt is in doubt; nobody has looked at the next one",
    "worker.after_delivery": "the worker has the message; no attempt is committed",
    "worker.after_claim": "the attempt is committed; the provider has not been called",
    "worker.after_call": "the provider has answered; the outcome is not recorded",
    "worker.after_recording": "the outcome is recorded; the message is not acknowledged",
    "ingest.after_verify": "the callback is genuine; it is not stored",
    "ingest.inside_transaction": "the callback is written; nothing is committed",
    "ingest.after_insert": "the callback is stored; the provider has no answer",
    "ingest.after_spool": "the callback is on the disk, the database away; the provider has no answer",
    "ingest.after_drain": "what was on the disk is stored; it still stands on the disk",
    "notifier.before_send": "an event is read; the client does not have it",
    "notifier.after_send": "the client has the event; the notifier has not noted it",
    "delivery.after_claim": "a webhook is claimed; the merchant's endpoint has not been called",
    "delivery.after_call": "the endpoint has answered; the attempt is not recorded",
    "scheduler.after_sweep": "what is due has its commands; the tick is not acknowledged",
}

_FORM = re.compile(r"([a-z_.]+):([1-9][0-9]{0,5})")


class _Armed:
    def __init__(self, point: str, visits: int) -> None:
        self._point, self._left, self._lock = point, visits, threading.Lock()

    def visit(self, point: str) -> None:
        if point != self._point:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                # Past all buffers: whoever reads the log counts this line, together with the death of this process.
                os.write(2, f"crash_point {point} pid {os.getpid()}\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)


_armed: _Armed | None = None


def check(crash_at: str) -> str:
    """The setting itself, where it is empty or names a point.

    Raises:
        ValueError: it does not; the message says what would be right.
    """
    if crash_at:
        _parsed(crash_at)
    return crash_at


def arm(crash_at: str) -> None:
    """Have this process die at a point, such as ``worker.after_call:3``; an empty text disarms it."""
    global _armed  # noqa: PLW0603 - one per process by nature, like a signal handler
    _armed = _Armed(*_parsed(crash_at)) if crash_at else None


def reach(point: str) -> None:
    """Say that the process has got to ``point``."""
    if _armed is not None:
        _armed.visit(point)


def _parsed(crash_at: str) -> tuple[str, int]:
    form = _FORM.fullmatch(crash_at)
    if form is None or form[1] not in POINTS:
        raise ValueError(f"must be NAME:COUNT, the name one of {', '.join(sorted(POINTS))}")
    return form[1], int(form[2])
