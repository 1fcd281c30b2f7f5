"""A merchant's rows in pages, newest first: the same for everything that is listed."""

from dataclasses import dataclass, fields
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Row, Select, Table, func, select, tuple_

from shared.domain.ids import MerchantId

SelectT = TypeVar("SelectT", bound=Select[Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """What a list is narrowed to: each field is a column's, and ``None`` does not narrow."""

    merchant_id: MerchantId


class NewestFirst:
    """Reads ``table``, which has an id, a merchant and a time of making."""

    def __init__(self, connection: Connection, table: Table) -> None:
        self._connection, self._table = connection, table

    def page(
        self, to: Narrowing, *, limit: int, offset: int = 0, before: UUID | None = None, after: UUID | None = None
    ) -> list[Row[Any]]:
        """Up to ``limit`` rows, newest first: those older than ``after``, or newer than ``before``."""
        columns = self._table.c
        statement = self._narrowed(select(self._table), to)
        position = tuple_(columns.created_at, columns.id)
        if before is not None:
            newer = statement.where(position > self._position_of(before, to))
            oldest_first = newer.order_by(columns.created_at, columns.id).limit(limit)
            return list(reversed(self._connection.execute(oldest_first).all()))
        if after is not None:
            statement = statement.where(position < self._position_of(after, to))
        newest_first = statement.order_by(columns.created_at.desc(), columns.id.desc())
        return list(self._connection.execute(newest_first.limit(limit).offset(offset)))

    def count(self, to: Narrowing) -> int:
        statement = self._narrowed(select(func.count()).select_from(self._table), to)
        return self._connection.execute(statement).scalar_one()

    def _narrowed(self, statement: SelectT, to: Narrowing) -> SelectT:
        wanted = {each.name: getattr(to, each.name) for each in fields(to)}
        for column, value in wanted.items():
            if value is not None:
                statement = statement.where(self._table.c[column] == value)
        return statement

    def _position_of(self, row_id: UUID, to: Narrowing) -> object:
        columns = self._table.c
        own = (columns.id == row_id, columns.merchant_id == to.merchant_id)
        return select(columns.created_at, columns.id).where(*own).scalar_subquery()
