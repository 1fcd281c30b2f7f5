"""CPay's resources as JSON: what it shows of a payment, a refund and an event."""

import json
from datetime import UTC, datetime

from pydantic import JsonValue

from shared.providers.cpay.simulator.exchange import Json
from shared.providers.cpay.simulator.ledger import PaymentRow, RefundRow

MESSAGES = {
    "insufficient_funds": "The balance is too low.",
    "declined": "The payment was declined.",
    "cancelled_by_user": "The customer cancelled.",
}


def payment_json(row: PaymentRow) -> Json:
    return {
        "id": row.id,
        "object": "payment",
        "status": str(row.status),
        "amount": row.amount,
        "currency": row.currency,
        "merchant_reference": row.merchant_reference,
        "customer": dict(row.customer),
        "metadata": dict(row.metadata),
        "created_at": rfc3339(row.created_at_ms),
        "failure": failure_json(row.failure_code),
    }


def refund_json(row: RefundRow) -> Json:
    return {
        "id": row.id,
        "object": "refund",
        "payment_id": row.payment_id,
        "status": str(row.status),
        "amount": row.amount,
        "currency": row.currency,
        "merchant_reference": row.merchant_reference,
        "reason": row.reason,
        "created_at": rfc3339(row.created_at_ms),
        "failure": failure_json(row.failure_code),
    }


def event_json(event_type: str, at_ms: int, data: Json, sequence: int) -> Json:
    return {"type": event_type, "timestamp": rfc3339(at_ms), "data": {**data, "sequence": sequence}}


def failure_json(code: str | None) -> JsonValue:
    return None if code is None else {"code": code, "message": MESSAGES.get(code, code)}


def rfc3339(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def compact(body: JsonValue) -> bytes:
    """UTF-8 without spaces; keys in the order they were written."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
