"""CPay's callbacks: believes them by Standard Webhooks 1.0, strictly, and says what they report."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence

from shared.domain.customer import Customer
from shared.domain.errors import WebhookRejected
from shared.domain.ids import CaptureId, PayoutId, RefundId, TransactionId
from shared.provider_kit.answers import answer_of
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
from shared.provider_kit.webhooks import (
    check_fresh,
    is_any_signature,
    json_object,
    money,
    shaped,
    storable,
    uuid_or_none,
)
from shared.providers.cpay.outcomes import outcome_of_movement, outcome_of_payment
from shared.providers.cpay.wire import Capture, Event, PaymentNews, Payout, ReceivedNews, RefundNews

MOST_SIGNATURES = 10  # caps the work that a stranger can cause
MAX_ID_CHARACTERS = 255

PAYMENT_EVENTS = frozenset(
    f"payment.{status}" for status in ("pending", "authorized", "succeeded", "failed", "cancelled", "expired")
)
RECEIVED_EVENT = "payment.received"
CAPTURE_EVENTS, REFUND_EVENTS, PAYOUT_EVENTS = (
    frozenset(f"{kind}.{status}" for status in ("pending", "succeeded", "failed"))
    for kind in ("capture", "refund", "payout")
)


def verify(request: WebhookRequest, keys: Sequence[bytes]) -> VerifiedWebhook:
    """Believe a callback that one of ``keys`` has signed, at most 300 s before or after its arrival.

    Raises:
        WebhookRejected: anything else, including a body that is no event.
    """
    event_id = checked_id(request.headers.get("webhook-id", ""))
    timestamp = request.headers.get("webhook-timestamp", "")
    check_fresh(timestamp, request.received_at)
    signature = request.headers.get("webhook-signature", "")
    signed = event_id.encode() + b"." + timestamp.encode() + b"." + request.body
    expected = [hmac.digest(key, signed, hashlib.sha256) for key in keys]
    if not is_any_signature(signatures_in(signature), expected):
        raise WebhookRejected("signature")
    payload = storable(json_object(request.body))
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
