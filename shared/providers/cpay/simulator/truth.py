"""The truth, added up: what was really taken, given back and sent out. A few statements, however many payments."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping

from pydantic import JsonValue

from shared.providers.cpay.simulator.exchange import Json
from shared.providers.cpay.simulator.ledger import payment_of
from shared.providers.cpay.simulator.movements import movement_of
from shared.providers.cpay.simulator.resources import movement_json, payment_json
from shared.providers.cpay.simulator.scenarios import MovementKind

PAYMENTS = "SELECT * FROM payments WHERE {condition} ORDER BY created_at_ms, id"

# How a payment stands with its captures and refunds. An automatic payment that succeeded was taken once.
STANDING = """
SELECT payments.id, payments.captured AS captured_minor,
    coalesce(sum(m.amount) FILTER (WHERE m.kind = 'refund' AND m.status = 'succeeded'), 0) AS refunded_minor,
    count(m.id) FILTER (WHERE m.kind = 'refund' AND m.status = 'succeeded') AS refunded_times,
    CASE capture_method WHEN 'automatic' THEN captured > 0
        ELSE count(m.id) FILTER (WHERE m.kind = 'capture' AND m.status = 'succeeded') END AS captured_times,
    (SELECT count(*) FROM executed WHERE executed.merchant_reference = payments.merchant_reference) AS posts_executed
FROM payments LEFT JOIN movements m ON m.payment_id = payments.id
WHERE payments.{condition} GROUP BY payments.id
"""
MOVED = """
SELECT * FROM movements WHERE {condition}
    OR payment_id IN (SELECT id FROM payments WHERE {condition}) ORDER BY created_at_ms, id
"""
KEYS = """
SELECT merchant_reference, idempotency_key FROM asked WHERE merchant_reference IS NOT NULL AND {condition}
GROUP BY merchant_reference, idempotency_key ORDER BY min(id)
"""
ADDED_UP = """
SELECT merchant_reference, 'posts_executed' AS name, count(*) AS number FROM executed
    WHERE merchant_reference IS NOT NULL AND {condition} GROUP BY merchant_reference
UNION ALL SELECT merchant_reference, 'payments', count(*) FROM payments
    WHERE merchant_reference IS NOT NULL AND {condition} GROUP BY merchant_reference
UNION ALL SELECT merchant_reference, 'captured_minor', sum(captured) FROM payments
    WHERE merchant_reference IS NOT NULL AND {condition} GROUP BY merchant_reference
UNION ALL SELECT payments.merchant_reference, 'refunded_minor', sum(m.amount)
    FROM payments JOIN movements m ON m.payment_id = payments.id AND m.kind = 'refund' AND m.status = 'succeeded'
    WHERE payments.merchant_reference IS NOT NULL AND payments.{condition} GROUP BY payments.merchant_reference
UNION ALL SELECT merchant_reference, kind || 's', count(*) FROM movements
    WHERE merchant_reference IS NOT NULL AND {condition} GROUP BY merchant_reference, kind
UNION ALL SELECT merchant_reference,
        CASE kind WHEN 'capture' THEN 'captured_minor' WHEN 'refund' THEN 'refunded_minor' ELSE 'paid_out_minor' END,
        sum(amount) FROM movements
    WHERE merchant_reference IS NOT NULL AND status = 'succeeded' AND {condition} GROUP BY merchant_reference, kind
"""
NUMBERS = (
    *("payments", "captures", "refunds", "payouts", "posts_executed"),
    *("captured_minor", "refunded_minor", "paid_out_minor"),
)
EVERYTHING = "id IS NOT NULL"
ONE_REFERENCE = "merchant_reference = :reference"

MONEY_IN = """
SELECT currency, coalesce(sum(captured) FILTER (WHERE till IS NULL), 0) AS captured_minor,
    coalesce(sum(captured) FILTER (WHERE till IS NOT NULL), 0) AS received_minor FROM payments GROUP BY currency
