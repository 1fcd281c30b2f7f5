"""Refunds in memory, with the guard of their sums."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.domain.ids import RefundId, TransactionId
from shared.domain.money import Money
from shared.domain.refund import Refund
from shared.domain.refund_status import UNFINISHED
from shared.persistence.refunds import RefundRepository
from tests.fakes.persistence.columns import check, stored
from tests.fakes.persistence.session import Session
from tests.fakes.persistence.transactions import write_transaction

CHANGING = (
    "status",
    "provider_refund_id",
    "provider_response",
    "failure",
    "next_check_at",
    "checks_made",
    "updated_at",
)


class InMemoryRefunds(RefundRepository):
    def __init__(self, session: Session) -> None:
        self._session = session

    def reserve(self, transaction_id: TransactionId, amount: Money) -> bool:
        rows = self._session.own_rows
        payment = rows.transactions.get(transaction_id)
        if payment is None or payment.refundable.amount_minor_units < amount.amount_minor_units:
            return False
        promised = Money(payment.refund_pending.amount_minor_units + amount.amount_minor_units, payment.amount.currency)
        write_transaction(rows, replace(payment, refund_pending=promised))
        self._session.locked.add(payment.id)
        return True

    def add(self, refund: Refund) -> None:
        rows = self._session.own_rows
        check(refund.id not in rows.refunds, "pk_refunds")
        check(refund.transaction_id in rows.transactions, "fk_refunds_transaction_id_transactions")
        check(refund.amount.amount_minor_units > 0, "ck_refunds_amount_positive")
        key = (refund.merchant_id, refund.idempotency_key)
        taken = {(each.merchant_id, each.idempotency_key) for each in rows.refunds.values()}
        check(key not in taken, "uq_refunds_merchant_id_idempotency_key")
        rows.refunds[refund.id] = stored(refund)

    def save(self, refund: Refund) -> None:
        rows = self._session.own_rows
        assert refund.transaction_id in self._session.locked, "save() is for refunds of a payment that is locked"
        changed: dict[str, Any] = {name: getattr(refund, name) for name in CHANGING}
        rows.refunds[refund.id] = stored(replace(rows.refunds[refund.id], **changed))

    def find(self, refund_id: RefundId) -> Refund | None:
        return self._session.rows.refunds.get(refund_id)

    def find_by_reference(self, provider: str, provider_refund_id: str) -> Refund | None:
        wanted = (provider, provider_refund_id)
        rows = self._session.rows.refunds.values()
        return next((row for row in rows if (row.provider, row.provider_refund_id) == wanted), None)

    def of_transaction(self, transaction_id: TransactionId) -> Sequence[Refund]:
        found = [row for row in self._session.rows.refunds.values() if row.transaction_id == transaction_id]
        return sorted(found, key=lambda row: (row.created_at, row.id))

    def claim_due_checks(self, now: datetime, until: datetime, limit: int) -> Sequence[Refund]:
        rows = self._session.own_rows.refunds
        due = [(row.next_check_at, row) for row in rows.values() if row.next_check_at is not None]
        first = sorted((pair for pair in due if pair[0] <= now), key=lambda pair: pair[0])[:limit]
        claimed = [replace(row, next_check_at=until) for _, row in first]
        rows.update({row.id: row for row in claimed})
        return claimed

    def unfinished(self, after: UUID, limit: int) -> Sequence[Refund]:
        rows = self._session.rows.refunds.values()
        found = [row for row in rows if row.status in UNFINISHED and row.id > after]
        return sorted(found, key=lambda row: row.id)[:limit]
