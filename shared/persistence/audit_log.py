"""The audit trail: rows are only ever added (the application's role has no other right)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, select

from shared.domain.ids import MerchantId, TransactionId
from shared.persistence.pending_writes import PendingWrites
from shared.persistence.tables import audit_logs


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what, when, from where. ``user_id`` names a user, or a process of ours (``provider_worker``)."""

    id: UUID
    event_type: str
    timestamp: datetime
    merchant_id: MerchantId | None = None
    transaction_id: TransactionId | None = None
    event_data: Mapping[str, object] = field(default_factory=dict)
    user_id: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


class AuditLog:
    def __init__(self, connection: Connection, writes: PendingWrites) -> None:
        self._connection, self._writes = connection, writes

    def append(self, entry: AuditEntry) -> None:
        self._writes.insert(
            audit_logs,
            {
                "id": entry.id,
                "event_type": entry.event_type,
                "timestamp": entry.timestamp,
                "merchant_id": entry.merchant_id,
                "transaction_id": entry.transaction_id,
                "event_data": dict(entry.event_data),
                "user_id": entry.user_id,
                "ip_address": entry.ip_address,
                "user_agent": entry.user_agent,
                "request_id": entry.request_id,
            },
        )

    def of_transaction(self, transaction_id: TransactionId) -> Sequence[AuditEntry]:
        """Oldest first."""
        statement = select(audit_logs).where(audit_logs.c.transaction_id == transaction_id)
        rows = self._connection.execute(statement.order_by(audit_logs.c.timestamp, audit_logs.c.id))
        return [_entry(row) for row in rows]


def _entry(row: Row[tuple[object, ...]]) -> AuditEntry:
    column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return AuditEntry(
        id=column["id"],
        event_type=column["event_type"],
        timestamp=column["timestamp"],
        merchant_id=None if column["merchant_id"] is None else MerchantId(column["merchant_id"]),
        transaction_id=None if column["transaction_id"] is None else TransactionId(column["transaction_id"]),
        event_data=column["event_data"],
        user_id=column["user_id"],
        ip_address=column["ip_address"],
        user_agent=column["user_agent"],
        request_id=column["request_id"],
    )
