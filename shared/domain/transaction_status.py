"""The transaction's statuses: THE state table, and nothing else assigns a status."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.errors import IllegalTransition


class TransactionStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    AUTHORIZED = "authorized"
    IN_DOUBT = "in_doubt"
    COMPLETED = "completed"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class TransactionTrigger(StrEnum):
    SUBMIT = "submit"
    REQUEUE = "requeue"
    ACCEPT = "accept"
    REQUIRE_ACTION = "require_action"
    AUTHORIZE = "authorize"
    CAPTURE_SOME = "capture_some"
    SUCCEED = "succeed"
    DECLINE = "decline"
    CANCEL = "cancel"
    EXPIRE = "expire"
    DOUBT = "doubt"
    REFUND_SOME = "refund_some"
    REFUND_ALL = "refund_all"
    REFUND_RETURNED_SOME = "refund_returned_some"
    REFUND_RETURNED_ALL = "refund_returned_all"


@dataclass(frozen=True, slots=True)
class Transition:
    """Where an edge leads, and the event that it emits."""

    status: TransactionStatus
    event_type: str


S, T = TransactionStatus, TransactionTrigger

TRANSITIONS: dict[tuple[TransactionStatus, TransactionTrigger], Transition] = {
    # accepted, waiting for the provider's worker
    (S.PENDING, T.SUBMIT): Transition(S.PROCESSING, "payment.processing"),
    (S.PENDING, T.SUCCEED): Transition(S.COMPLETED, "payment.completed"),
    (S.PENDING, T.DECLINE): Transition(S.FAILED, "payment.failed"),
    (S.PENDING, T.CANCEL): Transition(S.CANCELLED, "payment.cancelled"),
    (S.PENDING, T.EXPIRE): Transition(S.EXPIRED, "payment.expired"),
    # sent
    (S.PROCESSING, T.REQUEUE): Transition(S.PENDING, "payment.retry_scheduled"),
    (S.PROCESSING, T.REQUIRE_ACTION): Transition(S.REQUIRES_ACTION, "payment.requires_action"),
    (S.PROCESSING, T.AUTHORIZE): Transition(S.AUTHORIZED, "payment.authorized"),
    (S.PROCESSING, T.SUCCEED): Transition(S.COMPLETED, "payment.completed"),
    (S.PROCESSING, T.DECLINE): Transition(S.FAILED, "payment.failed"),
    (S.PROCESSING, T.CANCEL): Transition(S.CANCELLED, "payment.cancelled"),
    (S.PROCESSING, T.EXPIRE): Transition(S.EXPIRED, "payment.expired"),
    (S.PROCESSING, T.DOUBT): Transition(S.IN_DOUBT, "payment.in_doubt"),
    # the customer must act
    (S.REQUIRES_ACTION, T.ACCEPT): Transition(S.PROCESSING, "payment.processing"),
    (S.REQUIRES_ACTION, T.AUTHORIZE): Transition(S.AUTHORIZED, "payment.authorized"),
    (S.REQUIRES_ACTION, T.SUCCEED): Transition(S.COMPLETED, "payment.completed"),
    (S.REQUIRES_ACTION, T.DECLINE): Transition(S.FAILED, "payment.failed"),
    (S.REQUIRES_ACTION, T.CANCEL): Transition(S.CANCELLED, "payment.cancelled"),
    (S.REQUIRES_ACTION, T.EXPIRE): Transition(S.EXPIRED, "payment.expired"),
    # reserved; taken in one or several parts
    (S.AUTHORIZED, T.CAPTURE_SOME): Transition(S.AUTHORIZED, "payment.partially_captured"),
    (S.AUTHORIZED, T.SUCCEED): Transition(S.COMPLETED, "payment.completed"),
    (S.AUTHORIZED, T.CANCEL): Transition(S.CANCELLED, "payment.cancelled"),
    (S.AUTHORIZED, T.EXPIRE): Transition(S.EXPIRED, "payment.expired"),
    # may have been executed: only the provider's truth leads out
    (S.IN_DOUBT, T.ACCEPT): Transition(S.PROCESSING, "payment.processing"),
    (S.IN_DOUBT, T.REQUEUE): Transition(S.PENDING, "payment.retry_scheduled"),
    (S.IN_DOUBT, T.REQUIRE_ACTION): Transition(S.REQUIRES_ACTION, "payment.requires_action"),
    (S.IN_DOUBT, T.AUTHORIZE): Transition(S.AUTHORIZED, "payment.authorized"),
    (S.IN_DOUBT, T.SUCCEED): Transition(S.COMPLETED, "payment.completed"),
    (S.IN_DOUBT, T.DECLINE): Transition(S.FAILED, "payment.failed"),
    (S.IN_DOUBT, T.CANCEL): Transition(S.CANCELLED, "payment.cancelled"),
    (S.IN_DOUBT, T.EXPIRE): Transition(S.EXPIRED, "payment.expired"),
    # taken; a refund that succeeded may still fail later, and gives the money back to us
    (S.COMPLETED, T.REFUND_SOME): Transition(S.PARTIALLY_REFUNDED, "payment.partially_refunded"),
    (S.COMPLETED, T.REFUND_ALL): Transition(S.REFUNDED, "payment.refunded"),
    (S.PARTIALLY_REFUNDED, T.REFUND_SOME): Transition(S.PARTIALLY_REFUNDED, "payment.partially_refunded"),
    (S.PARTIALLY_REFUNDED, T.REFUND_ALL): Transition(S.REFUNDED, "payment.refunded"),
    (S.PARTIALLY_REFUNDED, T.REFUND_RETURNED_SOME): Transition(S.PARTIALLY_REFUNDED, "payment.refund_returned"),
    (S.PARTIALLY_REFUNDED, T.REFUND_RETURNED_ALL): Transition(S.COMPLETED, "payment.refund_returned"),
    (S.REFUNDED, T.REFUND_RETURNED_SOME): Transition(S.PARTIALLY_REFUNDED, "payment.refund_returned"),
    (S.REFUNDED, T.REFUND_RETURNED_ALL): Transition(S.COMPLETED, "payment.refund_returned"),
    # a capture whose answer came after the payment was closed: more was taken than we thought
    (S.COMPLETED, T.CAPTURE_SOME): Transition(S.COMPLETED, "payment.partially_captured"),
    (S.PARTIALLY_REFUNDED, T.CAPTURE_SOME): Transition(S.PARTIALLY_REFUNDED, "payment.partially_captured"),
    (S.REFUNDED, T.CAPTURE_SOME): Transition(S.PARTIALLY_REFUNDED, "payment.partially_captured"),
    # success absorbs: the money came after all
    (S.FAILED, T.SUCCEED): Transition(S.COMPLETED, "payment.completed"),
    (S.CANCELLED, T.SUCCEED): Transition(S.COMPLETED, "payment.completed"),
    (S.EXPIRED, T.SUCCEED): Transition(S.COMPLETED, "payment.completed"),
}

INITIAL = Transition(S.PENDING, "payment.initiated")

# The five statuses that the specification asks for, over ours.
BASIC_STATUS: dict[TransactionStatus, str] = {
    S.PENDING: "pending",
    S.PROCESSING: "processing",
    S.REQUIRES_ACTION: "processing",
    S.AUTHORIZED: "processing",
    S.IN_DOUBT: "processing",
    S.COMPLETED: "completed",
    S.PARTIALLY_REFUNDED: "completed",
    S.REFUNDED: "refunded",
    S.FAILED: "failed",
    S.CANCELLED: "failed",
    S.EXPIRED: "failed",
}

UNFINISHED = frozenset({S.PENDING, S.PROCESSING, S.REQUIRES_ACTION, S.AUTHORIZED, S.IN_DOUBT})
# The provider has it, and has not taken the money yet, as far as anybody knows.
WITH_PROVIDER = frozenset({S.PROCESSING, S.REQUIRES_ACTION, S.AUTHORIZED})
REFUNDABLE = frozenset({S.COMPLETED, S.PARTIALLY_REFUNDED})
NOT_TAKEN = frozenset({S.FAILED, S.CANCELLED, S.EXPIRED})


def next_status(status: TransactionStatus, trigger: TransactionTrigger) -> Transition:
    """The edge that ``trigger`` takes from ``status``.

    Raises:
        IllegalTransition: the table has no such edge, so a late or repeated message changes nothing.
    """
    transition = TRANSITIONS.get((status, trigger))
    if transition is None:
        raise IllegalTransition(status, trigger)
    return transition
