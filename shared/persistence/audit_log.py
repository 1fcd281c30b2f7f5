"""The audit trail: rows are only ever added (the application's role has no other right), each with its MAC."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Row, insert, literal_column, select

from shared.domain.ids import MerchantId, PayoutId, TransactionId
from shared.persistence.audit_entry import AuditEntry
from shared.persistence.audit_form import content_of
from shared.persistence.pending_writes import PendingWrites
from shared.persistence.tables import AUDITED_PAYOUT, audit_logs
from shared.runtime.audit_keys import AuditKeys

__all__ = ["AuditEntry", "AuditKeyMissing", "AuditLog"]


class AuditKeyMissing(Exception):
    """This process was built without AUDIT_KEY, and must not write to the audit trail."""


class AuditLog:
    def __init__(self, connection: Connection, writes: PendingWrites, keys: AuditKeys | None = None) -> None:
        self._connection, self._writes, self._keys = connection, writes, keys

    def append(self, entry: AuditEntry) -> None:
        """Raises ``AuditKeyMissing``."""
        self._writes.insert(audit_logs, self._columns(entry))

    def append_all(self, entries: Sequence[AuditEntry]) -> None:
        """In one statement. Raises ``AuditKeyMissing``."""
        self._connection.execute(insert(audit_logs), [self._columns(entry) for entry in entries])

    def of_transaction(self, transaction_id: TransactionId) -> Sequence[AuditEntry]:
        """Oldest first."""
        return self._oldest_first(audit_logs.c.transaction_id == transaction_id)

    def of_payout(self, payout_id: PayoutId) -> Sequence[AuditEntry]:
        """Oldest first. A payout's entries name it in their ``event_data``, which their MAC covers as it always has."""
        return self._oldest_first(literal_column(AUDITED_PAYOUT) == str(payout_id))

    def _oldest_first(self, of_one: ColumnElement[bool]) -> list[AuditEntry]:
        statement = select(audit_logs).where(of_one).order_by(audit_logs.c.timestamp, audit_logs.c.id)
        return [_entry(row) for row in self._connection.execute(statement)]

    def _columns(self, entry: AuditEntry) -> dict[str, object]:
        if self._keys is None:
            raise AuditKeyMissing
        return {
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
            "mac": self._keys.sign_row(content_of(entry)),
        }


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
