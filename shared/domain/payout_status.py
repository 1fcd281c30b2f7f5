"""The payout's statuses: the table that all movements have, and one edge more."""

from shared.domain.movement_status import (
    MovementStatus,
    MovementTransition,
    MovementTrigger,
    initial_of,
    transitions_of,
)

TRANSITIONS = transitions_of("payout") | {
    # a bank may send a payout back days later
    (MovementStatus.SUCCEEDED, MovementTrigger.DECLINE): MovementTransition(MovementStatus.FAILED, "payout.returned"),
}

INITIAL = initial_of("payout")
