"""Payments in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.domain.ids import MerchantId, TransactionId, short_reference
from shared.domain.money import Money
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.transactions import TransactionFilter, TransactionRepository
from tests.fakes.persistence.columns import check, stored, violated
from tests.fakes.persistence.newest_first import count_of, page_of
from tests.fakes.persistence.session import Session
from tests.fakes.persistence.tables import Tables

# An UPDATE writes these; the rest of the row never changes.
CHANGING = (
    "provider_config_id",
    "status",
    "payment_method",
    "provider_transaction_id",
    "provider_receipt",
    "provider_response",
    "next_action",
    "failure",
    "authorized",
    "capture_pending",
    "captured",
    "refunded",
    "refund_pending",
    "late",
    "version",
    "expires_at",
    "next_check_at",
    "checks_made",
    "review_since",
    "cancel_requested_at",
    "updated_at",
)


class InMemoryTransactions(TransactionRepository):
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, transaction: Transaction) -> None:
        rows = self._session.own_rows
        check(transaction.id not in rows.transactions, "pk_transactions")
        key = (transaction.merchant_id, transaction.idempotency_key)
        if any((each.merchant_id, each.idempotency_key) == key for each in rows.transactions.values()):
            raise violated("uq_transactions_merchant_id_idempotency_key")
        write_transaction(rows, stored(transaction))
        self._session.locked.add(transaction.id)

    def save(self, transaction: Transaction) -> None:
        rows = self._session.own_rows
        assert transaction.id in self._session.locked, "save() is for rows that this transaction has locked"
        changed: dict[str, Any] = {name: getattr(transaction, name) for name in CHANGING}
        write_transaction(rows, stored(replace(rows.transactions[transaction.id], **changed)))

    def find(self, transaction_id: TransactionId, merchant_id: MerchantId | None = None) -> Transaction | None:
        row = self._session.rows.transactions.get(transaction_id)
        return row if row is not None and merchant_id in {None, row.merchant_id} else None

    def status_of(self, transaction_id: TransactionId) -> TransactionStatus | None:
        row = self._session.rows.transactions.get(transaction_id)
        return None if row is None else row.status

    def lock(self, transaction_id: TransactionId, merchant_id: MerchantId | None = None) -> Transaction | None:
        assert self._session.own_rows is not None
        return self._locked(self.find(transaction_id, merchant_id))

    def lock_by_reference(self, provider: str, provider_transaction_id: str) -> Transaction | None:
        wanted = (provider, provider_transaction_id)
        rows = self._session.own_rows.transactions.values()
        found = (row for row in rows if (row.provider, row.provider_transaction_id) == wanted)
        return self._locked(next(found, None))

    def find_by_receipt(self, provider: str, receipt: str) -> Transaction | None:
        wanted = (provider, receipt)
        rows = self._session.rows.transactions.values()
        return next((row for row in rows if (row.provider, row.provider_receipt) == wanted), None)

    def is_known_by(self, provider: str, receipt: str, *, besides: TransactionId) -> bool:
        others = (row for row in self._session.rows.transactions.values() if row.id != besides)
        return any(
            row.provider == provider and receipt in {row.provider_receipt, row.provider_transaction_id}
            for row in others
        )

    def lock_without_receipt(self, provider: str, short: str, amount: Money) -> Transaction | None:
        wanted = (provider, short.upper(), amount, None)
        rows = self._session.own_rows.transactions.values()
        found = (
            row for row in rows if (row.provider, short_reference(row.id), row.amount, row.provider_receipt) == wanted
        )
        return self._locked(next(found, None))

    def list_newest_first(
        self,
        narrowed_to: TransactionFilter,
        *,
        limit: int,
        offset: int = 0,
        before: TransactionId | None = None,
        after: TransactionId | None = None,
    ) -> Sequence[Transaction]:
        rows = self._session.rows.transactions
        return page_of(rows, narrowed_to, limit=limit, offset=offset, before=before, after=after)

    def count(self, narrowed_to: TransactionFilter) -> int:
        return count_of(self._session.rows.transactions, narrowed_to)

    def count_by_status(self, merchant_id: MerchantId | None) -> dict[tuple[str, TransactionStatus], int]:
        totals: dict[tuple[str, TransactionStatus], int] = {}
        for row in self._session.rows.transactions.values():
            if merchant_id in {None, row.merchant_id}:
                totals[row.provider, row.status] = totals.get((row.provider, row.status), 0) + 1
        return totals

    def unfinished(self, after: UUID, limit: int) -> Sequence[Transaction]:
        rows = self._session.rows.transactions.values()
        found = [row for row in rows if row.is_unfinished and row.id > after]
        return sorted(found, key=lambda row: row.id)[:limit]

    def claim_due_checks(self, now: datetime, until: datetime, limit: int) -> Sequence[Transaction]:
        rows = self._session.own_rows.transactions
        due = [(row.next_check_at, row) for row in rows.values() if row.next_check_at]
        first = sorted((pair for pair in due if pair[0] <= now), key=lambda pair: pair[0])[:limit]
        claimed = [replace(row, next_check_at=until) for _, row in first]
        rows.update({row.id: row for row in claimed})
        self._session.locked.update(row.id for row in claimed)
        return claimed

    def in_review(self, limit: int) -> Sequence[Transaction]:
        waiting = [(row.review_since, row) for row in self._session.rows.transactions.values() if row.review_since]
        return [row for _, row in sorted(waiting, key=lambda pair: pair[0])][:limit]

    def _locked(self, row: Transaction | None) -> Transaction | None:
        if row is not None:
            self._session.locked.add(row.id)
        return row


def write_transaction(rows: Tables, row: Transaction) -> None:
    """Put the row in its place, unless the schema forbids it."""
    amount, taken = row.amount.amount_minor_units, row.captured.amount_minor_units
    back, promised = row.refunded.amount_minor_units, row.refund_pending.amount_minor_units
    check(amount > 0, "ck_transactions_amount_positive")
    check(0 <= taken <= amount, "ck_transactions_captured_within_amount")
    reserved, under_way = row.authorized.amount_minor_units, row.capture_pending.amount_minor_units
    check(0 <= reserved <= amount, "ck_transactions_authorized_within_amount")
    check(under_way >= 0, "ck_transactions_captures_not_negative")
    within = not row.is_captured_by_hand or taken + under_way <= reserved
    check(within, "ck_transactions_captures_within_authorized")
    check(back >= 0 and promised >= 0, "ck_transactions_refunds_not_negative")
    check(back + promised <= taken, "ck_transactions_refunds_within_captured")
    if row.provider_transaction_id is not None:
        theirs = (row.provider, row.provider_transaction_id)
        others = (each for each in rows.transactions.values() if each.id != row.id)
        check(
            all((each.provider, each.provider_transaction_id) != theirs for each in others),
            "uq_transactions_provider_transaction_id",
        )
    if row.provider_receipt is not None:
        theirs = (row.provider, row.provider_receipt)
        others = (each for each in rows.transactions.values() if each.id != row.id)
        check(
            all((each.provider, each.provider_receipt) != theirs for each in others), "uq_transactions_provider_receipt"
        )
    rows.transactions[row.id] = row
