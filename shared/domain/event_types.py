"""Every type of event that the log can hold: the edges of the state tables, and what asks for a person."""

from collections.abc import Iterable

from shared.domain import dispute_status, transaction_status
from shared.domain.capture_status import TRANSITIONS as CAPTURE_TRANSITIONS
from shared.domain.movement_status import initial_of
from shared.domain.payout_status import TRANSITIONS as PAYOUT_TRANSITIONS
from shared.domain.refund_status import TRANSITIONS as REFUND_TRANSITIONS

_MOVEMENTS = {"capture": CAPTURE_TRANSITIONS, "refund": REFUND_TRANSITIONS, "payout": PAYOUT_TRANSITIONS}

EVENT_TYPES: frozenset[str] = frozenset(
    {
        transaction_status.INITIAL.event_type,
        *(edge.event_type for edge in transaction_status.TRANSITIONS.values()),
        *(initial_of(noun).event_type for noun in _MOVEMENTS),
        *(edge.event_type for table in _MOVEMENTS.values() for edge in table.values()),
        *dispute_status.EVENT_TYPES,
        *(f"{noun}.needs_review" for noun in ("payment", *_MOVEMENTS)),
    }
)


def types_meant(patterns: Iterable[str]) -> frozenset[str]:
    """The types that ``patterns`` mean: each is a type, or ``payment.*`` for all of that noun.

    Raises ``ValueError`` naming the first that means none.
    """
    meant = {pattern: _meant(pattern) for pattern in patterns}
    unknown = next((pattern for pattern, types in meant.items() if not types), None)
    if unknown is not None:
        raise ValueError(f"{unknown[:60]!r} is no type of event: give one such as payment.completed, or payment.*")
    return frozenset().union(*meant.values())


def _meant(pattern: str) -> frozenset[str]:
    noun, _, rest = pattern.partition(".")
    if rest == "*":
        return frozenset(each for each in EVENT_TYPES if each.startswith(f"{noun}."))
    return EVENT_TYPES & {pattern}
