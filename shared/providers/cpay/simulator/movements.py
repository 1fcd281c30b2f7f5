"""CPay's books, continued: captures, refunds and payouts, in one table because they live alike."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.providers.cpay.simulator.scenarios import MovementKind, MovementStatus, Telling

SCHEMA = """
CREATE TABLE IF NOT EXISTS movements (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, payment_id TEXT, merchant_reference TEXT,
    amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL, reason TEXT, is_final INTEGER NOT NULL,
    recipient TEXT NOT NULL, status TEXT NOT NULL, failure_code TEXT, telling TEXT NOT NULL,
    sequence INTEGER NOT NULL DEFAULT 0, created_at_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS movements_of_payment ON movements (payment_id, kind);
CREATE INDEX IF NOT EXISTS movements_by_reference ON movements (merchant_reference, kind);
CREATE INDEX IF NOT EXISTS movements_by_time ON movements (created_at_ms, id);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementRow:
    """Amounts in minor units. A payout has a ``recipient`` and no ``payment_id``; ``is_final`` is of captures."""

    id: str
    kind: MovementKind
    payment_id: str | None
    merchant_reference: str | None
    amount: int
    currency: str
    reason: str | None = None
    is_final: bool = False
    recipient: Mapping[str, str] = field(default_factory=dict)
    status: MovementStatus = MovementStatus.PENDING
    failure_code: str | None = None
    telling: Telling
    sequence: int = 0
    created_at_ms: int


def insert(connection: sqlite3.Connection, row: MovementRow) -> None:
    connection.execute(
        """INSERT INTO movements (id, kind, payment_id, merchant_reference, amount, currency, reason, is_final,
               recipient, status, failure_code, telling, created_at_ms)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            row.id,
            row.kind,
            row.payment_id,
            row.merchant_reference,
            row.amount,
            row.currency,
            row.reason,
            row.is_final,
            json.dumps(dict(row.recipient)),
            row.status,
            row.failure_code,
            row.telling,
            row.created_at_ms,
        ),
    )


def with_id(connection: sqlite3.Connection, movement_id: str) -> MovementRow | None:
    row = connection.execute("SELECT * FROM movements WHERE id = ?", (movement_id,)).fetchone()
    return movement_of(row) if row else None


def with_reference(connection: sqlite3.Connection, kind: MovementKind, merchant_reference: str) -> list[MovementRow]:
    """One, or none; several only from a CPay that was told to forget."""
    query = "SELECT * FROM movements WHERE merchant_reference = ? AND kind = ? ORDER BY created_at_ms, id"
    return [movement_of(row) for row in connection.execute(query, (merchant_reference, kind))]


def of_payment(connection: sqlite3.Connection, kind: MovementKind, payment_id: str) -> list[MovementRow]:
    query = "SELECT * FROM movements WHERE payment_id = ? AND kind = ? ORDER BY created_at_ms, id"
    return [movement_of(row) for row in connection.execute(query, (payment_id, kind))]


def promised(movements: list[MovementRow]) -> int:
    """What has moved, or may yet: everything that has not failed."""
    return sum(movement.amount for movement in movements if movement.status is not MovementStatus.FAILED)


def set_status(
    connection: sqlite3.Connection, movement_id: str, status: MovementStatus, failure_code: str | None
) -> None:
    connection.execute(
        "UPDATE movements SET status = ?, failure_code = ? WHERE id = ?", (status, failure_code, movement_id)
    )


def next_sequence(connection: sqlite3.Connection, movement_id: str) -> int:
    """1 for the first event of a movement that belongs to no payment."""
    query = "UPDATE movements SET sequence = sequence + 1 WHERE id = ? RETURNING sequence"
    return int(connection.execute(query, (movement_id,)).fetchone()["sequence"])


def movement_of(row: sqlite3.Row) -> MovementRow:
    return MovementRow(
        **{
            **dict(row),
            "kind": MovementKind(row["kind"]),
            "is_final": bool(row["is_final"]),
            "recipient": json.loads(row["recipient"]),
            "status": MovementStatus(row["status"]),
            "telling": Telling(row["telling"]),
        }
    )
