"""Makes the commands for a payment, a movement of it or a payout, as they stand."""

from datetime import datetime
from typing import assert_never
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


def next_payment_command(payment: Transaction, now: datetime, causation_id: UUID | None = None) -> Command:
    """What the provider's worker should do with an unfinished payment: start it, or ask about it."""
    if payment.status is TransactionStatus.PENDING:
        return InitializePayment(
            message_id=new_id(),
            occurred_at=now,
            correlation_id=payment.id,
            causation_id=causation_id,
            transaction_id=payment.id,
            provider=payment.provider,
            expires_at=payment.expires_at,
        )
    return VerifyPayment(
        message_id=new_id(),
        occurred_at=now,
        correlation_id=payment.id,
        causation_id=causation_id,
        transaction_id=payment.id,
        provider=payment.provider,
    )


def cancel_command(payment: Transaction, now: datetime) -> CancelPayment:
    return CancelPayment(
        message_id=new_id(),
        occurred_at=now,
        correlation_id=payment.id,
        transaction_id=payment.id,
        provider=payment.provider,
    )


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
    if capture.status is MovementStatus.PENDING:
        return CapturePayment(
            message_id=new_id(),
            occurred_at=now,
            correlation_id=capture.transaction_id,
            causation_id=causation_id,
            transaction_id=capture.transaction_id,
            capture_id=capture.id,
            provider=capture.provider,
            expires_at=capture.expires_at,
        )
    return VerifyCapture(
        message_id=new_id(),
        occurred_at=now,
        correlation_id=capture.transaction_id,
        causation_id=causation_id,
        transaction_id=capture.transaction_id,
        capture_id=capture.id,
        provider=capture.provider,
    )


def next_refund_command(refund: Refund, now: datetime, causation_id: UUID | None = None) -> Command:
    if refund.status is RefundStatus.PENDING:
        return RefundPayment(
            message_id=new_id(),
            occurred_at=now,
            correlation_id=refund.transaction_id,
            causation_id=causation_id,
            transaction_id=refund.transaction_id,
            refund_id=refund.id,
            provider=refund.provider,
            expires_at=refund.expires_at,
        )
    return VerifyRefund(
        message_id=new_id(),
        occurred_at=now,
        correlation_id=refund.transaction_id,
        causation_id=causation_id,
        transaction_id=refund.transaction_id,
        refund_id=refund.id,
        provider=refund.provider,
    )


def next_payout_command(payout: Payout, now: datetime, causation_id: UUID | None = None) -> Command:
    if payout.status is MovementStatus.PENDING:
        return SendPayout(
            message_id=new_id(),
            occurred_at=now,
            correlation_id=payout.id,
            causation_id=causation_id,
            payout_id=payout.id,
            provider=payout.provider,
            expires_at=payout.expires_at,
        )
    return VerifyPayout(
        message_id=new_id(),
        occurred_at=now,
        correlation_id=payout.id,
        causation_id=causation_id,
        payout_id=payout.id,
        provider=payout.provider,
    )
