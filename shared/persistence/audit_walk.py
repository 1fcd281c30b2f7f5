"""Reads the whole audit trail in order, as of one moment and a batch at a time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, Select, select, text, tuple_
from sqlalchemy.exc import InterfaceError, OperationalError

from shared.domain.ids import TransactionId
from shared.persistence.audit_form import StoredAuditRow
from shared.persistence.audit_seals import Leaf, Seal, row_of, seal_of, select_rows, select_seals
from shared.persistence.errors import StorageUnavailable
from shared.persistence.tables import audit_leaves, audit_logs, audit_seals

BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRow:
    """A leaf, and the row that it is of, if that is still there."""

    leaf: Leaf
    row: StoredAuditRow | None


class AuditWalk:
    def __init__(self, connection: Connection, *, batch: int = BATCH) -> None:
        self._connection, self._batch = connection, batch

    def seals(self, start: int = 0) -> Iterator[Seal]:
        """In order, from the number ``start``."""
        after = start - 1
        while True:
            statement = select_seals().where(audit_seals.c.number > after).order_by(audit_seals.c.number)
            found = [seal_of(row) for row in self._connection.execute(statement.limit(self._batch))]
            yield from found
            if len(found) < self._batch:
                return
            after = found[-1].number

    def sealed_rows(self) -> Iterator[SealedRow]:
        """Every leaf in order, with its row."""
        # No lower bound to begin with: numbers below zero would be a place to hide a leaf in.
        statement = _leaves_with_rows().order_by(*_IN_ORDER).limit(self._batch)
        found = self._sealed(statement)
        while found:
            yield from found
            after = (found[-1].leaf.seal_number, found[-1].leaf.position)
            found = self._sealed(statement.where(tuple_(*_IN_ORDER) > after))

    def unsealed_rows(self) -> Iterator[StoredAuditRow]:
        """Rows without a leaf, by id."""
        statement = (
            select_rows()
            .outerjoin(audit_leaves, audit_leaves.c.audit_id == audit_logs.c.id)
            .where(audit_leaves.c.audit_id.is_(None))
            .order_by(audit_logs.c.id)
            .limit(self._batch)
        )
        found = self._rows(statement)
        while found:
            yield from found
            found = self._rows(statement.where(audit_logs.c.id > found[-1].id))

    def next_transaction(self) -> int:
        """No row can have been written by this transaction, or by one after it."""
        statement = text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
        return int(self._connection.execute(statement).scalar_one())

    def hashes_of_seals(self, numbers: Sequence[int]) -> Mapping[int, bytes]:
        """By number, of those that there are."""
        statement = select(audit_seals.c.number, audit_seals.c.seal_hash).where(audit_seals.c.number.in_(numbers))
        return {row.number: bytes(row.seal_hash) for row in self._connection.execute(statement)}

    def rows_of_transaction(self, transaction_id: TransactionId) -> Sequence[SealedRow]:
        """One payment's sealed rows, in order."""
        statement = _leaves_with_rows().where(audit_logs.c.transaction_id == transaction_id)
        return self._sealed(statement.order_by(*_IN_ORDER))

    def count_unsealed_of(self, transaction_id: TransactionId) -> int:
        """How many rows of the payment wait for their seal."""
        statement = (
            select(audit_logs.c.id)
            .outerjoin(audit_leaves, audit_leaves.c.audit_id == audit_logs.c.id)
            .where(audit_leaves.c.audit_id.is_(None), audit_logs.c.transaction_id == transaction_id)
        )
        return len(self._connection.execute(statement).all())

    def leaf_hashes(self, seal_number: int) -> Sequence[bytes]:
        """Of one seal, in order."""
        statement = select(audit_leaves.c.leaf_hash).where(audit_leaves.c.seal_number == seal_number)
        return [bytes(row.leaf_hash) for row in self._connection.execute(statement.order_by(audit_leaves.c.position))]

    def _rows(self, statement: Select[tuple[object, ...]]) -> list[StoredAuditRow]:
        return [row_of(row) for row in self._connection.execute(statement)]

    def _sealed(self, statement: Select[tuple[object, ...]]) -> list[SealedRow]:
        found = []
        for row in self._connection.execute(statement):
            column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
            leaf = Leaf(
                seal_number=column["seal_number"],
                position=column["position"],
                audit_id=column["audit_id"],
                leaf_hash=bytes(column["leaf_hash"]),
            )
            found.append(SealedRow(leaf=leaf, row=None if column["row_id"] is None else row_of(row)))
        return found


@contextmanager
def open_audit_walk(engine: Engine, *, batch: int = BATCH) -> Iterator[AuditWalk]:
    """Everything is read as of one moment; it may take its time, and holds up nobody.

    Raises:
        StorageUnavailable: the connection broke, or there was none.
    """
    try:
        with engine.connect() as connection:
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            connection.execute(text("SET LOCAL statement_timeout = '10min'"))
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '10min'"))
            yield AuditWalk(connection, batch=batch)
    except (OperationalError, InterfaceError) as error:
        raise StorageUnavailable(type(error.orig).__name__) from error


_IN_ORDER = (audit_leaves.c.seal_number, audit_leaves.c.position)


def _leaves_with_rows() -> Select[tuple[object, ...]]:
    rows = select_rows()
    columns = rows.selected_columns
    return select(*audit_leaves.c, *columns).select_from(
        audit_leaves.outerjoin(audit_logs, audit_logs.c.id == audit_leaves.c.audit_id)
    )
