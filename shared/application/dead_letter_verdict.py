"""What sending a dead letter again would do: whether what it asks for is still to be done, in one sentence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.application.addressing import command_now, provider_event_now
from shared.application.subjects import AnyMovement
from shared.contracts.messages.codec import AnyMessage, MessageUnreadable, decode
from shared.contracts.messages.commands import (
    CancelPayment,
    CapturePayment,
    Command,
    DeliverWebhooks,
    InitializePayment,
    ProbeEndpoint,
    RefundPayment,
    SendPayout,
    VerifyCapture,
    VerifyPayment,
    VerifyPayout,
    VerifyRefund,
)
from shared.contracts.messages.envelope import OutgoingMessage
from shared.contracts.messages.events import PaymentChanged, PayoutChanged, ProviderEventReceived
from shared.domain.attempt import Attempt, Operation, provider_key
from shared.domain.ids import WebhookEventId
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import Succeeded
from shared.domain.payout import Payout
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.dead_letters import DeadLetter, LetterState
from shared.persistence.unit_of_work import UnitOfWork

ATTEMPT_SUCCEEDED = "attempt already succeeded"
UNKNOWN = "what it is about does not exist"


class Decision(StrEnum):
    """``left``: it can be neither sent nor put away; somebody must look, and discard it."""

    REPLAYED = "replayed"
    SKIPPED = "skipped"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``message`` is what goes out, where the decision is to replay."""

    decision: Decision
    why: str
    message: OutgoingMessage | None = None

    @property
    def sentence(self) -> str:
        return f"{self.decision}: {self.why}"


def verdict_on(work: UnitOfWork, letter: DeadLetter, now: datetime) -> Verdict:
    """Decide by what is true now. Whatever goes out meets the same guards again as it did the first time."""
    if letter.state is not LetterState.WAITING:
        return Verdict(Decision.SKIPPED, f"letter already {letter.state}")
    message = _readable(letter)
    look = None if message is None else LOOKS.get(type(message))
    if message is None or look is None:
        return Verdict(Decision.LEFT, "no worker of this version reads such a message")
    settled = look(work, message, now)
    outgoing = None if settled else _addressed(work, message)
    if outgoing is None:
        return Verdict(Decision.SKIPPED, settled or UNKNOWN)
    return Verdict(Decision.REPLAYED, f"{message.type} goes out again", outgoing)


def _readable(letter: DeadLetter) -> AnyMessage | None:
    try:
        return decode(letter.body.encode()) if letter.is_exact else None
    except MessageUnreadable:
        return None


def _addressed(work: UnitOfWork, message: AnyMessage) -> OutgoingMessage | None:
    """By what the message is, not by the queue that it died in: that may be one of another day."""
    if isinstance(message, ProviderEventReceived):
        event = work.webhook_events.find(WebhookEventId(message.webhook_event_id))
        return None if event is None else provider_event_now(message, event.event_type)
    return command_now(message) if isinstance(message, Command) else None


def _start(work: UnitOfWork, command: Any, now: datetime) -> str | None:
    payment = work.transactions.find(command.transaction_id)
    if payment is None:
        return UNKNOWN
    if payment.status is TransactionStatus.PENDING:
        return "payment expired" if now >= payment.expires_at else None
    if _has_succeeded(work.attempts.of_transaction(payment.id), Operation.INITIALIZE_PAYMENT, payment):
        return ATTEMPT_SUCCEEDED
    return _settled(payment) or f"payment already sent ({payment.status}): it is asked about, never sent again"


def _check(work: UnitOfWork, command: Any, _now: datetime) -> str | None:
    payment = work.transactions.find(command.transaction_id)
    if payment is None:
        return UNKNOWN
    if payment.status is TransactionStatus.PENDING:
        return "payment not sent: there is nothing to ask about"
    return None if payment.next_check_at is not None else _settled(payment)


def _cancel(work: UnitOfWork, command: Any, _now: datetime) -> str | None:
    payment = work.transactions.find(command.transaction_id)
    if payment is None:
        return UNKNOWN
    return _settled(payment) or (None if payment.cancel_requested_at else "cancellation no longer wanted")


def _move(work: UnitOfWork, command: Any, now: datetime) -> str | None:
    movement = _movement(work, command)
    if movement is None:
        return UNKNOWN
    if movement.status is MovementStatus.PENDING:
        return f"{movement.noun} expired" if now >= movement.expires_at else None
    if _has_succeeded(_attempts(work, movement), Operation(f"{movement.noun}.initialize"), movement):
        return ATTEMPT_SUCCEEDED
    if not movement.is_unfinished:
        return f"{movement.noun} already {movement.status}"
    return f"{movement.noun} already sent ({movement.status}): it is asked about, never sent again"


def _check_movement(work: UnitOfWork, command: Any, _now: datetime) -> str | None:
    movement = _movement(work, command)
    if movement is None:
        return UNKNOWN
    if movement.status is MovementStatus.PENDING:
        return f"{movement.noun} not sent: there is nothing to ask about"
    return None if movement.is_unfinished or movement.next_check_at else f"{movement.noun} already {movement.status}"


def _callback(work: UnitOfWork, message: Any, _now: datetime) -> str | None:
    event = work.webhook_events.find(WebhookEventId(message.webhook_event_id))
    if event is None:
        return UNKNOWN
    return f"callback already handled ({event.result})" if event.processed else None


def _needless(why: str) -> Callable[[UnitOfWork, Any, datetime], str]:
    return lambda _work, _message, _now: why


_IS_FOUND = _needless("events without their deliveries are found without it")

# For each message that a worker takes: why there is nothing left to do; ``None``: there is.
LOOKS: Mapping[type[AnyMessage], Callable[[UnitOfWork, Any, datetime], str | None]] = {
    InitializePayment: _start,
    VerifyPayment: _check,
    CancelPayment: _cancel,
    CapturePayment: _move,
    RefundPayment: _move,
    SendPayout: _move,
    VerifyCapture: _check_movement,
    VerifyRefund: _check_movement,
    VerifyPayout: _check_movement,
    ProviderEventReceived: _callback,
    PaymentChanged: _IS_FOUND,
    PayoutChanged: _IS_FOUND,
    DeliverWebhooks: _needless("what is due at an endpoint is rung for again without it"),
    ProbeEndpoint: _needless("whoever wants the test asks for another"),
}


def _settled(payment: Transaction) -> str | None:
    return None if payment.is_unfinished else f"payment already {payment.status}"


def _movement(work: UnitOfWork, command: Any) -> AnyMovement | None:
    if isinstance(command, CapturePayment | VerifyCapture):
        return work.captures.find(command.capture_id)
    if isinstance(command, RefundPayment | VerifyRefund):
        return work.refunds.find(command.refund_id)
    return work.payouts.find(command.payout_id)


def _attempts(work: UnitOfWork, movement: AnyMovement) -> Sequence[Attempt]:
    if isinstance(movement, Payout):
        return work.attempts.of_payout(movement.id)
    return work.attempts.of_transaction(movement.transaction_id)


def _has_succeeded(made: Sequence[Attempt], operation: Operation, subject: Transaction | AnyMovement) -> bool:
    key = provider_key(operation, subject.id)
    return any(each.provider_key == key and each.outcome == Succeeded.__name__ for each in made)
