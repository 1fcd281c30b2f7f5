"""Makes the commands for a payment, a movement of it or a payout, as they stand."""

from datetime import datetime
from typing import TypedDict, assert_never
from uuid import UUID

from shared.application.subjects import AnyMovement
from shared.contracts.messages.commands import (
    CancelPayment,
    CapturePayment,
    Command,
    InitializePayment,
    RefundPayment,
    SendPayout,
    VerifyCapture,
    VerifyPayment,
    VerifyPayout,
    VerifyRefund,
)
from shared.domain.capture import Capture
from shared.domain.movement_status import MovementStatus
from shared.domain.payout import Payout
from shared.domain.refund import Refund
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.runtime.identifiers import new_id


class _Envelope(TypedDict):
    """What every command says of itself."""

    message_id: UUID
    occurred_at: datetime
    correlation_id: UUID
    causation_id: UUID | None
    provider: str


def next_payment_command(payment: Transaction, now: datetime, causation_id: UUID | None = None) -> Command:
    """What the provider's worker should do with an unfinished payment: start it, or ask about it."""
    envelope = _envelope(payment.id, payment.provider, now, causation_id)
    if payment.status is TransactionStatus.PENDING:
        return InitializePayment(**envelope, transaction_id=payment.id, expires_at=payment.expires_at)
    return VerifyPayment(**envelope, transaction_id=payment.id)


def cancel_command(payment: Transaction, now: datetime) -> CancelPayment:
    return CancelPayment(**_envelope(payment.id, payment.provider, now), transaction_id=payment.id)


def next_movement_command(movement: AnyMovement, now: datetime, causation_id: UUID | None = None) -> Command:
    """As ``next_payment_command``, for a movement."""
    match movement:
        case Capture():
            return next_capture_command(movement, now, causation_id)
        case Refund():
            return next_refund_command(movement, now, causation_id)
        case Payout():
            return next_payout_command(movement, now, causation_id)
        case unreachable:
            assert_never(unreachable)


def next_capture_command(capture: Capture, now: datetime, causation_id: UUID | None = None) -> Command:
    payment_id = capture.transaction_id
    envelope = _envelope(payment_id, capture.provider, now, causation_id)
    if capture.status is MovementStatus.PENDING:
        return CapturePayment(
            **envelope, transaction_id=payment_id, capture_id=capture.id, expires_at=capture.expires_at
        )
    return VerifyCapture(**envelope, transaction_id=payment_id, capture_id=capture.id)


def next_refund_command(refund: Refund, now: datetime, causation_id: UUID | None = None) -> Command:
    payment_id = refund.transaction_id
    envelope = _envelope(payment_id, refund.provider, now, causation_id)
    if refund.status is RefundStatus.PENDING:
        return RefundPayment(**envelope, transaction_id=payment_id, refund_id=refund.id, expires_at=refund.expires_at)
    return VerifyRefund(**envelope, transaction_id=payment_id, refund_id=refund.id)


def next_payout_command(payout: Payout, now: datetime, causation_id: UUID | None = None) -> Command:
    envelope = _envelope(payout.id, payout.provider, now, causation_id)
    if payout.status is MovementStatus.PENDING:
        return SendPayout(**envelope, payout_id=payout.id, expires_at=payout.expires_at)
    return VerifyPayout(**envelope, payout_id=payout.id)


def _envelope(correlation_id: UUID, provider: str, now: datetime, causation_id: UUID | None = None) -> _Envelope:
    return {
        "message_id": new_id(),
        "occurred_at": now,
        "correlation_id": correlation_id,
        "causation_id": causation_id,
        "provider": provider,
    }
