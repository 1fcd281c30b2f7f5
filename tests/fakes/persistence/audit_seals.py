"""The seals of the audit trail in memory."""

from collections.abc import Sequence

from shared.persistence.audit_form import StoredAuditRow, content_of
from shared.persistence.audit_seals import AuditSeals, Leaf, Seal
from shared.runtime.audit_keys import AuditKeys
from tests.fakes.persistence.columns import check
from tests.fakes.persistence.session import Session

AUDIT_KEYS = AuditKeys("the-audit-key-of-tests-with-a-database-in-memory")


class InMemoryAuditSeals(AuditSeals):
    """There is one writer at a time, so what is committed is behind the horizon, and all is written by one number."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock(self) -> bool:
        return self._session.own_rows is not None

    def last(self) -> Seal | None:
        seals = self._session.rows.audit_seals
        return seals[max(seals)] if seals else None

    def unsealed(self, after: Seal | None, limit: int) -> Sequence[StoredAuditRow]:
        committed = self._session.database.committed
        entries = [each for each in committed.audit_log.values() if each.id not in committed.audit_leaves]
        contents = [(each.id, content_of(each)) for each in sorted(entries, key=lambda each: each.id)]
        return [
            StoredAuditRow(id=id_, content=content, mac=AUDIT_KEYS.sign_row(content), written_by=1)
            for id_, content in contents[:limit]
        ]

    def add(self, seal: Seal, leaves: Sequence[Leaf]) -> None:
        rows = self._session.own_rows
        check(seal.number not in rows.audit_seals, "pk_audit_seals")
        rows.audit_seals[seal.number] = seal
        for leaf in leaves:
            check(leaf.audit_id not in rows.audit_leaves, "uq_audit_leaves_audit_id")
            rows.audit_leaves[leaf.audit_id] = leaf
