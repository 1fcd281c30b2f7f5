"""Reads our payments, refunds and whatever else a statement names, as they are compared with the provider's books.

A new kind is one more line in ``BOOKS``: its table, its columns, and which of its statuses mean what of the money.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, exists, func, or_, select, tuple_, update

from shared.domain import movement_status, transaction_status
from shared.domain.money import Money
from shared.domain.reconciliation import BookEntry, Standing
from shared.persistence.tables import captures, payouts, provider_configs, refunds, transactions
from shared.persistence.transactions import short_reference_column


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Where the rows of one kind are. ``moved_amount`` is the column of what has moved once it has.

    ``receipt`` is the column of the receipt: rows that have one can be found by it, and by their short reference.
    """

    table: Table
    reference: str
    moved_amount: str
    unfinished: frozenset[str]
    not_moved: frozenset[str]
    receipt: str | None = None


BOOKS: dict[str, Book] = {
    "payment": Book(
        table=transactions,
        reference="provider_transaction_id",
        moved_amount="captured_minor",
        unfinished=frozenset(transaction_status.UNFINISHED),
        not_moved=frozenset(transaction_status.NOT_TAKEN),
        receipt="provider_receipt",
    ),
    "capture": Book(
        table=captures,
        reference="provider_capture_id",
        moved_amount="amount_minor",
        unfinished=frozenset(movement_status.UNFINISHED),
        not_moved=frozenset({movement_status.MovementStatus.FAILED}),
    ),
    "payout": Book(
        table=payouts,
        reference="provider_payout_id",
        moved_amount="amount_minor",
        unfinished=frozenset(movement_status.UNFINISHED),
        not_moved=frozenset({movement_status.MovementStatus.FAILED}),
    ),
    "refund": Book(
        table=refunds,
        reference="provider_refund_id",
        moved_amount="amount_minor",
        unfinished=frozenset(movement_status.UNFINISHED),
        not_moved=frozenset({movement_status.MovementStatus.FAILED}),
    ),
}


@dataclass(frozen=True, slots=True)
class Position:
    """Where the last page ended."""

    created_at: datetime
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """By what rows may be found: ids of ours, references or receipts of theirs, short references in lower case."""

    ids: Sequence[UUID]
    references: Sequence[str]
    short_references: Sequence[str]


class BookEntries:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def kinds(self) -> frozenset[str]:
        """What can be compared."""
        return frozenset(BOOKS)

    def find(self, provider: str, kind: str, names: Names) -> Sequence[BookEntry]:
        """The rows that have one of these names."""
        # A question for each, because each has an index of its own; a row that answers several is one entry.
        table = BOOKS[kind].table
        of_provider = select(table).where(table.c.provider == provider)
        found = (
            entry for named in _named(BOOKS[kind], names) for entry in self._entries(kind, of_provider.where(named))
        )
        return list({entry.id: entry for entry in found}.values())

    def page(
        self, provider: str, kind: str, window: tuple[datetime, datetime], after: Position | None, limit: int
    ) -> Sequence[BookEntry]:
        """Up to ``limit`` rows that were made, and could only have been sent, within ``window``; oldest first.

        Of the default account only: the provider's statement is about that one.
        """
        table = BOOKS[kind].table
        since, until = window
        statement = select(table).where(
            table.c.provider == provider,
            _of_default_account(table, provider),
            table.c.created_at.between(since, until),
            table.c.expires_at <= until,
        )
        if after is not None:
            statement = statement.where(tuple_(table.c.created_at, table.c.id) > tuple_(after.created_at, after.id))
        return self._entries(kind, statement.order_by(table.c.created_at, table.c.id).limit(limit))

    def ask_about(self, kind: str, ids: Sequence[UUID], now: datetime) -> int:
        """Have the provider asked about these rows at once; a row that somebody works on right now is left alone."""
        table = BOOKS[kind].table
        free = select(table.c.id).where(table.c.id.in_(list(ids))).with_for_update(skip_locked=True)
        due: ColumnElement[datetime] = func.least(func.coalesce(table.c.next_check_at, now), now)
        statement = update(table).where(table.c.id.in_(free)).values(next_check_at=due)
        return self._connection.execute(statement).rowcount if ids else 0

    def recover_strays(self, kind: str, now: datetime, far: datetime, limit: int) -> Sequence[UUID]:
        """Let up to ``limit`` unfinished rows be looked at now that never would be, or only after ``far``; which.

        What waits for somebody's review is no stray.
        """
        table, unfinished = BOOKS[kind].table, sorted(BOOKS[kind].unfinished)
        never = or_(table.c.next_check_at.is_(None), table.c.next_check_at > far)
        strays = select(table.c.id).where(table.c.status.in_(unfinished), never, table.c.review_since.is_(None))
        taken = strays.limit(limit).with_for_update(skip_locked=True)
        statement = update(table).where(table.c.id.in_(taken)).values(next_check_at=now).returning(table.c.id)
        return list(self._connection.execute(statement).scalars())

    def _entries(self, kind: str, statement: Select[tuple[object, ...]]) -> list[BookEntry]:
        return [_entry(kind, row) for row in self._connection.execute(statement)]


def _named(book: Book, names: Names) -> list[ColumnElement[bool]]:
    columns = book.table.c
    asked: list[tuple[ColumnElement[Any], Sequence[object]]] = [
        (columns.id, names.ids),
        (columns[book.reference], names.references),
    ]
    if book.receipt is not None:
        asked.append((columns[book.receipt], names.references))
        asked.append((short_reference_column(), names.short_references))
    return [column.in_(wanted) for column, wanted in asked if wanted]


def _of_default_account(table: Table, provider: str) -> ColumnElement[bool]:
    """What belongs to a payment has the payment's account."""
    default = select(provider_configs.c.id).where(
        provider_configs.c.provider_name == provider, provider_configs.c.merchant_id.is_(None)
    )
    owner = table if "provider_config_id" in table.c else transactions
    account = owner.c.provider_config_id
    is_default = or_(account.is_(None), account == default.scalar_subquery())
    if owner is table:
        return is_default
    return exists().where(transactions.c.id == table.c.transaction_id, is_default)


def standing_of_status(kind: str, status: str) -> Standing:
    book = BOOKS[kind]
    if status in book.unfinished:
        return Standing.OPEN
    return Standing.NOT_MOVED if status in book.not_moved else Standing.MOVED


def _entry(kind: str, row: Row[tuple[object, ...]]) -> BookEntry:
    column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    book, standing = BOOKS[kind], standing_of_status(kind, column["status"])
    amount = column[book.moved_amount if standing is Standing.MOVED else "amount_minor"]
    return BookEntry(
        kind=kind,
        id=column["id"],
        reference=column[book.reference],
        amount=Money(amount, column["currency"]),
        status=column["status"],
        standing=standing,
        created_at=column["created_at"],
        receipt=None if book.receipt is None else column[book.receipt],
    )
