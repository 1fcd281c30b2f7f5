"""Stores disputes; the payment's row is their lock."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from shared.domain.dispute import Dispute
from shared.domain.dispute_status import DisputeFunds, DisputeStatus
from shared.domain.ids import MerchantId, TransactionId
from shared.domain.money import Money
from shared.persistence.tables import disputes


class DisputeRepository:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, dispute: Dispute) -> None:
        columns = {
            "id": dispute.id,
            "transaction_id": dispute.transaction_id,
            "merchant_id": dispute.merchant_id,
            "provider": dispute.provider,
            "provider_dispute_id": dispute.reference,
            "amount_minor": dispute.amount.amount_minor_units,
            "currency": dispute.amount.currency,
            "reason": dispute.reason,
            "created_at": dispute.created_at,
        }
        self._connection.execute(insert(disputes).values(**columns, **_changing(dispute)))

    def save(self, dispute: Dispute) -> None:
        """Keep what may have changed: all but what it is about."""
        self._connection.execute(update(disputes).where(disputes.c.id == dispute.id).values(**_changing(dispute)))

    def find_by_reference(self, provider: str, reference: str) -> Dispute | None:
        statement = select(disputes).where(disputes.c.provider == provider, disputes.c.provider_dispute_id == reference)
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _dispute(row)

    def of_transaction(self, transaction_id: TransactionId) -> Sequence[Dispute]:
        """Oldest first."""
        statement = select(disputes).where(disputes.c.transaction_id == transaction_id)
        found = self._connection.execute(statement.order_by(disputes.c.created_at, disputes.c.id))
        return [_dispute(row) for row in found]


def _changing(dispute: Dispute) -> dict[str, object]:
    return {
        "status": dispute.status,
        "funds": dispute.funds,
        "evidence_due_at": dispute.evidence_due_at,
        "provider_response": dict(dispute.provider_response),
        "updated_at": dispute.updated_at,
    }


def _dispute(row: Row[Any]) -> Dispute:
    column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return Dispute(
        id=column["id"],
        transaction_id=TransactionId(column["transaction_id"]),
        merchant_id=MerchantId(column["merchant_id"]),
        provider=column["provider"],
        reference=column["provider_dispute_id"],
        amount=Money(column["amount_minor"], column["currency"]),
        status=DisputeStatus(column["status"]),
        funds=DisputeFunds(column["funds"]),
        reason=column["reason"],
        evidence_due_at=column["evidence_due_at"],
        provider_response=column["provider_response"],
        created_at=column["created_at"],
        updated_at=column["updated_at"],
    )
