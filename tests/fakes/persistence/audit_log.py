"""The audit trail in memory."""

from collections.abc import Sequence

from shared.domain.ids import PayoutId, TransactionId
from shared.persistence.audit_log import AuditEntry, AuditLog
from tests.fakes.persistence.columns import check, stored
from tests.fakes.persistence.session import Session


class InMemoryAuditLog(AuditLog):
    def __init__(self, session: Session) -> None:
        self._session = session

    def append(self, entry: AuditEntry) -> None:
        rows = self._session.own_rows
        check(entry.id not in rows.audit_log, "pk_audit_logs")
        known = entry.transaction_id is None or entry.transaction_id in rows.transactions
        check(known, "fk_audit_logs_transaction_id_transactions")
        rows.audit_log[entry.id] = stored(entry)

    def append_all(self, entries: Sequence[AuditEntry]) -> None:
        for entry in entries:
            self.append(entry)

    def of_transaction(self, transaction_id: TransactionId) -> Sequence[AuditEntry]:
        found = [row for row in self._session.rows.audit_log.values() if row.transaction_id == transaction_id]
        return sorted(found, key=lambda row: (row.timestamp, row.id))

    def of_payout(self, payout_id: PayoutId) -> Sequence[AuditEntry]:
        rows = self._session.rows.audit_log.values()
        found = [row for row in rows if row.event_data.get("payout_id") == str(payout_id)]
        return sorted(found, key=lambda row: (row.timestamp, row.id))
