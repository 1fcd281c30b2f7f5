"""What Stripe remembers about requests: first answers by idempotency key, and what was asked."""

import sqlite3
from dataclasses import dataclass

SCHEMA = """
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, path TEXT NOT NULL, digest BLOB NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL,
    request_id TEXT NOT NULL, created_at_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS asked (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL, idempotency_key TEXT, reference TEXT,
    is_executed INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS asked_by_reference ON asked (reference, idempotency_key);
CREATE INDEX IF NOT EXISTS asked_by_key ON asked (idempotency_key);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReply:
    """A first answer, as it was written; ``digest`` and ``path`` are of the request that got it."""

    path: str
    digest: bytes
    status: int
    body: bytes
    request_id: str


def stored_reply(connection: sqlite3.Connection, key: str, since_ms: int) -> StoredReply | None:
    """The first answer to ``key``, if it is not older than that."""
    query = "SELECT path, digest, status, body, request_id FROM idempotency WHERE key = ? AND created_at_ms > ?"
    row = connection.execute(query, (key, since_ms)).fetchone()
    return StoredReply(**dict(row)) if row else None


def store_reply(connection: sqlite3.Connection, key: str, reply: StoredReply, now_ms: int) -> None:
    connection.execute(
        """INSERT OR REPLACE INTO idempotency (key, path, digest, status, body, request_id, created_at_ms)
           VALUES (?, ?, ?, ?, ?, ?, ?)""",
        (key, reply.path, reply.digest, reply.status, reply.body, reply.request_id, now_ms),
    )


def note_asked(connection: sqlite3.Connection, path: str, key: str | None, reference: str | None) -> int:
    """Remember that something was asked for; the note's number, for ``note_executed``."""
    query = "INSERT INTO asked (path, idempotency_key, reference) VALUES (?, ?, ?)"
    number = connection.execute(query, (path, key, reference)).lastrowid
    assert number is not None
    return number


def note_executed(connection: sqlite3.Connection, number: int) -> None:
    """Remember that the work was done, not only asked for, in the transaction that does it."""
    connection.execute("UPDATE asked SET is_executed = 1 WHERE id = ?", (number,))
