"""CPay's callbacks: believes them by Standard Webhooks 1.0, strictly, and says what they report."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Never, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from shared.domain.customer import Customer
from shared.domain.errors import CurrencyUnknown, WebhookRejected
from shared.domain.ids import CaptureId, PayoutId, RefundId, TransactionId
from shared.domain.money import Money
from shared.provider_kit.provider import (
    CaptureReported,
    MoneyReceived,
    NothingReported,
    PaymentReported,
    PayoutReported,
    ProviderReport,
    RefundReported,
    VerifiedWebhook,
    WebhookRequest,
)
from shared.providers.cpay.outcomes import answer_of, outcome_of_movement, outcome_of_payment
from shared.providers.cpay.wire import Capture, Event, PaymentNews, Payout, ReceivedNews, RefundNews

TOLERANCE_SECONDS = 300
MOST_SIGNATURES = 10  # caps the work that a stranger can cause
MAX_ID_CHARACTERS = 255
MAX_TIMESTAMP_DIGITS = 12

PAYMENT_EVENTS = frozenset(
    f"payment.{status}" for status in ("pending", "authorized", "succeeded", "failed", "cancelled", "expired")
)
RECEIVED_EVENT = "payment.received"
CAPTURE_EVENTS, REFUND_EVENTS, PAYOUT_EVENTS = (
    frozenset(f"{kind}.{status}" for status in ("pending", "succeeded", "failed"))
    for kind in ("capture", "refund", "payout")
)

Model = TypeVar("Model", bound=BaseModel)


def verify(request: WebhookRequest, keys: Sequence[bytes]) -> VerifiedWebhook:
    """Believe a callback that one of ``keys`` has signed, at most 300 s before or after its arrival.

    Raises:
        WebhookRejected: anything else, including a body that is no event.
    """
    event_id = checked_id(request.headers.get("webhook-id", ""))
    timestamp = checked_timestamp(request.headers.get("webhook-timestamp", ""), request.received_at)
    signature = request.headers.get("webhook-signature", "")
    signed = event_id.encode() + b"." + timestamp.encode() + b"." + request.body
    if not is_signed(signed, signatures_in(signature), keys):
        raise WebhookRejected("signature")
    payload = json_object(request.body)
    event = shaped(Event, payload)
    return VerifiedWebhook(event_id=event_id, event_type=event.type, payload=payload, signature=signature)


def report_of(payload: Mapping[str, object]) -> ProviderReport:
    """What an event says; of a type that nobody knows yet: nothing.

    Raises:
        WebhookRejected: the event lacks what its type promises.
    """
    event = shaped(Event, payload)
    if event.type in PAYMENT_EVENTS:
        return payment_report(shaped(PaymentNews, event.data))
    if event.type in REFUND_EVENTS:
        return refund_report(shaped(RefundNews, event.data))
    if event.type in CAPTURE_EVENTS:
        return capture_report(shaped(Capture, event.data))
    if event.type in PAYOUT_EVENTS:
        return payout_report(shaped(Payout, event.data))
    if event.type == RECEIVED_EVENT:
        return received_report(shaped(ReceivedNews, event.data))
    return NothingReported(reason=f"unknown event type {event.type}")


def payment_report(news: PaymentNews) -> PaymentReported:
    ours = uuid_or_none(news.merchant_reference)
    return PaymentReported(
        transaction_id=TransactionId(ours) if ours else None,
        reference=news.id,
        amount=money(news.amount, news.currency),
        outcome=outcome_of_payment(news),
        sequence=news.sequence,
    )


def refund_report(news: RefundNews) -> RefundReported:
    ours = uuid_or_none(news.merchant_reference)
    return RefundReported(
        refund_id=RefundId(ours) if ours else None,
        reference=news.id,
        payment_reference=news.payment_id,
        amount=money(news.amount, news.currency),
        outcome=outcome_of_movement(news),
        sequence=news.sequence,
    )


def capture_report(news: Capture) -> CaptureReported:
    ours = uuid_or_none(news.merchant_reference)
    return CaptureReported(
        capture_id=CaptureId(ours) if ours else None,
        reference=news.id,
        payment_reference=news.payment_id,
        amount=money(news.amount, news.currency),
        outcome=outcome_of_movement(news),
    )


def payout_report(news: Payout) -> PayoutReported:
    ours = uuid_or_none(news.merchant_reference)
    return PayoutReported(
        payout_id=PayoutId(ours) if ours else None,
        reference=news.id,
        amount=money(news.amount, news.currency),
        outcome=outcome_of_movement(news),
    )


def received_report(news: ReceivedNews) -> MoneyReceived | NothingReported:
    received_at = news.made_at()
    if received_at is None:
        raise WebhookRejected("no time")
    if news.status != "succeeded":
        return NothingReported(reason=f"a till payment that is {news.status}")
    return MoneyReceived(
        reference=news.id,
        amount=money(news.amount, news.currency),
        till=news.till,
        account=news.account,
        customer=Customer(phone=news.customer.phone),
        received_at=received_at,
        answer={name: value for name, value in answer_of(news).items() if name != "customer"},
    )


def checked_id(event_id: str) -> str:
    # A dot would let one signed text be read as two different pairs of id and time.
    if not event_id or "." in event_id or len(event_id) > MAX_ID_CHARACTERS:
        raise WebhookRejected("id")
    if not (event_id.isascii() and event_id.isprintable()):
        raise WebhookRejected("id")
    return event_id


def checked_timestamp(timestamp: str, received_at: datetime) -> str:
    """Whole seconds since 1970, within the tolerance on both sides."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= MAX_TIMESTAMP_DIGITS):
        raise WebhookRejected("timestamp")
    if abs(int(received_at.timestamp()) - int(timestamp)) > TOLERANCE_SECONDS:
        raise WebhookRejected("stale")
    return timestamp


def signatures_in(header: str) -> list[bytes]:
    """The ``v1`` signatures among the first ten entries; other versions and what is not base64 do not count."""
    given = []
    for entry in header.split(" ", MOST_SIGNATURES)[:MOST_SIGNATURES]:
        version, _, encoded = entry.partition(",")
        if version != "v1":
            continue
        try:
            given.append(base64.b64decode(encoded, validate=True))
        except ValueError:
            continue
    return given


def is_signed(signed: bytes, given: Iterable[bytes], keys: Sequence[bytes]) -> bool:
    """Whether any signature is by any key; every pair is compared, in constant time, as bytes."""
    expected = [hmac.new(key, signed, hashlib.sha256).digest() for key in keys]
    matches = [hmac.compare_digest(one, other) for other in given for one in expected]
    return any(matches)


def json_object(body: bytes) -> Mapping[str, object]:
    try:
        payload = json.loads(body.decode("utf-8"), parse_constant=no_constant)
    except (ValueError, RecursionError):
        raise WebhookRejected("body") from None
    if not isinstance(payload, dict):
        raise WebhookRejected("body")
    return payload


def no_constant(name: str) -> Never:
    raise ValueError(name)


def shaped(model: type[Model], payload: Mapping[str, object]) -> Model:
    try:
        return model.model_validate(payload)
    except ValidationError:
        raise WebhookRejected(f"no {model.__name__.lower()}") from None


def money(amount_minor_units: int, currency: str) -> Money:
    try:
        return Money(amount_minor_units, currency)
    except CurrencyUnknown:
        raise WebhookRejected("currency") from None


def uuid_or_none(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None
