"""Dead letters for tests: as they arrive from the broker, of any message."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from shared.application.keep_dead_letter import KeepDeadLetter
from shared.contracts.messages.codec import encode
from shared.contracts.messages.envelope import Message
from shared.messaging.dead_letters import ArrivedLetter, NotedError
from shared.persistence.dead_letters import DeadLetter
from shared.runtime.identifiers import new_id
from tests.fakes.books import Books
from tests.fakes.clock import NOON

FIRST_ERROR = NotedError("KeyError", "'first'", NOON.isoformat())
LAST_ERROR = NotedError("OSError", "last", (NOON + timedelta(hours=7)).isoformat())


def an_arrival(message: Message | None = None, **facts: Any) -> ArrivedLetter:
    """``message`` after the whole ladder; without one a body that is no message of ours."""
    given: dict[str, Any] = {
        "message_id": new_id() if message is None else message.message_id,
        "queue": "gw.q.cmd.cpay",
        "exchange": "gw.dlx",
        "routing_key": "cpay.x",
        "message_type": "" if message is None else message.type,
        "reason": "unreadable" if message is None else "retries_spent",
        "tries": 6,
        "first_error": FIRST_ERROR,
        "last_error": LAST_ERROR,
        "died_at": NOON,
        "body": b"\xff{" if message is None else encode(message),
        "headers": {"x-request-id": "r1"},
    }
    return ArrivedLetter(**(given | facts))


def keep(books: Books, message: Message | None = None, **facts: Any) -> UUID:
    """Have it kept; the letter's id."""
    arrived = an_arrival(message, **facts)
    KeepDeadLetter(books.unit_of_work)(arrived)
    return next(each.id for each in letters(books) if each.message_id == arrived.message_id)


def letters(books: Books) -> list[DeadLetter]:
    """In the order of their arrival."""
    return sorted(books.database.committed.dead_letters.values(), key=lambda each: each.id)


def later(hours: int) -> datetime:
    return NOON + timedelta(hours=hours)
