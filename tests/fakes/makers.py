"""Makes payments, refunds and the like, of which a test names only what matters to it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from shared.application.actor import process_actor
from shared.application.check_schedule import CheckSchedule
from shared.application.outcome_context import OutcomeContext
from shared.domain.attempt import Operation
from shared.domain.capture import Capture
from shared.domain.customer import Customer
from shared.domain.ids import CaptureId, MerchantId, PayoutId, RefundId, TransactionId, UserId, WebhookEventId
from shared.domain.money import Money
from shared.domain.movement_status import MovementStatus
from shared.domain.payout import Payout
from shared.domain.refund import Refund
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.messaging.retry_ladder import RetryLadder
from shared.persistence.provider_configs import StoredProviderConfig
from shared.persistence.webhook_events import WebhookEvent
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON

MERCHANT = MerchantId(UUID("11111111-1111-4111-8111-111111111111"))
OTHER_MERCHANT = MerchantId(UUID("22222222-2222-4222-8222-222222222222"))
ACCOUNT = UUID("44444444-4444-4844-8444-444444444444")
USER = UserId(UUID("33333333-3333-4333-8333-333333333333"))

TAKEN = frozenset({TransactionStatus.COMPLETED, TransactionStatus.PARTIALLY_REFUNDED, TransactionStatus.REFUNDED})


def a_payment(**facts: Any) -> Transaction:
    """KES 1000.00 with CPay, due in an hour; in a status after success it has been taken."""
    nothing = Money(0, "KES")
    payment = Transaction(
        id=TransactionId(new_id()),
        merchant_id=MERCHANT,
        user_id=USER,
        idempotency_key=str(new_id()),
        provider="cpay",
        amount=Money(100_000, "KES"),
        status=TransactionStatus.PENDING,
        customer=Customer(phone="+254700000001"),
        customer_id=None,
        payment_method=None,
        metadata={},
        authorized=nothing,
        capture_pending=nothing,
        captured=nothing,
        refunded=nothing,
        refund_pending=nothing,
        version=1,
        expires_at=NOON + timedelta(hours=1),
        created_at=NOON,
        updated_at=NOON,
    )
    made = replace(payment, **facts)
    if made.status in TAKEN and "captured" not in facts:
        made = replace(made, captured=made.amount)
    if "authorized" not in facts:
        made = replace(made, authorized=made.amount if made.status is TransactionStatus.AUTHORIZED else made.captured)
    return made


def a_capture(payment: Transaction, **facts: Any) -> Capture:
    """KES 400.00 of ``payment``, with more to come, good for a day."""
    capture = Capture(
        id=CaptureId(new_id()),
        transaction_id=payment.id,
        merchant_id=payment.merchant_id,
        user_id=USER,
        idempotency_key=str(new_id()),
        provider=payment.provider,
        amount=Money(40_000, "KES"),
        is_final=False,
        status=MovementStatus.PENDING,
        expires_at=NOON + timedelta(days=1),
        created_at=NOON,
        updated_at=NOON,
    )
    return replace(capture, **facts)


def a_refund(payment: Transaction, **facts: Any) -> Refund:
    """KES 400.00 of ``payment``, good for a day."""
    refund = Refund(
        id=RefundId(new_id()),
        transaction_id=payment.id,
        merchant_id=payment.merchant_id,
        user_id=USER,
        idempotency_key=str(new_id()),
        provider=payment.provider,
        amount=Money(40_000, "KES"),
        reason="Customer request",
        status=RefundStatus.PENDING,
        expires_at=NOON + timedelta(days=1),
        created_at=NOON,
        updated_at=NOON,
    )
    return replace(refund, **facts)


def a_payout(**facts: Any) -> Payout:
    """KES 700.00 to a phone, good for a day."""
    payout = Payout(
        id=PayoutId(new_id()),
        merchant_id=MERCHANT,
        user_id=USER,
        idempotency_key=str(new_id()),
        provider="cpay",
        amount=Money(70_000, "KES"),
        recipient=Customer(phone="+254700000002"),
        reason="Winnings",
        metadata={},
        version=1,
        status=MovementStatus.PENDING,
        expires_at=NOON + timedelta(days=1),
        created_at=NOON,
        updated_at=NOON,
    )
    return replace(payout, **facts)


def an_account(**facts: Any) -> StoredProviderConfig:
    """CPay's default account, without anything that it would need to be opened."""
    account = StoredProviderConfig(
        id=ACCOUNT, provider_name="cpay", is_active=True, api_key=None, api_secret=None, webhook_secret=None
    )
    return replace(account, **facts)


def a_context(operation: Operation | None = None, **facts: Any) -> OutcomeContext:
    """Applied at noon, with the real ladder and schedule."""
    context = OutcomeContext(
        actor=process_actor("test"), now=NOON, ladder=RetryLadder(), checks=CheckSchedule(), operation=operation
    )
    return replace(context, **facts)


def a_callback(created_at: datetime = NOON, **facts: Any) -> WebhookEvent:
    """Verified just now; each is another event of the provider's."""
    event_id = new_id()
    event = WebhookEvent(
        id=WebhookEventId(event_id),
        provider="cpay",
        provider_config_id=ACCOUNT,
        provider_event_id=f"evt-{event_id}",
        event_type="payment.reported",
        signature="v1",
        created_at=created_at,
        payload={"id": str(event_id)},
    )
    return replace(event, **facts)
