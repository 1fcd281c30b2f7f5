"""What Stripe remembers about requests: first answers by idempotency key, armed faults, chaos, what was asked."""

import sqlite3
from dataclasses import dataclass

SCHEMA = """
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, path TEXT NOT NULL, digest BLOB NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL,
    request_id TEXT NOT NULL, created_at_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS spoiled_answers (key TEXT PRIMARY KEY, times INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS fault_rules (
    id INTEGER PRIMARY KEY, method TEXT NOT NULL, rule TEXT NOT NULL, remaining INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS asked (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL, idempotency_key TEXT, reference TEXT,
    is_executed INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS asked_by_reference ON asked (reference, idempotency_key);
CREATE INDEX IF NOT EXISTS asked_by_key ON asked (idempotency_key);
CREATE TABLE IF NOT EXISTS modes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS asked_times (question TEXT PRIMARY KEY, times INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReply:
    """A first answer, as it was written; ``digest`` and ``path`` are of the request that got it."""

    path: str
    digest: bytes
    status: int
    body: bytes
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmedRule:
    method: str
    rule: str
    remaining: int


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


def count_spoiled(connection: sqlite3.Connection, key: str) -> int:
    """How often the answers to ``key`` have been spoilt, this time included."""
    query = """INSERT INTO spoiled_answers (key, times) VALUES (?, 1)
               ON CONFLICT (key) DO UPDATE SET times = times + 1 RETURNING times"""
    return int(connection.execute(query, (key,)).fetchone()["times"])


def arm(connection: sqlite3.Connection, rule: ArmedRule) -> None:
    """Spoil the next ``remaining`` answers; replaces what was armed under the same name."""
    connection.execute("DELETE FROM fault_rules WHERE method = ? AND rule = ?", (rule.method, rule.rule))
    if rule.remaining:
        connection.execute(
            "INSERT INTO fault_rules (method, rule, remaining) VALUES (?, ?, ?)",
            (rule.method, rule.rule, rule.remaining),
        )


def armed_rules(connection: sqlite3.Connection) -> list[ArmedRule]:
    query = "SELECT method, rule, remaining FROM fault_rules WHERE remaining > 0 ORDER BY id"
    return [ArmedRule(**row) for row in map(dict, connection.execute(query))]


def spend_rule(connection: sqlite3.Connection, method: str) -> str | None:
    """The name of the oldest rule that is armed for ``method``, one use of it spent."""
    query = """UPDATE fault_rules SET remaining = remaining - 1 WHERE id =
               (SELECT id FROM fault_rules WHERE method = ? AND remaining > 0 ORDER BY id LIMIT 1) RETURNING rule"""
    row = connection.execute(query, (method,)).fetchone()
    return str(row["rule"]) if row else None


def note_asked(connection: sqlite3.Connection, path: str, key: str | None, reference: str | None) -> int:
    """Remember that something was asked for; the note's number, for ``note_executed``."""
    query = "INSERT INTO asked (path, idempotency_key, reference) VALUES (?, ?, ?)"
    number = connection.execute(query, (path, key, reference)).lastrowid
    assert number is not None
    return number


def note_executed(connection: sqlite3.Connection, number: int) -> None:
    """Remember that the work was done, not only asked for, in the transaction that does it."""
    connection.execute("UPDATE asked SET is_executed = 1 WHERE id = ?", (number,))


def count_asked(connection: sqlite3.Connection, question: str) -> int:
    """How often this has been asked since the chaos was set, this time included."""
    query = """INSERT INTO asked_times (question, times) VALUES (?, 1)
               ON CONFLICT (question) DO UPDATE SET times = times + 1 RETURNING times"""
    return int(connection.execute(query, (question,)).fetchone()["times"])


def mode(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute("SELECT value FROM modes WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row["value"])


def set_mode(connection: sqlite3.Connection, name: str, value: str) -> None:
    """What has been asked is counted from here, so that the same seed repeats the same faults."""
    connection.execute("DELETE FROM asked_times")
    connection.execute("INSERT OR REPLACE INTO modes (name, value) VALUES (?, ?)", (name, value))
