"""What a dead letter carries: from which queue it was set aside and why, and what went wrong first and last.

A consumer that sets a message aside writes this into it. One that the broker sets aside, because it killed its consumer
time and again, has only the broker's ``x-death``, and what an earlier try had noted.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from kombu.message import Message as Delivery

from shared.contracts.messages.envelope import OutgoingMessage
from shared.messaging.deliveries import TRIES_HEADER, body_of, copy_of, id_of, tries_of
from shared.messaging.topology import DEAD_LETTERS
from shared.runtime.redaction import redact

FIRST_ERROR_HEADER = "x-first-error"
LAST_ERROR_HEADER = "x-last-error"
QUEUE_HEADER = "x-died-in"
REASON_HEADER = "x-died-of"
TIME_HEADER = "x-died-at"

MAX_ERROR_TEXT = 300
MAX_NAME = 200
MAX_HEADERS_TEXT = 4_000

_OUR_HEADERS = frozenset({FIRST_ERROR_HEADER, LAST_ERROR_HEADER, QUEUE_HEADER, REASON_HEADER, TIME_HEADER})


class Reason(StrEnum):
    """Why a consumer of ours set it aside; the broker has words of its own, such as ``delivery_limit``."""

    UNREADABLE = "unreadable"
    REJECTED = "rejected"
    RETRIES_SPENT = "retries_spent"


@dataclass(frozen=True, slots=True)
class NotedError:
    """``error`` is its class, ``message`` the first line of what it said, redacted; ``at`` is in ISO 8601."""

    error: str
    message: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedLetter:
    """A dead letter as it was found in the queue; all text is bounded, and can be stored.

    ``died_at`` comes from the letter itself, so that it is the same however often the letter is delivered.
    """

    message_id: UUID
    queue: str
    exchange: str
    routing_key: str
    message_type: str
    reason: str
    tries: int
    first_error: NotedError | None
    last_error: NotedError | None
    died_at: datetime
    body: bytes
    headers: Mapping[str, object] = field(default_factory=dict)


def note_of(error: Exception, now: datetime) -> str:
    """The error as a header carries it. Only its first line: a database's second one shows the row."""
    first_line = str(error).partition("\n")[0]
    noted = NotedError(type(error).__name__[:MAX_NAME], _text(redact(first_line), MAX_ERROR_TEXT), now.isoformat())
    return json.dumps(asdict(noted))


def error_headers(delivery: Delivery, error: Exception, now: datetime) -> dict[str, str]:
    """The first error that this message met, whenever that was, and this one."""
    noted = note_of(error, now)
    return {FIRST_ERROR_HEADER: str(delivery.headers.get(FIRST_ERROR_HEADER) or noted), LAST_ERROR_HEADER: noted}


def dead_letter(delivery: Delivery, queue: str, reason: Reason, error: Exception, now: datetime) -> OutgoingMessage:
    """The copy that goes to the dead letters; to be published before the original is acknowledged."""
    headers = {
        TRIES_HEADER: str(tries_of(delivery.headers) + 1),
        QUEUE_HEADER: queue,
        REASON_HEADER: reason,
        TIME_HEADER: now.isoformat(),
    }
    routing_key = str((delivery.delivery_info or {}).get("routing_key") or queue)
    return copy_of(delivery, DEAD_LETTERS, routing_key, headers | error_headers(delivery, error, now), now)


def read_letter(delivery: Delivery, now: datetime) -> ArrivedLetter:
    """Whatever the message is, this reads it."""
    headers = dict(delivery.headers)
    death = _last_death(headers)
    return ArrivedLetter(
        message_id=id_of(delivery),
        queue=_text(headers.get(QUEUE_HEADER) or death.get("queue") or "", MAX_NAME),
        exchange=_text(death.get("exchange") or (delivery.delivery_info or {}).get("exchange") or "", MAX_NAME),
        routing_key=_text((delivery.delivery_info or {}).get("routing_key") or "", MAX_NAME),
        message_type=_text(delivery.properties.get("type") or "", MAX_NAME),
        reason=_text(headers.get(REASON_HEADER) or death.get("reason") or "unknown", MAX_NAME),
        tries=tries_of(headers),
        first_error=_noted(headers.get(FIRST_ERROR_HEADER)),
        last_error=_noted(headers.get(LAST_ERROR_HEADER)),
        died_at=_time(headers.get(TIME_HEADER)) or _time(death.get("time")) or _sent_at(delivery) or now,
        body=body_of(delivery),
        headers=_shown(headers),
    )


def _last_death(headers: Mapping[str, object]) -> Mapping[str, object]:
    """What the broker says of the latest; nothing, where it was a consumer that set the letter aside."""
    deaths = headers.get("x-death")
    if QUEUE_HEADER in headers or not isinstance(deaths, Sequence) or not deaths:
        return {}
    return deaths[0] if isinstance(deaths[0], Mapping) else {}


def _noted(header: object) -> NotedError | None:
    try:
        told = json.loads(str(header))
        return NotedError(
            _text(told["error"], MAX_NAME), _text(told["message"], MAX_ERROR_TEXT), _text(told["at"], MAX_NAME)
        )
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


def _time(given: object) -> datetime | None:
    try:
        found = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    except ValueError:
        return None
    # The client library gives the broker's times without a zone; they are UTC.
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _sent_at(delivery: Delivery) -> datetime | None:
    stamp = delivery.properties.get("timestamp")
    try:
        return datetime.fromtimestamp(int(str(stamp)), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _shown(headers: Mapping[str, object]) -> Mapping[str, object]:
    """The headers as they are kept: redacted, and not more than fit."""
    others = {_text(name, MAX_NAME): value for name, value in headers.items() if name not in _OUR_HEADERS}
    text = _text(json.dumps(redact(others), default=str), 10 * MAX_HEADERS_TEXT).replace("\\u0000", "")
    if len(text) > MAX_HEADERS_TEXT:
        return {"left_out": len(text)}
    shown: Mapping[str, object] = json.loads(text)
    return shown


def _text(given: object, most: int) -> str:
    """Text that the database takes."""
    return str(given).encode("utf-8", "replace").decode().replace("\x00", "")[:most]
