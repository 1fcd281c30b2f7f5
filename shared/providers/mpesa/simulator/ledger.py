"""M-Pesa's books: pushes, commands, what customers pay by hand, receipts (money that moved), and what is due."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from shared.providers.mpesa.simulator.scenarios import Api, Telling

FILE_NAME = "mpesa.1.sqlite"

SCHEMA = """
CREATE TABLE IF NOT EXISTS pushes (
    checkout_id TEXT PRIMARY KEY, merchant_request_id TEXT NOT NULL, reference TEXT, account_reference TEXT NOT NULL,
    shortcode TEXT NOT NULL, phone TEXT NOT NULL, amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    url TEXT NOT NULL, telling TEXT NOT NULL, ends_as TEXT NOT NULL, state TEXT NOT NULL, result_code TEXT,
    receipt TEXT, created_at_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS pushes_by_reference ON pushes (reference);
CREATE INDEX IF NOT EXISTS pushes_by_account ON pushes (account_reference);
CREATE INDEX IF NOT EXISTS pushes_by_phone ON pushes (phone, created_at_ms);
CREATE TABLE IF NOT EXISTS commands (
    conversation_id TEXT PRIMARY KEY, originator_id TEXT NOT NULL, api TEXT NOT NULL, reference TEXT,
    is_refund INTEGER NOT NULL, shortcode TEXT NOT NULL, phone TEXT NOT NULL, amount_minor INTEGER NOT NULL,
    asked_about TEXT NOT NULL, about TEXT, result_url TEXT NOT NULL, timeout_url TEXT NOT NULL,
    occasion TEXT NOT NULL, telling TEXT NOT NULL, ends_as TEXT NOT NULL, state TEXT NOT NULL, result_code TEXT,
    receipt TEXT, created_at_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS commands_by_originator ON commands (originator_id);
CREATE INDEX IF NOT EXISTS commands_by_reference ON commands (reference);
CREATE TABLE IF NOT EXISTS receipts (
    receipt TEXT PRIMARY KEY, kind TEXT NOT NULL, payer TEXT NOT NULL, payee TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0), reference TEXT, account TEXT NOT NULL, phone TEXT NOT NULL,
    conversation_id TEXT, original_receipt TEXT UNIQUE, at_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS receipts_by_payee ON receipts (payee, at_ms);
CREATE INDEX IF NOT EXISTS receipts_by_payer ON receipts (payer, at_ms);
CREATE INDEX IF NOT EXISTS receipts_by_reference ON receipts (reference);
CREATE TABLE IF NOT EXISTS tills (
    shortcode TEXT PRIMARY KEY, version INTEGER NOT NULL, response_type TEXT NOT NULL, confirmation_url TEXT NOT NULL,
    validation_url TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS till_payments (
    receipt TEXT PRIMARY KEY, till TEXT NOT NULL, account TEXT NOT NULL, phone TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0), telling TEXT NOT NULL, state TEXT NOT NULL,
    reason TEXT, third_party_id TEXT NOT NULL, created_at_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS till_payments_waiting ON till_payments (created_at_ms) WHERE state = 'validating';
CREATE TABLE IF NOT EXISTS pulled_tills (shortcode TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS changes (
    id INTEGER PRIMARY KEY, due_at_ms INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS changes_due ON changes (due_at_ms);
"""


class State(StrEnum):
    PENDING = "pending"
    VALIDATING = "validating"
    COMPLETED = "completed"
    DECLINED = "declined"
    EXPIRED = "expired"


class Due(StrEnum):
    """What falls due: a customer decides, a prompt dies, a command is carried out."""

    CUSTOMER = "customer"
    PROMPT = "prompt"
    COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A prompt on a customer's phone. ``reference`` is our id in its callback's address."""

    checkout_id: str
    merchant_request_id: str
    reference: str | None
    account_reference: str
    shortcode: str
    phone: str
    amount_minor: int
    url: str
    telling: Telling
    ends_as: str
    state: State = State.PENDING
    result_code: str | None = None
    receipt: str | None = None
    created_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What an initiator asked for, and whose result comes later. ``asked_about`` is a receipt or a conversation's id,
    ``about`` the reference of the payment that is given back.
    """

    conversation_id: str
    originator_id: str
    api: Api
    reference: str | None
    is_refund: bool = False
    shortcode: str
    phone: str = ""
    amount_minor: int = 0
    asked_about: str = ""
    about: str | None = None
    result_url: str
    timeout_url: str
    occasion: str
    telling: Telling
    ends_as: str
    state: State = State.PENDING
    result_code: str | None = None
    receipt: str | None = None
    created_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Money that moved from one account to another. Accounts are shortcodes and phones."""

    receipt: str
    kind: str
    payer: str
    payee: str
    amount_minor: int
    reference: str | None = None
    account: str = ""
    phone: str
    conversation_id: str | None = None
    original_receipt: str | None = None
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """Where the news of a shortcode's payments goes; ``response_type`` decides when nobody validates."""

    shortcode: str
    version: int
    response_type: str
    confirmation_url: str
    validation_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TillPayment:
    """What a customer pays by hand; ``account`` is what they type."""

    receipt: str
    till: str
    account: str
    phone: str
    amount_minor: int
    telling: Telling
    state: State
    reason: str | None = None
    third_party_id: str = ""
    created_at_ms: int


Row = Push | Command | Receipt | Till | TillPayment

TABLES: Mapping[type[Row], str] = {
    Push: "pushes",
    Command: "commands",
    Receipt: "receipts",
    Till: "tills",
    TillPayment: "till_payments",
}


def insert(connection: sqlite3.Connection, row: Row) -> None:
    """Write a row down; one with the same key is replaced by nobody but ``Till``."""
    names = [field.name for field in fields(row)]
    verb = "INSERT OR REPLACE" if isinstance(row, Till) else "INSERT"
    places = ", ".join("?" for _ in names)
    statement = f"{verb} INTO {TABLES[type(row)]} ({', '.join(names)}) VALUES ({places})"
    connection.execute(statement, [getattr(row, name) for name in names])


def push_with_id(connection: sqlite3.Connection, checkout_id: str) -> Push | None:
    row = connection.execute("SELECT * FROM pushes WHERE checkout_id = ?", (checkout_id,)).fetchone()
    return push_of(row) if row else None


def has_live_prompt(connection: sqlite3.Connection, phone: str, since_ms: int) -> bool:
    query = "SELECT 1 FROM pushes WHERE phone = ? AND created_at_ms > ? AND state = 'pending' LIMIT 1"
    return connection.execute(query, (phone, since_ms)).fetchone() is not None


def has_same_payment(connection: sqlite3.Connection, phone: str, amount_minor: int, since_ms: int) -> bool:
    """Whether the phone has paid this amount, or may yet, since then: what was declined does not count."""
    query = """SELECT 1 FROM pushes WHERE phone = ? AND created_at_ms > ? AND amount_minor = ?
               AND state IN ('pending', 'completed') LIMIT 1"""
    return connection.execute(query, (phone, since_ms, amount_minor)).fetchone() is not None


def settle_push(connection: sqlite3.Connection, push: Push) -> None:
    connection.execute(
        "UPDATE pushes SET state = ?, result_code = ?, receipt = ? WHERE checkout_id = ?",
        (push.state, push.result_code, push.receipt, push.checkout_id),
    )


def reference_paid_as(connection: sqlite3.Connection, name: str) -> str | None:
    """The payment that is known by our id or by this account reference."""
    query = "SELECT reference FROM pushes WHERE (reference = :name OR account_reference = :name) AND receipt NOT NULL"
    row = connection.execute(query, {"name": name}).fetchone()
    return row["reference"] if row else None


def command_with_id(connection: sqlite3.Connection, conversation_id: str) -> Command | None:
    row = connection.execute("SELECT * FROM commands WHERE conversation_id = ?", (conversation_id,)).fetchone()
    return command_of(row) if row else None


def command_conversing_as(connection: sqlite3.Connection, name: str) -> Command | None:
    """That which moves money, by either of its conversation ids."""
    query = """SELECT * FROM commands WHERE (originator_id = :name OR conversation_id = :name)
               AND api IN ('b2c', 'reversal') ORDER BY created_at_ms LIMIT 1"""
    row = connection.execute(query, {"name": name}).fetchone()
    return command_of(row) if row else None


def is_originator_taken(connection: sqlite3.Connection, originator_id: str) -> bool:
    query = "SELECT 1 FROM commands WHERE originator_id = ? AND api = 'b2c'"
    return connection.execute(query, (originator_id,)).fetchone() is not None


def settle_command(connection: sqlite3.Connection, command: Command) -> None:
    """Write down what became of a command, and whom its receipt turned out to be of."""
    connection.execute(
        "UPDATE commands SET state = ?, result_code = ?, receipt = ?, phone = ?, about = ? WHERE conversation_id = ?",
        (
            command.state,
            command.result_code,
            command.receipt,
            command.phone,
            command.about,
            command.conversation_id,
        ),
    )


def receipt_with_number(connection: sqlite3.Connection, number: str) -> Receipt | None:
    row = connection.execute("SELECT * FROM receipts WHERE receipt = ?", (number,)).fetchone()
    return Receipt(**dict(row)) if row else None


def is_reversed(connection: sqlite3.Connection, number: str) -> bool:
    query = "SELECT 1 FROM receipts WHERE original_receipt = ?"
    return connection.execute(query, (number,)).fetchone() is not None


def moved_minor(connection: sqlite3.Connection, account: str) -> int:
    """What came into an account less what left it, in minor units."""
    query = """SELECT coalesce((SELECT sum(amount_minor) FROM receipts WHERE payee = :account), 0)
                    - coalesce((SELECT sum(amount_minor) FROM receipts WHERE payer = :account), 0) AS moved"""
    return int(connection.execute(query, {"account": account}).fetchone()["moved"])


def till(connection: sqlite3.Connection, shortcode: str) -> Till | None:
    row = connection.execute("SELECT * FROM tills WHERE shortcode = ?", (shortcode,)).fetchone()
    return Till(**dict(row)) if row else None


def validating(connection: sqlite3.Connection) -> list[TillPayment]:
    query = "SELECT * FROM till_payments WHERE state = 'validating' ORDER BY created_at_ms LIMIT 100"
    return [till_payment_of(row) for row in connection.execute(query)]


def till_payment(connection: sqlite3.Connection, receipt: str) -> TillPayment | None:
    row = connection.execute("SELECT * FROM till_payments WHERE receipt = ?", (receipt,)).fetchone()
    return till_payment_of(row) if row else None


def settle_till_payment(connection: sqlite3.Connection, payment: TillPayment) -> None:
    connection.execute(
        "UPDATE till_payments SET state = ?, reason = ?, third_party_id = ? WHERE receipt = ?",
        (payment.state, payment.reason, payment.third_party_id, payment.receipt),
    )


def schedule(connection: sqlite3.Connection, kind: Due, subject: str, due_at_ms: int) -> None:
    connection.execute("INSERT INTO changes (kind, subject, due_at_ms) VALUES (?, ?, ?)", (kind, subject, due_at_ms))


def has_due_changes(connection: sqlite3.Connection, now_ms: int) -> bool:
    return connection.execute("SELECT 1 FROM changes WHERE due_at_ms <= ? LIMIT 1", (now_ms,)).fetchone() is not None


def take_due_changes(connection: sqlite3.Connection, now_ms: int) -> list[tuple[Due, str]]:
    """What is due, oldest first; it is no longer scheduled."""
    query = "SELECT id, kind, subject FROM changes WHERE due_at_ms <= ? ORDER BY due_at_ms, id"
    rows = connection.execute(query, (now_ms,)).fetchall()
    connection.executemany("DELETE FROM changes WHERE id = ?", [(row["id"],) for row in rows])
    return [(Due(row["kind"]), row["subject"]) for row in rows]


def push_of(row: sqlite3.Row) -> Push:
    return Push(**{**dict(row), "telling": Telling(row["telling"]), "state": State(row["state"])})


def command_of(row: sqlite3.Row) -> Command:
    changed = {"telling": Telling(row["telling"]), "state": State(row["state"]), "api": Api(row["api"])}
    return Command(**{**dict(row), **changed, "is_refund": bool(row["is_refund"])})


def till_payment_of(row: sqlite3.Row) -> TillPayment:
    return TillPayment(**{**dict(row), "telling": Telling(row["telling"]), "state": State(row["state"])})
