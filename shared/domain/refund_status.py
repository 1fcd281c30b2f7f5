"""The refund's statuses: the table that all movements have, and one edge more."""

from shared.domain.movement_status import (
    UNFINISHED,
    MovementStatus,
    MovementTransition,
    MovementTrigger,
    initial_of,
    next_movement_status,
    transitions_of,
)

__all__ = ["INITIAL", "TRANSITIONS", "UNFINISHED", "RefundStatus", "RefundTransition", "RefundTrigger"]

RefundStatus = MovementStatus
RefundTrigger = MovementTrigger
RefundTransition = MovementTransition

TRANSITIONS = transitions_of("refund") | {
    # a bank may send a refund back days later
    (RefundStatus.SUCCEEDED, RefundTrigger.DECLINE): RefundTransition(RefundStatus.FAILED, "refund.failed"),
}

INITIAL = initial_of("refund")


def next_refund_status(status: RefundStatus, trigger: RefundTrigger) -> RefundTransition:
    """The edge that ``trigger`` takes from ``status``. Raises ``IllegalTransition`` where there is none."""
    return next_movement_status(TRANSITIONS, status, trigger)
