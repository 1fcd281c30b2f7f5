"""Our books in memory, as they are compared with a provider's."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.domain.capture import Capture
from shared.domain.ids import short_reference
from shared.domain.payout import Payout
from shared.domain.reconciliation import BookEntry, Standing
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.persistence.book_entries import BOOKS, BookEntries, Names, Position, standing_of_status
from tests.fakes.persistence.session import Session
from tests.fakes.persistence.tables import Tables


class InMemoryBookEntries(BookEntries):
    def __init__(self, session: Session) -> None:
        self._session = session

    def kinds(self) -> frozenset[str]:
        return frozenset(BOOKS)

    def find(self, provider: str, kind: str, names: Names) -> Sequence[BookEntry]:
        entries = [_entry(kind, row) for row in self._rows(kind).values() if row.provider == provider]
        return [each for each in entries if _has_one_of(each, names)]

    def page(
        self, provider: str, kind: str, window: tuple[datetime, datetime], after: Position | None, limit: int
    ) -> Sequence[BookEntry]:
        since, until = window
        accounts = self._session.rows.provider_configs.values()
        default = {row.id for row in accounts if (row.provider_name, row.merchant_id) == (provider, None)} | {None}
        rows = [row for row in self._rows(kind).values() if row.provider == provider and self._account(row) in default]
        inside = [row for row in rows if since <= row.created_at <= until and row.expires_at <= until]
        if after is not None:
            inside = [row for row in inside if (row.created_at, row.id) > (after.created_at, after.id)]
        inside.sort(key=lambda row: (row.created_at, row.id))
        return [_entry(kind, row) for row in inside[:limit]]

    def ask_about(self, kind: str, ids: Sequence[UUID], now: datetime) -> int:
        rows: dict[UUID, Any] = _rows(self._session.own_rows, kind)
        found = [rows[each] for each in dict.fromkeys(ids) if each in rows]
        rows.update({row.id: replace(row, next_check_at=min(row.next_check_at or now, now)) for row in found})
        return len(found)

    def recover_strays(self, kind: str, now: datetime, far: datetime, limit: int) -> Sequence[UUID]:
        rows: dict[UUID, Any] = _rows(self._session.own_rows, kind)
        unfinished = [row for row in rows.values() if row.is_unfinished and row.review_since is None]
        strays = [row for row in unfinished if row.next_check_at is None or row.next_check_at > far][:limit]
        rows.update({row.id: replace(row, next_check_at=now) for row in strays})
        return [row.id for row in strays]

    def _account(self, row: Any) -> UUID | None:
        owner = row if isinstance(row, Transaction | Payout) else self._session.rows.transactions[row.transaction_id]
        return owner.provider_config_id

    def _rows(self, kind: str) -> Mapping[UUID, Any]:
        return _rows(self._session.rows, kind)


def _has_one_of(entry: BookEntry, names: Names) -> bool:
    if entry.id in names.ids or entry.reference in names.references or entry.receipt in names.references:
        return True
    return entry.kind == "payment" and short_reference(entry.id).lower() in names.short_references


def _rows(tables: Tables, kind: str) -> dict[UUID, Any]:
    rows: dict[str, dict[UUID, Any]] = {
        "payment": tables.transactions,
        "capture": tables.captures,
        "payout": tables.payouts,
        "refund": tables.refunds,
    }
    return rows[kind]


def _entry(kind: str, row: Transaction | Capture | Refund | Payout) -> BookEntry:
    standing = standing_of_status(kind, row.status)
    reference = row.provider_transaction_id if isinstance(row, Transaction) else row.reference
    moved = row.captured if isinstance(row, Transaction) else row.amount
    return BookEntry(
        kind=kind,
        id=row.id,
        reference=reference,
        amount=moved if standing is Standing.MOVED else row.amount,
        status=row.status.value,
        standing=standing,
        created_at=row.created_at,
        receipt=row.provider_receipt if isinstance(row, Transaction) else None,
    )
