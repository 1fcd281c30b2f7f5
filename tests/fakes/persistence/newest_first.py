"""A merchant's rows in pages, in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from shared.domain.payout import Payout
from shared.domain.transaction import Transaction
from shared.persistence.newest_first import Narrowing

RowT = TypeVar("RowT", Transaction, Payout)


def page_of(
    rows: Mapping[UUID, RowT],
    to: Narrowing,
    *,
    limit: int,
    offset: int,
    before: UUID | None,
    after: UUID | None,
) -> Sequence[RowT]:
    found = sorted(_narrowed(rows, to), key=_position, reverse=True)
    if before is not None:
        edge = _edge(rows, before, to)
        newer = [row for row in found if edge is not None and _position(row) > edge]
        return newer[-limit:] if limit else []
    if after is not None:
        edge = _edge(rows, after, to)
        found = [row for row in found if edge is not None and _position(row) < edge]
    return found[offset : offset + limit]


def count_of(rows: Mapping[UUID, RowT], to: Narrowing) -> int:
    return len(_narrowed(rows, to))


def _narrowed(rows: Mapping[UUID, RowT], to: Narrowing) -> list[RowT]:
    wanted = {each.name: getattr(to, each.name) for each in fields(to) if getattr(to, each.name) is not None}
    return [row for row in rows.values() if all(getattr(row, name) == value for name, value in wanted.items())]


def _edge(rows: Mapping[UUID, RowT], row_id: UUID, to: Narrowing) -> tuple[datetime, UUID] | None:
    row = rows.get(row_id)
    return None if row is None or row.merchant_id != to.merchant_id else _position(row)


def _position(row: Transaction | Payout) -> tuple[datetime, UUID]:
    return (row.created_at, row.id)
