"""Reads what M-Pesa writes, and writes amounts as it does: without a float, or not at all."""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from shared.domain.errors import AmountRejected, WebhookRejected
from shared.domain.money import Money
from shared.provider_kit import webhooks
from shared.providers.mpesa.config import CURRENCY

MAX_BODY_BYTES = 65_536
MAX_AMOUNT_CHARACTERS = 30


def json_object(body: bytes) -> Mapping[str, object]:
    """A callback's body. A number with a fraction stays the text that they wrote: no amount becomes a float.

    Raises:
        WebhookRejected: too long, or not one JSON object whose text can be stored.
    """
    if len(body) > MAX_BODY_BYTES:
        raise WebhookRejected("size")
    payload = webhooks.json_object(body, parse_float=str)
    if not _is_storable(payload) or b"\\u0000" in body:
        raise WebhookRejected("body")
    return payload


def money_of(text: str | None) -> Money | None:
    """Shillings as they write them (``1.00``, ``"5"``), exactly; ``None`` if it is no amount of the currency."""
    if not text or len(text) > MAX_AMOUNT_CHARACTERS:
        return None
    try:
        return Money.from_decimal(Decimal(text), CURRENCY)
    except (InvalidOperation, AmountRejected):
        return None


def shillings(amount: Money) -> str:
    """As it is sent: a whole number. Who calls it has made sure of that."""
    return str(amount.amount_minor_units // 100)


def _is_storable(payload: Mapping[str, object]) -> bool:
    """Half a surrogate pair, or a NUL, is JSON and is text in no database."""
    try:
        json.dumps(payload, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return False
    return True
