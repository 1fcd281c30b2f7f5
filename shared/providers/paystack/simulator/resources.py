"""Rows as Paystack writes them: in its answers, its lists and its callbacks."""

from datetime import UTC, datetime

from shared.providers.paystack.simulator.books import RefundRow, TransactionRow
from shared.providers.paystack.simulator.exchange import Json
from shared.providers.paystack.simulator.scenarios import UNDECIDED

INTEGRATION = 100043


def transaction_json(row: TransactionRow) -> Json:
    return {
        "id": row.id,
        "domain": "test",
        "status": row.status,
        "reference": row.reference,
        "receipt_number": None,
        "amount": row.amount,
        "message": None,
        "gateway_response": row.gateway_response or unsaid(row),
        "paid_at": written_at(row.paid_at_ms),
        "created_at": written_at(row.created_at_ms),
        "channel": row.channel,
        "currency": row.currency,
        "ip_address": None,
        "metadata": dict(row.metadata) or "",
        "fees": None,
        "customer": customer_json(row),
        "authorization": {},
        "plan": None,
        "requested_amount": row.amount,
    }


def refund_json(row: RefundRow, payment: TransactionRow) -> Json:
    """As single refunds and lists of them have it."""
    return {
        "id": row.id,
        "integration": INTEGRATION,
        "domain": "test",
        "transaction": payment.id,
        "transaction_reference": payment.reference,
        "amount": row.amount,
        "deducted_amount": row.amount,
        "currency": row.currency,
        "channel": payment.channel,
        "status": row.status,
        "refunded_by": "gateway@example.com",
        "customer_note": row.customer_note,
        "merchant_note": row.merchant_note,
        "createdAt": written_at(row.created_at_ms),
    }


def refund_made_json(row: RefundRow, payment: TransactionRow) -> Json:
    """As the answer to ``POST /refund`` has it: with the whole payment, and without its reference beside it."""
    made = refund_json(row, payment)
    del made["transaction_reference"]
    return {**made, "transaction": transaction_json(payment)}


def refund_news_json(row: RefundRow, payment: TransactionRow) -> Json:
    """As callbacks have it: the numbers are text."""
    return {
        "status": row.status,
        "transaction_reference": payment.reference,
        "refund_reference": None,
        "amount": str(row.amount),
        "currency": row.currency,
        "customer": customer_json(payment),
        "integration": INTEGRATION,
        "domain": "test",
        "id": str(row.id),
        "customer_note": row.customer_note,
        "merchant_note": row.merchant_note,
    }


def customer_json(row: TransactionRow) -> Json:
    return {"id": 1, "first_name": None, "last_name": None, "email": row.email, "customer_code": "CUS_simulated"}


def unsaid(row: TransactionRow) -> str | None:
    """What the bank is said to have said where nobody said anything."""
    return "The transaction was not completed" if row.status in UNDECIDED else "Successful"


def written_at(moment_ms: int | None) -> str | None:
    if moment_ms is None:
        return None
    moment = datetime.fromtimestamp(moment_ms / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment_ms % 1000:03}Z"
