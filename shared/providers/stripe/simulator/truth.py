"""The truth, added up: what was really taken and given back. A few statements, however many payments."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping

from pydantic import JsonValue

from shared.providers.stripe.simulator import books
from shared.providers.stripe.simulator.exchange import Json
from shared.providers.stripe.simulator.rows import Capture, Charge, Dispute, Intent, Refund, Resource
from shared.providers.stripe.simulator.showing import Showing

NUMBERS = (
    *("payments", "captures", "refunds", "payouts", "posts_executed"),
    *("captured_minor", "refunded_minor", "paid_out_minor"),
)
SHOWN: Mapping[str, type[Resource]] = {
    "payments": Intent,
    "charges": Charge,
    "refunds": Refund,
    "disputes": Dispute,
}
# What was made with each name; {name} is the column: the gateway's reference, or the idempotency key.
MADE = """
SELECT {name} AS name,
    CASE kind WHEN 'payment_intent' THEN 'payments' ELSE kind || 's' END AS number, count(*) AS sum
    FROM resources WHERE {name} IS NOT NULL AND kind IN ('payment_intent', 'capture', 'refund') GROUP BY {name}, kind
UNION ALL SELECT {name}, CASE kind WHEN 'refund' THEN 'refunded_minor' ELSE 'captured_minor' END, sum(moved)
    FROM resources WHERE {name} IS NOT NULL AND kind IN ('payment_intent', 'capture', 'refund') GROUP BY {name}, kind
UNION ALL SELECT payment.{name}, 'refunded_minor', sum(refund.moved)
    FROM resources payment JOIN resources refund ON refund.intent_id = payment.id AND refund.kind = 'refund'
    WHERE payment.kind = 'payment_intent' AND payment.{name} IS NOT NULL GROUP BY payment.{name}
UNION ALL SELECT {name}, 'posts_executed', sum(is_executed) FROM asked WHERE {name} IS NOT NULL GROUP BY {name}
"""
KEYS = """
SELECT reference, idempotency_key FROM asked WHERE reference IS NOT NULL AND idempotency_key IS NOT NULL
GROUP BY reference, idempotency_key ORDER BY min(id)
"""
MONEY = """
SELECT currency, coalesce(sum(moved) FILTER (WHERE kind = 'payment_intent'), 0) AS captured_minor,
    coalesce(sum(moved) FILTER (WHERE kind = 'refund'), 0) AS refunded_minor
FROM resources WHERE kind IN ('payment_intent', 'refund') GROUP BY currency
"""
COUNTS = """
SELECT kind, status, count(*) AS times FROM resources
WHERE kind IN ('payment_intent', 'charge', 'capture', 'refund', 'dispute') GROUP BY kind, status
"""
SEVERAL = """
SELECT CASE kind WHEN 'payment_intent' THEN 'payment' ELSE kind END AS kind, reference FROM resources
WHERE reference IS NOT NULL GROUP BY kind, reference HAVING count(*) > 1
"""


def ledger_of(connection: sqlite3.Connection, showing: Showing) -> Json:
    """The books: every resource, and what was made with each of our references and idempotency keys."""
    captures = books.select(connection, Capture, [], [], "ORDER BY number")
    return {
        **{name: shown(connection, showing, kind) for name, kind in SHOWN.items()},
        "captures": [capture_json(capture) for capture in captures],
        "by_reference": by_reference(connection),
    }


def shown(connection: sqlite3.Connection, showing: Showing, kind: type[Resource]) -> list[JsonValue]:
    return [showing.show(row) for row in books.select(connection, kind, [], [], "ORDER BY number")]


def capture_json(row: Capture) -> Json:
    return {
        "id": row.id,
        "payment_intent": row.intent_id,
        "amount": row.amount,
        "currency": row.currency,
        "created": row.created,
        "reference": row.reference,
        "idempotency_key": row.idempotency_key,
    }


def by_reference(connection: sqlite3.Connection) -> Json:
    """Per name that we gave, of whatever was made with it, even if nothing came of it."""
    numbers = {**made_by(connection, "idempotency_key"), **made_by(connection, "reference")}
    keys: defaultdict[str, list[JsonValue]] = defaultdict(list)
    for row in connection.execute(KEYS):
        keys[row["reference"]].append(row["idempotency_key"])
    return {
        name: {**{number: numbers[name][number] for number in NUMBERS}, "idempotency_keys": keys.get(name, [name])}
        for name in numbers
    }


def made_by(connection: sqlite3.Connection, column: str) -> dict[str, Counter[str]]:
    numbers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in connection.execute(MADE.format(name=column)):
        numbers[row["name"]][row["number"]] += row["sum"]
    return dict(numbers)


def totals(connection: sqlite3.Connection) -> Json:
    """Per currency and per kind, and the references with which more than one of a kind was made."""
    currencies = {row["currency"]: {**dict(row), "paid_out_minor": 0} for row in connection.execute(MONEY)}
    counts: defaultdict[str, Json] = defaultdict(dict)
    for row in connection.execute(COUNTS):
        counts[row["kind"]][row["status"]] = row["times"]
    several: dict[str, list[JsonValue]] = {kind: [] for kind in ("payment", "capture", "refund")}
    for row in connection.execute(SEVERAL):
        several[row["kind"]].append(row["reference"])
    return {"currencies": {**currencies}, "counts": {**counts}, "references_with_several": {**several}}
