"""CPay's resources as JSON: what it shows of payments, captures, refunds, payouts and events."""

import json
from datetime import UTC, datetime

from pydantic import JsonValue

from shared.providers.cpay.simulator.exchange import Json
from shared.providers.cpay.simulator.ledger import PaymentRow
from shared.providers.cpay.simulator.movements import MovementRow
from shared.providers.cpay.simulator.scenarios import MovementKind

MESSAGES = {
    "insufficient_funds": "The balance is too low.",
    "declined": "The payment was declined.",
    "cancelled_by_user": "The customer cancelled.",
}


def payment_json(row: PaymentRow) -> Json:
    paid_at: Json = {} if row.till is None else {"till": row.till, "account": row.account}
    return {
        "id": row.id,
        "object": "payment",
        "status": str(row.status),
        "amount": row.amount,
        "currency": row.currency,
        "capture_method": str(row.capture_method),
        "captured_amount": row.captured,
        "merchant_reference": row.merchant_reference,
        "customer": dict(row.customer),
        "metadata": dict(row.metadata),
        "created_at": rfc3339(row.created_at_ms),
        "failure": failure_json(row.failure_code),
        **paid_at,
    }


def movement_json(row: MovementRow) -> Json:
    return {
        "id": row.id,
        "object": str(row.kind),
        "status": str(row.status),
        "amount": row.amount,
        "currency": row.currency,
        "merchant_reference": row.merchant_reference,
        "created_at": rfc3339(row.created_at_ms),
        "failure": failure_json(row.failure_code),
        **particulars(row),
    }


def particulars(row: MovementRow) -> Json:
    match row.kind:
        case MovementKind.CAPTURE:
            return {"payment_id": row.payment_id, "final": row.is_final}
        case MovementKind.REFUND:
            return {"payment_id": row.payment_id, "reason": row.reason}
        case MovementKind.PAYOUT:
            return {"recipient": dict(row.recipient), "reason": row.reason}


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
