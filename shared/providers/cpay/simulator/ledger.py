"""CPay's books: payments, refunds, what is scheduled to happen to them, events, idempotency records."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from shared.providers.cpay.simulator.scenarios import BY_WORD, PaymentStatus, RefundStatus, Scenario

SCHEMA = """
CREATE TABLE IF NOT EXISTS payments (
    id TEXT PRIMARY KEY, merchant_reference TEXT NOT NULL UNIQUE, amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL, status TEXT NOT NULL, failure_code TEXT, customer TEXT NOT NULL, metadata TEXT NOT NULL,
    callback_url TEXT, scenario TEXT NOT NULL, sequence INTEGER NOT NULL DEFAULT 0, created_at_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS refunds (
    id TEXT PRIMARY KEY, payment_id TEXT NOT NULL, merchant_reference TEXT UNIQUE,
    amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL, reason TEXT, status TEXT NOT NULL,
    failure_code TEXT, created_at_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS refunds_of_payment ON refunds (payment_id);
CREATE TABLE IF NOT EXISTS changes (
    id INTEGER PRIMARY KEY, due_at_ms INTEGER NOT NULL, resource_id TEXT NOT NULL, status TEXT NOT NULL,
    failure_code TEXT
);
CREATE INDEX IF NOT EXISTS changes_due ON changes (due_at_ms);
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body BLOB NOT NULL, created_at_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, digest BLOB NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL,
    created_at_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS spoiled_answers (key TEXT PRIMARY KEY, times INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS fault_rules (
    id INTEGER PRIMARY KEY, method TEXT NOT NULL, rule TEXT NOT NULL, remaining INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS asked (
    id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, path TEXT NOT NULL, idempotency_key TEXT NOT NULL,
    merchant_reference TEXT
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRow:
    """Amounts in minor units. ``scenario`` is the digits of a row of the table."""

    id: str
    merchant_reference: str
    amount: int
    currency: str
    status: PaymentStatus
    failure_code: str | None
    customer: Mapping[str, str]
    metadata: Mapping[str, str]
    callback_url: str | None
    scenario: Scenario
    sequence: int
    created_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRow:
    id: str
    payment_id: str
    merchant_reference: str | None
    amount: int
    currency: str
    reason: str | None
    status: RefundStatus
    failure_code: str | None
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
        "INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.id,
            row.merchant_reference,
            row.amount,
            row.currency,
            row.status,
            row.failure_code,
            json.dumps(dict(row.customer)),
            json.dumps(dict(row.metadata)),
            row.callback_url,
            row.scenario.digits,
            row.sequence,
            row.created_at_ms,
        ),
    )


def insert_refund(connection: sqlite3.Connection, row: RefundRow) -> None:
    connection.execute(
        "INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.id,
            row.payment_id,
            row.merchant_reference,
            row.amount,
            row.currency,
            row.reason,
            row.status,
            row.failure_code,
            row.created_at_ms,
        ),
    )


def payment_with_id(connection: sqlite3.Connection, payment_id: str) -> PaymentRow | None:
    row = connection.execute("SELECT * FROM payments WHERE id = ?", (payment_id,)).fetchone()
    return payment_of(row) if row else None


def payment_with_reference(connection: sqlite3.Connection, merchant_reference: str) -> PaymentRow | None:
    query = "SELECT * FROM payments WHERE merchant_reference = ?"
    row = connection.execute(query, (merchant_reference,)).fetchone()
    return payment_of(row) if row else None


def refund_with_id(connection: sqlite3.Connection, refund_id: str) -> RefundRow | None:
    row = connection.execute("SELECT * FROM refunds WHERE id = ?", (refund_id,)).fetchone()
    return refund_of(row) if row else None


def refund_with_reference(connection: sqlite3.Connection, merchant_reference: str) -> RefundRow | None:
    query = "SELECT * FROM refunds WHERE merchant_reference = ?"
    row = connection.execute(query, (merchant_reference,)).fetchone()
    return refund_of(row) if row else None


def refunds_of_payment(connection: sqlite3.Connection, payment_id: str) -> list[RefundRow]:
    query = "SELECT * FROM refunds WHERE payment_id = ? ORDER BY created_at_ms, id"
    return [refund_of(row) for row in connection.execute(query, (payment_id,))]


def all_payments(connection: sqlite3.Connection) -> list[PaymentRow]:
    return [payment_of(row) for row in connection.execute("SELECT * FROM payments ORDER BY created_at_ms, id")]


def refunded_minor(refunds: list[RefundRow]) -> int:
    """What has been given back, or may yet be: everything that has not failed."""
    return sum(refund.amount for refund in refunds if refund.status is not RefundStatus.FAILED)


def set_payment_status(
    connection: sqlite3.Connection, payment_id: str, status: PaymentStatus, failure_code: str | None
) -> None:
    connection.execute(
        "UPDATE payments SET status = ?, failure_code = ? WHERE id = ?", (status, failure_code, payment_id)
    )


def set_refund_status(
    connection: sqlite3.Connection, refund_id: str, status: RefundStatus, failure_code: str | None
) -> None:
    connection.execute(
        "UPDATE refunds SET status = ?, failure_code = ? WHERE id = ?", (status, failure_code, refund_id)
    )


def next_sequence(connection: sqlite3.Connection, payment_id: str) -> int:
    """1 for the first event of a payment; its refunds' events count on."""
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
            "customer": json.loads(row["customer"]),
            "metadata": json.loads(row["metadata"]),
            "scenario": BY_WORD[row["scenario"]],
        }
    )


def refund_of(row: sqlite3.Row) -> RefundRow:
    return RefundRow(**{**dict(row), "status": RefundStatus(row["status"])})
