"""What CPay remembers about requests: first answers by idempotency key, and what was asked."""

import sqlite3
from dataclasses import dataclass

DAY_MS = 24 * 3600 * 1000

SCHEMA = """
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, digest BLOB NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL,
    created_at_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS asked (
    id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, path TEXT NOT NULL, idempotency_key TEXT NOT NULL,
    merchant_reference TEXT
);
CREATE INDEX IF NOT EXISTS asked_by_reference ON asked (merchant_reference, idempotency_key);
CREATE TABLE IF NOT EXISTS executed (id INTEGER PRIMARY KEY, path TEXT NOT NULL, merchant_reference TEXT);
CREATE INDEX IF NOT EXISTS executed_by_reference ON executed (merchant_reference);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReply:
    """A first answer, as it was written; ``digest`` is of the request that got it."""

    digest: bytes
    status: int
    body: bytes


def stored_reply(connection: sqlite3.Connection, key: str, now_ms: int) -> StoredReply | None:
    """The first answer to ``key``, for 24 hours."""
    query = "SELECT digest, status, body FROM idempotency WHERE key = ? AND created_at_ms > ?"
    row = connection.execute(query, (key, now_ms - DAY_MS)).fetchone()
    return StoredReply(**dict(row)) if row else None


def store_reply(connection: sqlite3.Connection, key: str, reply: StoredReply, now_ms: int) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO idempotency (key, digest, status, body, created_at_ms) VALUES (?, ?, ?, ?, ?)",
        (key, reply.digest, reply.status, reply.body, now_ms),
    )


def note_asked(connection: sqlite3.Connection, at_ms: int, path: str, key: str, merchant_reference: str | None) -> None:
    """Remember that something was asked for, executed or not."""
    connection.execute(
        "INSERT INTO asked (at_ms, path, idempotency_key, merchant_reference) VALUES (?, ?, ?, ?)",
        (at_ms, path, key, merchant_reference),
    )


def note_executed(connection: sqlite3.Connection, path: str, merchant_reference: str | None) -> None:
    """Remember that the work was done, not only asked for, in the transaction that does it."""
    connection.execute("INSERT INTO executed (path, merchant_reference) VALUES (?, ?)", (path, merchant_reference))
