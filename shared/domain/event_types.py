"""The types of all events that a merchant can be told, and patterns of them."""

import re

from shared.domain import capture_status, payout_status, refund_status, transaction_status

# Told to a merchant's other endpoints when we have switched one off.
ENDPOINT_DISABLED = "webhook_endpoint.disabled"

# What `Test my endpoint` sends; nobody can ask for it, and nobody gets it otherwise.
ENDPOINT_TEST = "webhook_endpoint.test"

_MOVEMENTS = (capture_status, refund_status, payout_status)

EVENT_TYPES: frozenset[str] = frozenset(
    {
        ENDPOINT_DISABLED,
        transaction_status.INITIAL.event_type,
        *(edge.event_type for edge in transaction_status.TRANSITIONS.values()),
        *(each.INITIAL.event_type for each in _MOVEMENTS),
        *(edge.event_type for each in _MOVEMENTS for edge in each.TRANSITIONS.values()),
        *(f"{noun}.needs_review" for noun in ("payment", "capture", "refund", "payout")),
    }
)

_PATTERN = re.compile(r"([a-z_]+)\.\*")


def matches(wanted: str, event_type: str) -> bool:
    """Whether ``wanted`` is the type itself, or a pattern such as ``payment.*`` that covers it."""
    pattern = _PATTERN.fullmatch(wanted)
    return event_type.startswith(f"{pattern[1]}.") if pattern else wanted == event_type


def is_known(wanted: str) -> bool:
    """Whether there is an event that ``wanted`` matches: what matches none is a typing error."""
    return any(matches(wanted, event_type) for event_type in EVENT_TYPES)
