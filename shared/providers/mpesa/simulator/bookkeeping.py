"""What is remembered about requests: the live token, armed faults, what was asked and executed, chaos."""

import sqlite3
from dataclasses import dataclass

from shared.providers.mpesa.simulator.scenarios import Api

SCHEMA = """
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, ends_at_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS fault_rules (
    id INTEGER PRIMARY KEY, api TEXT NOT NULL, rule TEXT NOT NULL, is_telling INTEGER NOT NULL,
    remaining INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS spoiled_answers (subject TEXT PRIMARY KEY, times INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS asked (
    id INTEGER PRIMARY KEY, api TEXT NOT NULL, reference TEXT, account_reference TEXT, key TEXT
);
CREATE INDEX IF NOT EXISTS asked_by_reference ON asked (reference, key);
CREATE TABLE IF NOT EXISTS executed (id INTEGER PRIMARY KEY, reference TEXT, account_reference TEXT);
CREATE INDEX IF NOT EXISTS executed_by_reference ON executed (reference);
CREATE TABLE IF NOT EXISTS chaos (only_row INTEGER PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS asked_times (question TEXT PRIMARY KEY, times INTEGER NOT NULL);
"""

ANY_API = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmedRule:
    """``api`` is a product or ``any``, which is all but OAuth."""

    api: str
    rule: str
    is_telling: bool
    remaining: int


def arm(connection: sqlite3.Connection, rule: ArmedRule) -> None:
    """Spoil the next ``remaining``; replaces what was armed under the same name."""
    connection.execute("DELETE FROM fault_rules WHERE api = ? AND rule = ?", (rule.api, rule.rule))
    if rule.remaining:
        connection.execute(
            "INSERT INTO fault_rules (api, rule, is_telling, remaining) VALUES (?, ?, ?, ?)",
            (rule.api, rule.rule, rule.is_telling, rule.remaining),
        )


def armed_rules(connection: sqlite3.Connection) -> list[ArmedRule]:
    query = "SELECT api, rule, is_telling, remaining FROM fault_rules WHERE remaining > 0 ORDER BY id"
    return [
        ArmedRule(api=row["api"], rule=row["rule"], is_telling=bool(row["is_telling"]), remaining=row["remaining"])
        for row in connection.execute(query)
    ]


def spend_rule(connection: sqlite3.Connection, api: Api, *, is_telling: bool) -> str | None:
    """The name of the oldest rule that is armed for this, one use of it spent."""
    query = """UPDATE fault_rules SET remaining = remaining - 1 WHERE id = (
               SELECT id FROM fault_rules WHERE api IN (?, ?) AND is_telling = ? AND remaining > 0 ORDER BY id LIMIT 1)
               RETURNING rule"""
    either = api if api is Api.OAUTH else ANY_API
    row = connection.execute(query, (api, either, is_telling)).fetchone()
    return str(row["rule"]) if row else None


def count_spoiled(connection: sqlite3.Connection, subject: str) -> int:
    """How often the answers about ``subject`` have been spoilt, this time included."""
    return _count(connection, "spoiled_answers", "subject", subject)


def count_asked(connection: sqlite3.Connection, question: str) -> int:
    """How often this has been asked since the chaos was set, this time included."""
    return _count(connection, "asked_times", "question", question)


def _count(connection: sqlite3.Connection, table: str, column: str, value: str) -> int:
    query = f"""INSERT INTO {table} ({column}, times) VALUES (?, 1)
                ON CONFLICT ({column}) DO UPDATE SET times = times + 1 RETURNING times"""  # noqa: S608 - constants
    return int(connection.execute(query, (value,)).fetchone()["times"])


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
