"""Stores refunds, and guards their sums in the database."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, Select, bindparam, insert, select, update

from shared.domain.ids import MerchantId, RefundId, TransactionId, UserId
from shared.domain.money import Money
from shared.domain.refund import Refund
from shared.domain.refund_status import UNFINISHED, RefundStatus
from shared.persistence.tables import refunds, transactions
from shared.persistence.transactions import failure_from


class RefundRepository:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def reserve(self, transaction_id: TransactionId, amount: Money) -> bool:
        """Promise ``amount`` of the payment to a refund; ``False`` if less than that is left.

        One conditional UPDATE: checking first and writing then over-refunds as soon as two come at once.
        """
        left = transactions.c.captured_minor - transactions.c.refunded_minor - transactions.c.refund_pending_minor
        statement = (
            update(transactions)
            .where(transactions.c.id == transaction_id, left >= amount.amount_minor_units)
            .values(refund_pending_minor=transactions.c.refund_pending_minor + amount.amount_minor_units)
        )
        return self._connection.execute(statement).rowcount == 1

    def add(self, refund: Refund) -> None:
        columns = {
            "id": refund.id,
            "transaction_id": refund.transaction_id,
            "merchant_id": refund.merchant_id,
            "user_id": refund.user_id,
            "idempotency_key": refund.idempotency_key,
            "provider": refund.provider,
            "amount_minor": refund.amount.amount_minor_units,
            "currency": refund.amount.currency,
            "reason": refund.reason,
            "expires_at": refund.expires_at,
            "created_at": refund.created_at,
        }
        self._connection.execute(insert(refunds), columns | _changing_columns(refund))

    def save(self, refund: Refund) -> None:
        """Write what can change. The caller holds the lock of the payment's row."""
        statement = update(refunds).where(refunds.c.id == bindparam("saved_id"))
        self._connection.execute(statement, {"saved_id": refund.id, **_changing_columns(refund)})

    def find(self, refund_id: RefundId) -> Refund | None:
        return self._one(select(refunds).where(refunds.c.id == refund_id))

    def find_by_reference(self, provider: str, provider_refund_id: str) -> Refund | None:
        return self._one(
            select(refunds).where(refunds.c.provider == provider, refunds.c.provider_refund_id == provider_refund_id)
        )

    def of_transaction(self, transaction_id: TransactionId) -> Sequence[Refund]:
        """Oldest first."""
        statement = select(refunds).where(refunds.c.transaction_id == transaction_id)
        rows = self._connection.execute(statement.order_by(refunds.c.created_at, refunds.c.id))
        return [_refund(row) for row in rows]

    def claim_due_checks(self, now: datetime, until: datetime, limit: int) -> Sequence[Refund]:
        """As ``TransactionRepository.claim_due_checks``."""
        due = (
            select(refunds.c.id)
            .where(refunds.c.next_check_at <= now)
            .order_by(refunds.c.next_check_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        claimed = update(refunds).where(refunds.c.id.in_(due)).values(next_check_at=until)
        return [_refund(row) for row in self._connection.execute(claimed.returning(refunds))]

    def unfinished(self, after: UUID, limit: int) -> Sequence[Refund]:
        """As ``TransactionRepository.unfinished``."""
        statement = select(refunds).where(refunds.c.status.in_(sorted(UNFINISHED)), refunds.c.id > after)
        return [_refund(row) for row in self._connection.execute(statement.order_by(refunds.c.id).limit(limit))]

    def _one(self, statement: Select[tuple[object, ...]]) -> Refund | None:
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _refund(row)


def _changing_columns(refund: Refund) -> dict[str, object]:
    return {
        "status": refund.status,
        "provider_refund_id": refund.provider_refund_id,
        "provider_response": dict(refund.provider_response),
        "failure": None if refund.failure is None else asdict(refund.failure),
        "next_check_at": refund.next_check_at,
        "checks_made": refund.checks_made,
        "updated_at": refund.updated_at,
    }


def _refund(row: Row[tuple[object, ...]]) -> Refund:
    column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return Refund(
        id=RefundId(column["id"]),
        transaction_id=TransactionId(column["transaction_id"]),
        merchant_id=MerchantId(column["merchant_id"]),
        user_id=None if column["user_id"] is None else UserId(column["user_id"]),
        idempotency_key=column["idempotency_key"],
        provider=column["provider"],
        amount=Money(column["amount_minor"], column["currency"]),
        reason=column["reason"],
        status=RefundStatus(column["status"]),
        expires_at=column["expires_at"],
        created_at=column["created_at"],
        updated_at=column["updated_at"],
        provider_refund_id=column["provider_refund_id"],
        provider_response=column["provider_response"],
        failure=failure_from(column["failure"]),
        next_check_at=column["next_check_at"],
        checks_made=column["checks_made"],
    )
