"""Payments and refunds for tests against the real database."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from shared.domain.capture import Capture
from shared.domain.customer import Customer
from shared.domain.ids import CaptureId, MerchantId, PayoutId, RefundId, TransactionId, UserId
from shared.domain.money import Money
from shared.domain.movement_status import MovementStatus
from shared.domain.payout import Payout
from shared.domain.refund import Refund
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.accounts import Account
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.identifiers import new_id

AUDIT_KEYS = AuditKeys("the-audit-key-of-the-integration-tests")
NOW = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)


def a_merchant(unit_of_work: UnitOfWorkFactory) -> tuple[MerchantId, UserId]:
    """A merchant with one user, stored."""
    merchant_id, user_id = MerchantId(new_id()), UserId(new_id())
    with unit_of_work() as work:
        work.accounts.ensure_merchant(merchant_id, "Test", NOW)
        account = Account(user_id=user_id, merchant_id=merchant_id, role="developer", secret_hash="x")
        work.accounts.ensure_user(account, f"{user_id}@example.com", NOW)
        work.commit()
    return merchant_id, user_id


def a_payment(
    merchant_id: MerchantId,
    user_id: UserId | None = None,
    *,
    captured: int = 0,
    status: TransactionStatus = TransactionStatus.PENDING,
    amount: int = 100_000,
) -> Transaction:
    nothing = Money(0, "KES")
    return Transaction(
        id=TransactionId(new_id()),
        merchant_id=merchant_id,
        user_id=user_id,
        idempotency_key=str(uuid4()),
        provider="cpay",
        amount=Money(amount, "KES"),
        status=status,
        customer=Customer(phone="+254700000000"),
        customer_id=None,
        payment_method=None,
        metadata={"order_id": "ORD-1"},
        authorized=Money(captured, "KES"),
        capture_pending=nothing,
        captured=Money(captured, "KES"),
        refunded=nothing,
        refund_pending=nothing,
        version=1,
        expires_at=NOW + timedelta(hours=1),
        created_at=NOW,
        updated_at=NOW,
    )


def a_capture(payment: Transaction, amount: int, *, is_final: bool = False) -> Capture:
    return Capture(
        id=CaptureId(new_id()),
        transaction_id=payment.id,
        merchant_id=payment.merchant_id,
        user_id=payment.user_id,
        idempotency_key=str(uuid4()),
        provider=payment.provider,
        amount=Money(amount, "KES"),
        is_final=is_final,
        status=RefundStatus.PENDING,
        expires_at=NOW + timedelta(hours=1),
        created_at=NOW,
        updated_at=NOW,
    )


def a_refund(payment: Transaction, amount: int) -> Refund:
    return Refund(
        id=RefundId(new_id()),
        transaction_id=payment.id,
        merchant_id=payment.merchant_id,
        user_id=payment.user_id,
        idempotency_key=str(uuid4()),
        provider=payment.provider,
        amount=Money(amount, "KES"),
        reason="test",
        status=RefundStatus.PENDING,
        expires_at=NOW + timedelta(hours=1),
        created_at=NOW,
        updated_at=NOW,
    )


def a_payout(merchant_id: MerchantId, user_id: UserId | None = None) -> Payout:
    return Payout(
        id=PayoutId(new_id()),
        merchant_id=merchant_id,
        user_id=user_id,
        idempotency_key=str(uuid4()),
        provider="cpay",
        amount=Money(70_000, "KES"),
        recipient=Customer(phone="+254700000002", name="Jane"),
        reason="Winnings",
        metadata={"bet": "7"},
        version=1,
        status=MovementStatus.PENDING,
        expires_at=NOW + timedelta(days=1),
        next_check_at=NOW,
        created_at=NOW,
        updated_at=NOW,
    )
