"""CPay's books: payments, what is scheduled to happen, events, and the tables of what is remembered of requests."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from shared.providers.cpay.simulator.scenarios import BY_WORD, CaptureMethod, PaymentStatus, Scenario, Telling

# A file of the earlier shape (cpay.sqlite) is left alone.
FILE_NAME = "cpay.2.sqlite"

SCHEMA = """
CREATE TABLE IF NOT EXISTS payments (
    id TEXT PRIMARY KEY, merchant_reference TEXT, amount INTEGER NOT NULL CHECK (amount > 0),
    captured INTEGER NOT NULL CHECK (captured BETWEEN 0 AND amount), capture_method TEXT NOT NULL,
    currency TEXT NOT NULL, status TEXT NOT NULL, failure_code TEXT, customer TEXT NOT NULL, metadata TEXT NOT NULL,
    callback_url TEXT, scenario TEXT NOT NULL, telling TEXT NOT NULL, till TEXT, account TEXT,
    sequence INTEGER NOT NULL DEFAULT 0, created_at_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS payments_by_reference ON payments (merchant_reference);
CREATE INDEX IF NOT EXISTS payments_by_time ON payments (created_at_ms, id);
CREATE TABLE IF NOT EXISTS changes (
    id INTEGER PRIMARY KEY, due_at_ms INTEGER NOT NULL, resource_id TEXT NOT NULL, status TEXT NOT NULL,
    failure_code TEXT
);
CREATE INDEX IF NOT EXISTS changes_due ON changes (due_at_ms);
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body BLOB NOT NULL, created_at_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_time ON events (created_at_ms);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRow:
    """Amounts in minor units. ``till`` and ``account`` are of a payment that its customer started."""

    id: str
    merchant_reference: str | None
    amount: int
    captured: int = 0
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC
    currency: str
    status: PaymentStatus
    failure_code: str | None = None
    customer: Mapping[str, str]
    metadata: Mapping[str, str]
    callback_url: str | None = None
    scenario: Scenario
    telling: Telling
    till: str | None = None
    account: str | None = None
    sequence: int = 0
    created_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of state that is due at a time."""

    id: int
    resource_id: str
    status: str
    failure_code: str | None


def insert_payment(connection: sqlite3.Connection, row: PaymentRow) -> None:
    connection.execute(
        """INSERT INTO payments (id, merchant_reference, amount, captured, capture_method, currency, status,
               failure_code, customer, metadata, callback_url, scenario, telling, till, account, created_at_ms)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            row.id,
            row.merchant_reference,
            row.amount,
            row.captured,
            row.capture_method,
            row.currency,
            row.status,
            row.failure_code,
            json.dumps(dict(row.customer)),
            json.dumps(dict(row.metadata)),
            row.callback_url,
            row.scenario.digits,
            row.telling,
            row.till,
            row.account,
            row.created_at_ms,
        ),
    )


def payment_with_id(connection: sqlite3.Connection, payment_id: str) -> PaymentRow | None:
    row = connection.execute("SELECT * FROM payments WHERE id = ?", (payment_id,)).fetchone()
    return payment_of(row) if row else None


def payments_with_reference(connection: sqlite3.Connection, merchant_reference: str) -> list[PaymentRow]:
    """One, or none; several only from a CPay that was told to forget."""
    query = "SELECT * FROM payments WHERE merchant_reference = ? ORDER BY created_at_ms, id"
    return [payment_of(row) for row in connection.execute(query, (merchant_reference,))]


def save_payment(connection: sqlite3.Connection, row: PaymentRow) -> None:
    """Write down what may change of a payment."""
    connection.execute(
        "UPDATE payments SET status = ?, failure_code = ?, captured = ? WHERE id = ?",
        (row.status, row.failure_code, row.captured, row.id),
    )


def next_sequence(connection: sqlite3.Connection, payment_id: str) -> int:
    """1 for the first event of a payment; the events of its captures and refunds count on."""
    query = "UPDATE payments SET sequence = sequence + 1 WHERE id = ? RETURNING sequence"
    return int(connection.execute(query, (payment_id,)).fetchone()["sequence"])


def schedule(
    connection: sqlite3.Connection, resource_id: str, status: str, failure_code: str | None, due_at_ms: int
) -> None:
    connection.execute(
        "INSERT INTO changes (resource_id, status, failure_code, due_at_ms) VALUES (?, ?, ?, ?)",
        (resource_id, status, failure_code, due_at_ms),
    )


def has_due_changes(connection: sqlite3.Connection, now_ms: int) -> bool:
    return connection.execute("SELECT 1 FROM changes WHERE due_at_ms <= ? LIMIT 1", (now_ms,)).fetchone() is not None


def take_due_changes(connection: sqlite3.Connection, now_ms: int) -> list[Change]:
    """What is due, oldest first; it is no longer scheduled."""
    query = "SELECT id, resource_id, status, failure_code FROM changes WHERE due_at_ms <= ? ORDER BY due_at_ms, id"
    changes = [Change(**row) for row in map(dict, connection.execute(query, (now_ms,)).fetchall())]
    connection.executemany("DELETE FROM changes WHERE id = ?", [(change.id,) for change in changes])
    return changes


def insert_event(connection: sqlite3.Connection, event_id: str, body: bytes, created_at_ms: int) -> None:
    connection.execute("INSERT INTO events (id, body, created_at_ms) VALUES (?, ?, ?)", (event_id, body, created_at_ms))


def events_after(
    connection: sqlite3.Connection, after: str | None, since_ms: int, limit: int
) -> list[tuple[str, bytes]]:
    """At most ``limit`` pairs of id and body, oldest first, none made before ``since_ms``."""
    query = """SELECT id, body FROM events WHERE created_at_ms >= ?
               AND number > coalesce((SELECT number FROM events WHERE id = ?), 0) ORDER BY number LIMIT ?"""
    return [(row["id"], row["body"]) for row in connection.execute(query, (since_ms, after, limit))]


def payment_of(row: sqlite3.Row) -> PaymentRow:
    return PaymentRow(
        **{
            **dict(row),
            "status": PaymentStatus(row["status"]),
            "capture_method": CaptureMethod(row["capture_method"]),
            "customer": json.loads(row["customer"]),
            "metadata": json.loads(row["metadata"]),
            "scenario": BY_WORD[row["scenario"]],
            "telling": Telling(row["telling"]),
        }
    )
