"""Stripe's books: every resource as a document with the columns it is found by, events, and what is due to happen."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter

from shared.providers.stripe.simulator.rows import Resource

FILE_NAME = "stripe.sqlite"

SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, created INTEGER NOT NULL,
    intent_id TEXT, charge_id TEXT, reference TEXT, idempotency_key TEXT, status TEXT NOT NULL,
    currency TEXT NOT NULL, moved INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS resources_by_time ON resources (kind, created);
CREATE INDEX IF NOT EXISTS resources_by_kind ON resources (kind, number);
CREATE INDEX IF NOT EXISTS resources_by_intent ON resources (intent_id, kind);
CREATE INDEX IF NOT EXISTS resources_by_charge ON resources (charge_id, kind);
CREATE INDEX IF NOT EXISTS resources_by_reference ON resources (reference) WHERE reference IS NOT NULL;
CREATE INDEX IF NOT EXISTS resources_by_key ON resources (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE TABLE IF NOT EXISTS labels (
    resource_id TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (resource_id, name)
);
CREATE INDEX IF NOT EXISTS labels_by_value ON labels (kind, name, value);
CREATE TABLE IF NOT EXISTS changes (
    id INTEGER PRIMARY KEY, due_at_ms INTEGER NOT NULL, resource_id TEXT NOT NULL, what TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS changes_due ON changes (due_at_ms);
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, created INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_time ON events (created);
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event_id, state);
"""

Row = TypeVar("Row", bound=Resource)

_adapters: dict[str, TypeAdapter[Any]] = {}

SAVE = """
INSERT INTO resources
    (id, kind, created, intent_id, charge_id, reference, idempotency_key, status, currency, moved, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET reference = excluded.reference, status = excluded.status, currency = excluded.currency,
    moved = excluded.moved, body = excluded.body
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that is due to happen to a resource; ``what`` is a word of ``lifecycle``."""

    resource_id: str
    what: str


def adapter_of(kind: type[Row]) -> TypeAdapter[Row]:
    """Made once for each kind: making one is slow."""
    if kind.kind not in _adapters:
        _adapters[kind.kind] = TypeAdapter(kind)
    return _adapters[kind.kind]


def save(connection: sqlite3.Connection, row: Row) -> Row:
    """Write it down as it is now; the row again."""
    keys = row.keys()
    ids = (keys.intent_id, keys.charge_id, keys.reference, keys.idempotency_key)
    body = adapter_of(type(row)).dump_json(row)
    columns = (row.id, row.kind, row.created, *ids, keys.status, keys.currency, keys.moved, body)
    connection.execute(SAVE, columns)
    _label(connection, row)
    return row


def _label(connection: sqlite3.Connection, row: Resource) -> None:
    metadata: Mapping[str, str] | None = getattr(row, "metadata", None)
    if metadata is None:
        return
    connection.execute("DELETE FROM labels WHERE resource_id = ?", (row.id,))
    labels = [(row.id, row.kind, name, value) for name, value in metadata.items()]
    connection.executemany("INSERT INTO labels (resource_id, kind, name, value) VALUES (?, ?, ?, ?)", labels)


def find(connection: sqlite3.Connection, kind: type[Row], resource_id: str) -> Row | None:
    query = "SELECT body FROM resources WHERE id = ? AND kind = ?"
    row = connection.execute(query, (resource_id, kind.kind)).fetchone()
    return adapter_of(kind).validate_json(row["body"]) if row else None


def number_of(connection: sqlite3.Connection, kind: str, resource_id: str) -> int | None:
    """Its place in the order of making."""
    query = "SELECT number FROM resources WHERE id = ? AND kind = ?"
    row = connection.execute(query, (resource_id, kind)).fetchone()
    return None if row is None else int(row["number"])


def select(
    connection: sqlite3.Connection, kind: type[Row], conditions: Sequence[str], parameters: Sequence[object], tail: str
) -> Iterator[Row]:
    """Those that meet all conditions, which are constants of ours with a ``?`` for each parameter."""
    where = " AND ".join(["kind = ?", *conditions])
    query = f"SELECT body FROM resources WHERE {where} {tail}"  # noqa: S608 - constants
    for row in connection.execute(query, (kind.kind, *parameters)):
        yield adapter_of(kind).validate_json(row["body"])


def of_intent(connection: sqlite3.Connection, kind: type[Row], intent_id: str) -> list[Row]:
    """Oldest first."""
    return list(select(connection, kind, ["intent_id = ?"], [intent_id], "ORDER BY number"))


def of_charge(connection: sqlite3.Connection, kind: type[Row], charge_id: str) -> list[Row]:
    """Oldest first."""
    return list(select(connection, kind, ["charge_id = ?"], [charge_id], "ORDER BY number"))


def schedule(connection: sqlite3.Connection, resource_id: str, what: str, due_at_ms: int) -> None:
    connection.execute(
        "INSERT INTO changes (resource_id, what, due_at_ms) VALUES (?, ?, ?)", (resource_id, what, due_at_ms)
    )


def has_due_changes(connection: sqlite3.Connection, now_ms: int) -> bool:
    return connection.execute("SELECT 1 FROM changes WHERE due_at_ms <= ? LIMIT 1", (now_ms,)).fetchone() is not None


def take_due_changes(connection: sqlite3.Connection, now_ms: int) -> list[Change]:
    """What is due, oldest first; it is no longer scheduled."""
    query = "SELECT id, resource_id, what FROM changes WHERE due_at_ms <= ? ORDER BY due_at_ms, id"
    rows = connection.execute(query, (now_ms,)).fetchall()
    connection.executemany("DELETE FROM changes WHERE id = ?", [(row["id"],) for row in rows])
    return [Change(resource_id=row["resource_id"], what=row["what"]) for row in rows]


def insert_event(connection: sqlite3.Connection, event: Mapping[str, object], body: bytes) -> None:
    query = "INSERT INTO events (id, type, created, body) VALUES (?, ?, ?, ?)"
    connection.execute(query, (event["id"], event["type"], event["created"], body))
