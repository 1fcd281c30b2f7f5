"""Stores captures, and guards their sums in the database."""

from typing import Any

from sqlalchemy import Row, update

from shared.domain.capture import Capture
from shared.domain.ids import CaptureId, TransactionId
from shared.domain.money import Money
from shared.persistence.movements import PaymentMovementRepository, shared_facts
from shared.persistence.tables import captures, transactions


class CaptureRepository(PaymentMovementRepository[Capture]):
    _table = captures
    _reference = "provider_capture_id"

    def reserve(self, transaction_id: TransactionId, amount: Money) -> bool:
        """Promise ``amount`` of what is authorized to a capture; ``False`` if less than that is left."""
        left = transactions.c.authorized_minor - transactions.c.captured_minor - transactions.c.capture_pending_minor
        statement = (
            update(transactions)
            .where(transactions.c.id == transaction_id, left >= amount.amount_minor_units)
            .values(capture_pending_minor=transactions.c.capture_pending_minor + amount.amount_minor_units)
        )
        return self._connection.execute(statement).rowcount == 1

    def _own_columns(self, movement: Capture) -> dict[str, object]:
        return {"transaction_id": movement.transaction_id, "is_final": movement.is_final}

    def _entity(self, row: Row[Any]) -> Capture:
        column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
        return Capture(
            id=CaptureId(column["id"]),
            transaction_id=TransactionId(column["transaction_id"]),
            is_final=column["is_final"],
            provider_capture_id=column["provider_capture_id"],
            **shared_facts(column),
        )
