"""The statuses of whatever moves money besides the payment itself: one form of state table, made for each noun."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.errors import IllegalTransition


class MovementStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    IN_DOUBT = "in_doubt"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class MovementTrigger(StrEnum):
    SUBMIT = "submit"
    REQUEUE = "requeue"
    ACCEPT = "accept"
    SUCCEED = "succeed"
    DECLINE = "decline"
    DOUBT = "doubt"


@dataclass(frozen=True, slots=True)
class MovementTransition:
    """Where an edge leads, and the event that it emits."""

    status: MovementStatus
    event_type: str


Transitions = Mapping[tuple[MovementStatus, MovementTrigger], MovementTransition]

S, T = MovementStatus, MovementTrigger

UNFINISHED = frozenset({S.PENDING, S.PROCESSING, S.IN_DOUBT})


def transitions_of(noun: str) -> dict[tuple[MovementStatus, MovementTrigger], MovementTransition]:
    """The edges that all have in common, with events named for ``noun``."""
    processing = MovementTransition(S.PROCESSING, f"{noun}.processing")
    again = MovementTransition(S.PENDING, f"{noun}.retry_scheduled")
    succeeded = MovementTransition(S.SUCCEEDED, f"{noun}.completed")
    failed = MovementTransition(S.FAILED, f"{noun}.failed")
    return {
        (S.PENDING, T.SUBMIT): processing,
        (S.PENDING, T.SUCCEED): succeeded,
        (S.PENDING, T.DECLINE): failed,
        (S.PROCESSING, T.REQUEUE): again,
        (S.PROCESSING, T.SUCCEED): succeeded,
        (S.PROCESSING, T.DECLINE): failed,
        (S.PROCESSING, T.DOUBT): MovementTransition(S.IN_DOUBT, f"{noun}.in_doubt"),
        (S.IN_DOUBT, T.ACCEPT): processing,
        (S.IN_DOUBT, T.REQUEUE): again,
        (S.IN_DOUBT, T.SUCCEED): succeeded,
        (S.IN_DOUBT, T.DECLINE): failed,
    }


def initial_of(noun: str) -> MovementTransition:
    return MovementTransition(S.PENDING, f"{noun}.initiated")


def next_movement_status(
    transitions: Transitions, status: MovementStatus, trigger: MovementTrigger
) -> MovementTransition:
    """The edge that ``trigger`` takes from ``status``.

    Raises:
        IllegalTransition: the table has no such edge, so a late or repeated message changes nothing.
    """
    transition = transitions.get((status, trigger))
    if transition is None:
        raise IllegalTransition(status, trigger)
    return transition
