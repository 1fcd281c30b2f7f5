"""Reads a delivery, and makes the copy of it that goes somewhere else."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from uuid import NAMESPACE_OID, UUID, uuid5

from kombu.message import Message as Delivery

from shared.contracts.messages.envelope import OutgoingMessage
from shared.domain.ids import MessageId

# How often this message has been tried, for messages whose handler fails.
TRIES_HEADER = "x-attempt"

# No ladder is so long, and int() takes only so many.
MAX_DIGITS = 3

# x-death and its kin stay behind: a copy of them is counted up on 3.10 and ignored on 4.x.
_KEPT_HEADERS = frozenset({"x-request-id", "x-correlation-id"})


def body_of(delivery: Delivery) -> bytes:
    body = delivery.body
    return body.encode() if isinstance(body, str) else bytes(body)


def tries_of(headers: Mapping[str, object]) -> int:
    """How often it has been tried, at most 999; what is no number counts as never."""
    tries = str(headers.get(TRIES_HEADER, ""))
    return int(tries[:MAX_DIGITS]) if tries.isdecimal() else 0


def copy_of(
    delivery: Delivery, exchange: str, routing_key: str, headers: Mapping[str, str], now: datetime
) -> OutgoingMessage:
    """The same message with the same id for another place; of the headers it came with only its request's ids stay."""
    kept = {name: value for name, value in delivery.headers.items() if name in _KEPT_HEADERS}
    return OutgoingMessage(
        message_id=MessageId(id_of(delivery)),
        exchange=exchange,
        routing_key=routing_key,
        type=str(delivery.properties.get("type", "")),
        body=body_of(delivery),
        headers={**kept, **headers},
        correlation_id=str(delivery.properties.get("correlation_id", "")),
        occurred_at=now,
    )


def id_of(delivery: Delivery) -> UUID:
    """Its id; where it has none, or one that is not ours, one that all messages with the same body have."""
    try:
        return UUID(str(delivery.properties.get("message_id")))
    except ValueError:
        return uuid5(NAMESPACE_OID, sha256(body_of(delivery)).hexdigest())
