"""Stores refunds, and guards their sums in the database."""

from typing import Any

from sqlalchemy import Row, update

from shared.domain.ids import RefundId, TransactionId
from shared.domain.money import Money
from shared.domain.refund import Refund
from shared.persistence.movements import PaymentMovementRepository, shared_facts
from shared.persistence.tables import refunds, transactions


class RefundRepository(PaymentMovementRepository[Refund]):
    _table = refunds
    _reference = "provider_refund_id"

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

    def _own_columns(self, movement: Refund) -> dict[str, object]:
        return {"transaction_id": movement.transaction_id, "reason": movement.reason}

    def _entity(self, row: Row[Any]) -> Refund:
        column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
        return Refund(
            id=RefundId(column["id"]),
            transaction_id=TransactionId(column["transaction_id"]),
            reason=column["reason"],
            provider_refund_id=column["provider_refund_id"],
            **shared_facts(column),
        )
