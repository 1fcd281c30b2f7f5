"""What is remembered about requests: the live token, what was asked and executed."""

import sqlite3
from dataclasses import dataclass

from shared.providers.mpesa.simulator.scenarios import Api

SCHEMA = """
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, ends_at_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS asked (
    id INTEGER PRIMARY KEY, api TEXT NOT NULL, reference TEXT, account_reference TEXT, key TEXT
);
CREATE INDEX IF NOT EXISTS asked_by_reference ON asked (reference, key);
CREATE TABLE IF NOT EXISTS executed (id INTEGER PRIMARY KEY, reference TEXT, account_reference TEXT);
CREATE INDEX IF NOT EXISTS executed_by_reference ON executed (reference);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asked for what, by the names that the client gave; ``key`` is Daraja's only idempotency key."""

    api: Api
    reference: str | None = None
    account_reference: str | None = None
    key: str | None = None

    @property
    def subject(self) -> str:
        return self.reference or self.key or self.account_reference or ""


def note_asked(connection: sqlite3.Connection, asking: Asking) -> None:
    """Remember that something was asked for, executed or not."""
    connection.execute(
        "INSERT INTO asked (api, reference, account_reference, key) VALUES (?, ?, ?, ?)",
        (asking.api, asking.reference, asking.account_reference, asking.key),
    )


def note_executed(connection: sqlite3.Connection, asking: Asking) -> None:
    """Remember that the work was done, in the transaction that does it."""
    connection.execute(
        "INSERT INTO executed (reference, account_reference) VALUES (?, ?)",
        (asking.reference, asking.account_reference),
    )


def set_token(connection: sqlite3.Connection, token: str, ends_at_ms: int) -> None:
    """The one live token: the last one is none any more."""
    connection.execute("DELETE FROM tokens")
    connection.execute("INSERT INTO tokens (token, ends_at_ms) VALUES (?, ?)", (token, ends_at_ms))


def is_live_token(connection: sqlite3.Connection, token: str, now_ms: int) -> bool:
    query = "SELECT 1 FROM tokens WHERE token = ? AND ends_at_ms > ?"
    return connection.execute(query, (token, now_ms)).fetchone() is not None


def forget_token(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM tokens")
