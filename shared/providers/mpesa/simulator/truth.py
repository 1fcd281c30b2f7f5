"""The truth, added up by the names that the client gave: our id in its addresses, and its account references."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping

from shared.providers.mpesa.simulator.speaking import Wire, WireObject

CURRENCY = "KES"

PUSHES = """
SELECT pushes.*, coalesce(paid.amount_minor, 0) AS captured_minor, coalesce(back.amount_minor, 0) AS refunded_minor
FROM pushes LEFT JOIN receipts paid ON paid.receipt = pushes.receipt
    LEFT JOIN receipts back ON back.original_receipt = pushes.receipt
WHERE :name IS NULL OR :name IN (pushes.checkout_id, pushes.reference, account_reference)
ORDER BY created_at_ms, checkout_id
"""
MOVEMENTS = """
SELECT * FROM commands WHERE api IN ('b2c', 'reversal') AND is_refund = :is_refund
    AND (:name IS NULL OR reference = :name) ORDER BY created_at_ms, conversation_id
"""
TILL_PAYMENTS = """
SELECT * FROM till_payments WHERE :name IS NULL OR account = :name ORDER BY created_at_ms, receipt
"""
RECEIPTS = """
SELECT * FROM receipts WHERE :name IS NULL OR reference = :name OR account = :name ORDER BY at_ms, receipt
"""

# What each name stands for; a payment has two of them.
FACTS = """
SELECT reference AS name, 'posts_executed' AS fact, count(*) AS number FROM executed GROUP BY reference
UNION ALL SELECT account_reference, 'posts_executed', count(*) FROM executed GROUP BY account_reference
UNION ALL SELECT reference, 'payments', count(*) FROM pushes GROUP BY reference
UNION ALL SELECT account_reference, 'payments', count(*) FROM pushes GROUP BY account_reference
UNION ALL SELECT reference, 'captured_minor', sum(amount_minor) FROM receipts WHERE kind = 'stk' GROUP BY reference
UNION ALL SELECT account, 'captured_minor', sum(amount_minor) FROM receipts WHERE kind = 'stk' GROUP BY account
UNION ALL SELECT reference, CASE is_refund WHEN 1 THEN 'refunds' ELSE 'payouts' END, count(*)
    FROM commands WHERE api IN ('b2c', 'reversal') GROUP BY reference, is_refund
UNION ALL SELECT reference, CASE is_refund WHEN 1 THEN 'refunded_minor' ELSE 'paid_out_minor' END, sum(amount_minor)
    FROM commands WHERE receipt NOT NULL AND api IN ('b2c', 'reversal') GROUP BY reference, is_refund
UNION ALL SELECT paid.reference, 'refunded_minor', sum(back.amount_minor)
    FROM receipts back JOIN receipts paid ON paid.receipt = back.original_receipt GROUP BY paid.reference
UNION ALL SELECT paid.account, 'refunded_minor', sum(back.amount_minor)
    FROM receipts back JOIN receipts paid ON paid.receipt = back.original_receipt WHERE paid.kind = 'stk'
    GROUP BY paid.account
UNION ALL SELECT about, 'refunded_minor', sum(amount_minor)
    FROM commands WHERE api = 'b2c' AND receipt NOT NULL GROUP BY about
"""
KEYS = """
SELECT reference, account_reference, key FROM asked GROUP BY reference, account_reference, key ORDER BY min(id)
"""
ACCOUNTS = """
SELECT account, sum(moved) AS moved_minor FROM (
    SELECT payee AS account, amount_minor AS moved FROM receipts
    UNION ALL SELECT payer, -amount_minor FROM receipts
) GROUP BY account ORDER BY account
"""
NUMBERS = (
    *("payments", "captures", "refunds", "payouts", "posts_executed"),
    *("captured_minor", "refunded_minor", "paid_out_minor"),
)
PAYMENT_WORDS = {"pending": "pending", "completed": "succeeded", "declined": "failed", "expired": "expired"}


def ledger_of(connection: sqlite3.Connection, name: str | None) -> WireObject:
    """The books; with a ``name``, only what belongs to it."""
    named = {"name": name}
    return {
        "payments": [payment_told(row) for row in connection.execute(PUSHES, named)],
        "captures": [],
        "refunds": [movement_told(row) for row in connection.execute(MOVEMENTS, {**named, "is_refund": 1})],
        "payouts": [movement_told(row) for row in connection.execute(MOVEMENTS, {**named, "is_refund": 0})],
        "till_payments": [till_payment_told(row) for row in connection.execute(TILL_PAYMENTS, named)],
        "receipts": [dict(row) for row in connection.execute(RECEIPTS, named)],
        "accounts": {row["account"]: row["moved_minor"] for row in connection.execute(ACCOUNTS)},
        "by_reference": by_reference(connection, name),
    }


def by_reference(connection: sqlite3.Connection, wanted: str | None) -> WireObject:
    """Per name that the client gave, even if nothing came of it."""
    numbers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    keys: defaultdict[str, list[Wire]] = defaultdict(list)
    for row in connection.execute(KEYS):
        for name in {row["reference"], row["account_reference"]} - {None}:
            keys[name].extend([row["key"]] if row["key"] and row["key"] not in keys[name] else [])
    for row in connection.execute(FACTS):
        if row["name"] is not None:
            numbers[row["name"]][row["fact"]] += row["number"]
    names = [*keys, *(numbers.keys() - keys.keys())]
    return {name: entry(numbers[name], keys[name]) for name in names if wanted in {None, name}}


def entry(numbers: Mapping[str, int], keys: list[Wire]) -> WireObject:
    return {**{name: numbers[name] for name in NUMBERS}, "idempotency_keys": keys}


def payment_of(connection: sqlite3.Connection, checkout_id: str) -> WireObject:
    """One push, as the ledger shows it."""
    return payment_told(connection.execute(PUSHES, {"name": checkout_id}).fetchone())


def payment_told(row: sqlite3.Row) -> WireObject:
    return {
        "id": row["checkout_id"],
        "merchant_reference": row["reference"],
        "account_reference": row["account_reference"],
        "phone": row["phone"],
        "amount": row["amount_minor"],
        "currency": CURRENCY,
        "status": PAYMENT_WORDS[row["state"]],
        "result_code": row["result_code"],
        "receipt": row["receipt"],
        "captured_minor": row["captured_minor"],
        "refunded_minor": row["refunded_minor"],
    }


def movement_told(row: sqlite3.Row) -> WireObject:
    return {
        "id": row["conversation_id"],
        "originator_id": row["originator_id"],
        "kind": row["api"],
        "merchant_reference": row["reference"],
        "phone": row["phone"],
        "amount": row["amount_minor"],
        "currency": CURRENCY,
        "status": PAYMENT_WORDS[row["state"]],
        "result_code": row["result_code"],
        "receipt": row["receipt"],
        "original_receipt": row["asked_about"] or None,
    }


def till_payment_told(row: sqlite3.Row) -> WireObject:
    return {
        "id": row["receipt"],
        "till": row["till"],
        "account": row["account"],
        "phone": row["phone"],
        "amount": row["amount_minor"],
        "currency": CURRENCY,
        "status": row["state"],
        "reason": row["reason"],
    }
