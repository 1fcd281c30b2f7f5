"""Writes that nobody reads before the commit: sent together, in one round trip, as the unit of work commits."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from sqlalchemy import Connection, Table
from sqlalchemy.engine import Dialect


class PendingWrites:
    """Rows in the order of their adding: what refers to a row comes after it.

    An INSERT a table and a round trip each were a third of what accepting a payment cost. A constraint that a row
    breaks is noticed at the flush, not where the row is added.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._statements: list[str] = []
        self._values: list[object] = []

    def insert(self, table: Table, row: Mapping[str, object]) -> None:
        """``row`` by the names that SQLAlchemy knows the columns by; what it lacks gets the database's default."""
        self._statements.append(_insert_of(table, tuple(row)))
        self._values.extend(self._bound(table, row))

    def update(self, table: Table, changed: Mapping[str, object], where: Mapping[str, object]) -> None:
        """Change the rows in which every column of ``where`` has its value."""
        self._statements.append(_update_of(table, tuple(changed), tuple(where)))
        self._values.extend([*self._bound(table, changed), *self._bound(table, where)])

    def flush(self) -> None:
        """Send what was added since the last flush."""
        if self._statements:
            self._connection.exec_driver_sql(";".join(self._statements), tuple(self._values))
            self._statements, self._values = [], []

    def _bound(self, table: Table, values: Mapping[str, object]) -> Sequence[object]:
        return [
            value if value is None else _to_driver(table, name, self._connection.dialect)(value)
            for name, value in values.items()
        ]


@cache
def _to_driver(table: Table, name: str, dialect: Dialect) -> Callable[[object], object]:
    """How SQLAlchemy would hand a value of this column to the driver."""
    return table.c[name].type.dialect_impl(dialect).bind_processor(dialect) or _as_it_is


def _as_it_is(value: object) -> object:
    return value


@cache
def _insert_of(table: Table, names: tuple[str, ...]) -> str:
    columns = ", ".join(table.c[name].name for name in names)
    return f"INSERT INTO {table.name} ({columns}) VALUES ({', '.join(['%s'] * len(names))})"  # noqa: S608 - names of our own tables


@cache
def _update_of(table: Table, changed: tuple[str, ...], where: tuple[str, ...]) -> str:
    new = ", ".join(f"{table.c[name].name} = %s" for name in changed)
    which = " AND ".join(f"{table.c[name].name} = %s" for name in where)
    return f"UPDATE {table.name} SET {new} WHERE {which}"  # noqa: S608 - names of our own tables