"""
MONEY_MOVED = """
SELECT currency, coalesce(sum(amount) FILTER (WHERE kind = 'refund'), 0) AS refunded_minor,
    coalesce(sum(amount) FILTER (WHERE kind = 'payout'), 0) AS paid_out_minor
FROM movements WHERE status = 'succeeded' GROUP BY currency
"""
COUNTS = """
SELECT CASE WHEN till IS NULL THEN 'payment' ELSE 'till_payment' END AS kind, status, count(*) AS times
    FROM payments GROUP BY 1, 2
UNION ALL SELECT kind, status, count(*) FROM movements GROUP BY 1, 2
"""
SEVERAL = """
SELECT 'payment' AS kind, merchant_reference FROM payments WHERE merchant_reference IS NOT NULL
    GROUP BY merchant_reference HAVING count(*) > 1
UNION ALL SELECT kind, merchant_reference FROM movements WHERE merchant_reference IS NOT NULL
    GROUP BY kind, merchant_reference HAVING count(*) > 1
"""

MONEY_NAMES = ("captured_minor", "received_minor", "refunded_minor", "paid_out_minor")


def ledger_of(connection: sqlite3.Connection, reference: str | None) -> Json:
    """The books; with a ``reference``, only what was made with it, and what belongs to that."""
    condition = EVERYTHING if reference is None else ONE_REFERENCE
    named = {"reference": reference}
    payments = [payment_of(row) for row in connection.execute(PAYMENTS.format(condition=condition), named)]
    standing = {row["id"]: dict(row) for row in connection.execute(STANDING.format(condition=condition), named)}
    moved = [movement_of(row) for row in connection.execute(MOVED.format(condition=condition), named)]
    return {
        "payments": [{**payment_json(one), **standing[one.id]} for one in payments if one.till is None],
        "till_payments": [payment_json(one) for one in payments if one.till is not None],
        **{f"{kind}s": [movement_json(one) for one in moved if one.kind is kind] for kind in MovementKind},
        "by_reference": by_reference(connection, condition, named),
    }


def totals(connection: sqlite3.Connection) -> Json:
    """Per currency and per kind, and the references with which more than one of a kind was made: there are none,
    unless a provider that forgets was asked twice.
    """
    currencies: defaultdict[str, Json] = defaultdict(no_money)
    for row in [*connection.execute(MONEY_IN), *connection.execute(MONEY_MOVED)]:
        sums = dict(row)
        currencies[sums.pop("currency")].update(sums)
    counts: defaultdict[str, Json] = defaultdict(dict)
    for row in connection.execute(COUNTS):
        counts[row["kind"]][row["status"]] = row["times"]
    several: dict[str, list[JsonValue]] = {kind: [] for kind in ("payment", *MovementKind)}
    for row in connection.execute(SEVERAL):
        several[row["kind"]].append(row["merchant_reference"])
    return {"currencies": {**currencies}, "counts": {**counts}, "references_with_several": {**several}}


def by_reference(connection: sqlite3.Connection, condition: str, named: Mapping[str, str | None]) -> Json:
    """Per reference of the merchant's, of whatever was made with it, even if nothing came of it."""
    numbers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    keys: defaultdict[str, list[JsonValue]] = defaultdict(list)
    for row in connection.execute(KEYS.format(condition=condition), named):
        keys[row["merchant_reference"]].append(row["idempotency_key"])
    for row in connection.execute(ADDED_UP.format(condition=condition), named):
        numbers[row["merchant_reference"]][row["name"]] += row["number"]
    return {
        reference: {**{name: numbers[reference][name] for name in NUMBERS}, "idempotency_keys": keys[reference]}
        for reference in [*keys, *(numbers.keys() - keys.keys())]
    }


def no_money() -> Json:
    return dict.fromkeys(MONEY_NAMES, 0)
