"""Paystack's books: transactions, refunds, and what is scheduled to happen."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from shared.providers.paystack.notes import refund_id_in
from shared.providers.paystack.simulator.scenarios import (
    BY_DIGITS,
    Channel,
    RefundStatus,
    Scenario,
    TransactionStatus,
)

FILE_NAME = "paystack.sqlite"

SCHEMA = """
CREATE TABLE IF NOT EXISTS transactions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT NOT NULL UNIQUE, access_code TEXT NOT NULL UNIQUE,
    amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL, status TEXT NOT NULL,
    gateway_response TEXT NOT NULL, channel TEXT NOT NULL, email TEXT NOT NULL, metadata TEXT NOT NULL,
    callback_url TEXT, scenario TEXT NOT NULL, created_at_ms INTEGER NOT NULL, paid_at_ms INTEGER
);
CREATE INDEX IF NOT EXISTS transactions_by_time ON transactions (created_at_ms, id);
CREATE TABLE IF NOT EXISTS refunds (
    id INTEGER PRIMARY KEY AUTOINCREMENT, transaction_id INTEGER NOT NULL, merchants_id TEXT,
    amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL, status TEXT NOT NULL,
    customer_note TEXT NOT NULL, merchant_note TEXT NOT NULL, scenario TEXT NOT NULL, created_at_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS refunds_of_transaction ON refunds (transaction_id);
CREATE INDEX IF NOT EXISTS refunds_by_time ON refunds (created_at_ms, id);
CREATE INDEX IF NOT EXISTS refunds_by_merchants_id ON refunds (merchants_id);
CREATE TABLE IF NOT EXISTS changes (
    id INTEGER PRIMARY KEY, due_at_ms INTEGER NOT NULL, kind TEXT NOT NULL, subject_id INTEGER NOT NULL,
    status TEXT NOT NULL, words TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS changes_due ON changes (due_at_ms);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionRow:
    """``amount`` in minor units; ``id`` is Paystack's number of it, 0 before it is stored."""

    id: int = 0
    reference: str
    access_code: str
    amount: int
    currency: str
    status: TransactionStatus
    gateway_response: str = ""
    channel: Channel
    email: str
    metadata: Mapping[str, JsonValue]
    callback_url: str | None
    scenario: Scenario
    created_at_ms: int
    paid_at_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRow:
    """``merchants_id`` is the id that its note begins with, if it does."""

    id: int = 0
    transaction_id: int
    amount: int
    currency: str
    status: RefundStatus = RefundStatus.PENDING
    customer_note: str
    merchant_note: str
    scenario: Scenario
    created_at_ms: int

    @property
    def merchants_id(self) -> str | None:
        found = refund_id_in(self.merchant_note)
        return str(found) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of state that is due at a time; ``kind`` is transaction or refund."""

    kind: str
    subject_id: int
    status: str
    words: str


def insert_transaction(connection: sqlite3.Connection, row: TransactionRow) -> TransactionRow:
    """The row as it is stored, with its number."""
    query = """INSERT INTO transactions (reference, access_code, amount, currency, status, gateway_response, channel,
                   email, metadata, callback_url, scenario, created_at_ms)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *"""
    values = (
        *(row.reference, row.access_code, row.amount, row.currency, row.status, row.gateway_response, row.channel),
        *(row.email, json.dumps(dict(row.metadata)), row.callback_url, row.scenario.digits, row.created_at_ms),
    )
    return transaction_of(connection.execute(query, values).fetchone())


def transaction_where(connection: sqlite3.Connection, column: str, value: str | int) -> TransactionRow | None:
    """``column`` is one that holds each value once: id, reference or access_code."""
    row = connection.execute(f"SELECT * FROM transactions WHERE {column} = ?", (value,)).fetchone()  # noqa: S608 - a constant of ours
    return transaction_of(row) if row else None


def save_transaction(connection: sqlite3.Connection, row: TransactionRow) -> None:
    """Write down what may change of a transaction."""
    connection.execute(
        "UPDATE transactions SET status = ?, gateway_response = ?, paid_at_ms = ? WHERE id = ?",
        (row.status, row.gateway_response, row.paid_at_ms, row.id),
    )


def insert_refund(connection: sqlite3.Connection, row: RefundRow) -> RefundRow:
    """The row as it is stored, with its number."""
    query = """INSERT INTO refunds (transaction_id, merchants_id, amount, currency, status, customer_note,
                   merchant_note, scenario, created_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *"""
    values = (
        *(row.transaction_id, row.merchants_id, row.amount, row.currency, row.status, row.customer_note),
        *(row.merchant_note, row.scenario.digits, row.created_at_ms),
    )
    return refund_of(connection.execute(query, values).fetchone())


def refund_with_id(connection: sqlite3.Connection, refund_id: int) -> RefundRow | None:
    row = connection.execute("SELECT * FROM refunds WHERE id = ?", (refund_id,)).fetchone()
    return refund_of(row) if row else None


def refunds_of(connection: sqlite3.Connection, transaction_id: int) -> list[RefundRow]:
    query = "SELECT * FROM refunds WHERE transaction_id = ? ORDER BY id"
    return [refund_of(row) for row in connection.execute(query, (transaction_id,))]


def save_refund(connection: sqlite3.Connection, row: RefundRow) -> None:
    """Write down what may change of a refund."""
    connection.execute("UPDATE refunds SET status = ? WHERE id = ?", (row.status, row.id))


def schedule(connection: sqlite3.Connection, change: Change, due_at_ms: int) -> None:
    connection.execute(
        "INSERT INTO changes (due_at_ms, kind, subject_id, status, words) VALUES (?, ?, ?, ?, ?)",
        (due_at_ms, change.kind, change.subject_id, change.status, change.words),
    )


def has_due_changes(connection: sqlite3.Connection, now_ms: int) -> bool:
    return connection.execute("SELECT 1 FROM changes WHERE due_at_ms <= ? LIMIT 1", (now_ms,)).fetchone() is not None


def take_due_changes(connection: sqlite3.Connection, now_ms: int) -> list[Change]:
    """What is due, oldest first; it is no longer scheduled."""
    query = "SELECT kind, subject_id, status, words FROM changes WHERE due_at_ms <= ? ORDER BY due_at_ms, id"
    changes = [Change(**row) for row in map(dict, connection.execute(query, (now_ms,)).fetchall())]
    connection.execute("DELETE FROM changes WHERE due_at_ms <= ?", (now_ms,))
    return changes


def transaction_of(row: sqlite3.Row) -> TransactionRow:
    return TransactionRow(
        **{
            **dict(row),
            "status": TransactionStatus(row["status"]),
            "channel": Channel(row["channel"]),
            "metadata": json.loads(row["metadata"]),
            "scenario": BY_DIGITS[row["scenario"]],
        }
    )


def refund_of(row: sqlite3.Row) -> RefundRow:
    fields = dict(row)
    del fields["merchants_id"]
    return RefundRow(**{**fields, "status": RefundStatus(row["status"]), "scenario": BY_DIGITS[row["scenario"]]})
