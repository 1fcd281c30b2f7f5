"""The types of all events, and patterns of them."""

import re
from collections.abc import Iterable

from shared.domain import capture_status, dispute_status, payout_status, refund_status, transaction_status

# Told to a merchant's other endpoints when we have switched one off; in no log.
ENDPOINT_DISABLED = "webhook_endpoint.disabled"

# What `Test my endpoint` sends; nobody can ask for it, and nobody gets it otherwise.
ENDPOINT_TEST = "webhook_endpoint.test"

_MOVEMENTS = (capture_status, refund_status, payout_status)

# What the log can hold: the edges of the state tables, and what asks for a person.
EVENT_TYPES: frozenset[str] = frozenset(
    {
        transaction_status.INITIAL.event_type,
        *(edge.event_type for edge in transaction_status.TRANSITIONS.values()),
        *(each.INITIAL.event_type for each in _MOVEMENTS),
        *(edge.event_type for each in _MOVEMENTS for edge in each.TRANSITIONS.values()),
        *dispute_status.EVENT_TYPES,
        *(f"{noun}.needs_review" for noun in ("payment", "capture", "refund", "payout")),
    }
)

WEBHOOK_TYPES = EVENT_TYPES | {ENDPOINT_DISABLED}

_PATTERN = re.compile(r"([a-z_]+)\.\*")


def matches(wanted: str, event_type: str) -> bool:
    """Whether ``wanted`` is the type itself, or a pattern such as ``payment.*`` that covers it."""
    pattern = _PATTERN.fullmatch(wanted)
    return event_type.startswith(f"{pattern[1]}.") if pattern else wanted == event_type


def is_known(wanted: str) -> bool:
    """Whether a webhook can be of a type that ``wanted`` matches: what matches none is a typing error."""
    return any(matches(wanted, event_type) for event_type in WEBHOOK_TYPES)


def types_meant(patterns: Iterable[str]) -> frozenset[str]:
    """The types of the log that ``patterns`` match. Raises ``ValueError`` naming the first that matches none."""
    meant = {pattern: {each for each in EVENT_TYPES if matches(pattern, each)} for pattern in patterns}
    unknown = next((pattern for pattern, types in meant.items() if not types), None)
    if unknown is not None:
        raise ValueError(f"{unknown[:60]!r} is no type of event: give one such as payment.completed, or payment.*")
    return frozenset().union(*meant.values())
