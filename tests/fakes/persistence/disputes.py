"""Disputes in memory."""

from collections.abc import Sequence
from dataclasses import replace

from shared.domain.dispute import Dispute
from shared.domain.ids import TransactionId
from shared.persistence.disputes import DisputeRepository
from tests.fakes.persistence.columns import check, stored
from tests.fakes.persistence.session import Session


class InMemoryDisputes(DisputeRepository):
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, dispute: Dispute) -> None:
        rows = self._session.own_rows
        check(dispute.id not in rows.disputes, "pk_disputes")
        taken = self.find_by_reference(dispute.provider, dispute.reference)
        check(taken is None, "uq_disputes_provider_provider_dispute_id")
        check(dispute.transaction_id in rows.transactions, "fk_disputes_transaction_id_transactions")
        rows.disputes[dispute.id] = stored(dispute)

    def save(self, dispute: Dispute) -> None:
        assert dispute.transaction_id in self._session.locked, "save() is for disputes of a payment that is locked"
        rows = self._session.own_rows
        kept = rows.disputes[dispute.id]
        rows.disputes[dispute.id] = stored(
            replace(
                kept,
                status=dispute.status,
                funds=dispute.funds,
                evidence_due_at=dispute.evidence_due_at,
                provider_response=dispute.provider_response,
                updated_at=dispute.updated_at,
            )
        )

    def find_by_reference(self, provider: str, reference: str) -> Dispute | None:
        rows = self._session.rows.disputes.values()
        return next((row for row in rows if (row.provider, row.reference) == (provider, reference)), None)

    def of_transaction(self, transaction_id: TransactionId) -> Sequence[Dispute]:
        found = [row for row in self._session.rows.disputes.values() if row.transaction_id == transaction_id]
        return sorted(found, key=lambda row: (row.created_at, row.id))
