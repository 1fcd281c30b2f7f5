"""The refund's statuses: a table of the same form as the transaction's."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.errors import IllegalTransition


class RefundStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    IN_DOUBT = "in_doubt"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class RefundTrigger(StrEnum):
    SUBMIT = "submit"
    REQUEUE = "requeue"
    ACCEPT = "accept"
    SUCCEED = "succeed"
    DECLINE = "decline"
    DOUBT = "doubt"


@dataclass(frozen=True, slots=True)
class RefundTransition:
    status: RefundStatus
    event_type: str


S, T = RefundStatus, RefundTrigger

TRANSITIONS: dict[tuple[RefundStatus, RefundTrigger], RefundTransition] = {
    (S.PENDING, T.SUBMIT): RefundTransition(S.PROCESSING, "refund.processing"),
    (S.PENDING, T.SUCCEED): RefundTransition(S.SUCCEEDED, "refund.completed"),
    (S.PENDING, T.DECLINE): RefundTransition(S.FAILED, "refund.failed"),
    (S.PROCESSING, T.REQUEUE): RefundTransition(S.PENDING, "refund.retry_scheduled"),
    (S.PROCESSING, T.SUCCEED): RefundTransition(S.SUCCEEDED, "refund.completed"),
    (S.PROCESSING, T.DECLINE): RefundTransition(S.FAILED, "refund.failed"),
    (S.PROCESSING, T.DOUBT): RefundTransition(S.IN_DOUBT, "refund.in_doubt"),
    (S.IN_DOUBT, T.ACCEPT): RefundTransition(S.PROCESSING, "refund.processing"),
    (S.IN_DOUBT, T.REQUEUE): RefundTransition(S.PENDING, "refund.retry_scheduled"),
    (S.IN_DOUBT, T.SUCCEED): RefundTransition(S.SUCCEEDED, "refund.completed"),
    (S.IN_DOUBT, T.DECLINE): RefundTransition(S.FAILED, "refund.failed"),
    # a bank may send a refund back days later
    (S.SUCCEEDED, T.DECLINE): RefundTransition(S.FAILED, "refund.failed"),
}

INITIAL = RefundTransition(S.PENDING, "refund.initiated")

UNFINISHED = frozenset({S.PENDING, S.PROCESSING, S.IN_DOUBT})


def next_refund_status(status: RefundStatus, trigger: RefundTrigger) -> RefundTransition:
    """The edge that ``trigger`` takes from ``status``.

    Raises:
        IllegalTransition: the table has no such edge, so a late or repeated message changes nothing.
    """
    transition = TRANSITIONS.get((status, trigger))
    if transition is None:
        raise IllegalTransition(status, trigger)
    return transition
