"""Stripe's events: believes them by their signature, more strictly than the SDK, and says what they report."""

import hashlib
import hmac
from collections.abc import Callable, Mapping

from shared.domain.errors import AmountRejected, CurrencyUnknown, WebhookRejected
from shared.domain.ids import CaptureId, RefundId, TransactionId
from shared.domain.outcome import Pending, Succeeded
from shared.provider_kit.answers import answer_of
from shared.provider_kit.provider import (
    CaptureReported,
    NothingReported,
    PaymentReported,
    ProviderReport,
    RefundReported,
    VerifiedWebhook,
    WebhookRequest,
)
from shared.provider_kit.webhooks import check_fresh, is_any_signature, json_object, shaped, storable, uuid_or_none
from shared.providers.stripe import disputes
from shared.providers.stripe.config import StripeConfig
from shared.providers.stripe.entries import CAPTURE_ENTRY, PAYMENT_ENTRY, REFUND_ENTRY, capture_entry
from shared.providers.stripe.money import from_stripe
from shared.providers.stripe.outcomes import (
    INTENT_STATUSES,
    Meaning,
    outcome_of_charge,
    outcome_of_intent,
    outcome_of_refund,
)
from shared.providers.stripe.wire import Charge, Dispute, Event, Intent, Refund

MOST_ENTRIES = 20  # caps the work that a stranger can cause
MAX_DIGITS = 12
MAX_REASON_CHARACTERS = 200

THIN = "v2.core.event"


def verify(request: WebhookRequest, config: StripeConfig) -> VerifiedWebhook:
    """Believe an event that one of the secrets has signed, at most 300 s before or after its arrival, and of our mode.

    Raises:
        WebhookRejected: anything else, including a body that is no event.
    """
    header = request.headers.get("stripe-signature", "")
    timestamp, signatures = timestamp_and_signatures(header)
    check_fresh(timestamp, request.received_at)
    if not is_any_signature(signatures, expected_signatures(timestamp, request.body, config)):
        raise WebhookRejected("signature")
    payload = storable(json_object(request.body))
    event = shaped(Event, payload)
    if not (event.id.isascii() and event.id.isprintable() and event.type.isascii()):
        raise WebhookRejected("id")
    # A test event must move nothing that is real, nor the other way round. Old events do not say which they are.
    if event.livemode not in {None, config.livemode}:
        raise WebhookRejected("livemode")
    return VerifiedWebhook(event_id=event.id, event_type=event.type, payload=payload, signature=header)


def report_of(payload: Mapping[str, object], config: StripeConfig) -> ProviderReport:
    """What an event says; of a type that nobody knows yet: nothing.

    It is the object that speaks, not the event's type: events come in any order, and some twice with two ids.

    Raises:
        WebhookRejected: the event lacks what its type promises.
    """
    event = shaped(Event, payload)
    if event.object == THIN:
        return nothing(f"thin event {event.type}: it holds no payment")
    report = REPORTS.get(event.type)
    if report is None:
        return nothing(f"unknown event type {event.type}")
    content = event.data.object if event.data else None
    try:
        return report(content or {}, config)
    except (AmountRejected, CurrencyUnknown):
        raise WebhookRejected("amount") from None


def payment_report(content: Mapping[str, object], config: StripeConfig) -> ProviderReport:
    intent = shaped(Intent, content)
    outcome = outcome_of_intent(intent, config.publishable_key)
    if is_waiting(intent) and isinstance(outcome, Pending) and outcome.next_action is None:
        # Told on, it would take the place of what the customer has been told to do.
        return nothing(f"{intent.id} waits for its customer")
    ours = uuid_or_none(intent.metadata.get(PAYMENT_ENTRY))
    return _capture_of_a_part(intent) or PaymentReported(
        transaction_id=TransactionId(ours) if ours else None,
        reference=intent.id,
        amount=from_stripe(intent.amount, intent.currency),
        outcome=outcome,
    )


def charge_report(content: Mapping[str, object], config: StripeConfig) -> ProviderReport:
    """What a charge says of its intent. What a failed one means, only the intent knows."""
    charge = shaped(Charge, content)
    if charge.payment_intent is None:
        return nothing(f"{charge.id} has no payment intent")
    outcome = outcome_of_charge(charge, charge.payment_intent, may_go_on=config.multicapture)
    if outcome is None:
        return nothing(f"{charge.id} is {charge.status}: its payment intent tells")
    ours = uuid_or_none(charge.metadata.get(PAYMENT_ENTRY))
    return PaymentReported(
        transaction_id=TransactionId(ours) if ours else None,
        reference=charge.payment_intent,
        amount=from_stripe(charge.amount, charge.currency),
        outcome=outcome,
    )


def refunded_report(content: Mapping[str, object], _config: StripeConfig) -> ProviderReport:
    """Until API version 2022-11-15 a refunded charge held its refunds, the newest first; since then only their sum."""
    charge = shaped(Charge, content)
    if not charge.captured:
        return nothing(f"{charge.id} released: nothing was taken of it")
    if charge.refunds is None or not charge.refunds.data:
        return nothing(f"{charge.amount_refunded} {charge.currency} of {charge.id} refunded: the refund's event tells")
    return _refund_reported(charge.refunds.data[0], charge.payment_intent)


def charge_over_report(content: Mapping[str, object], _config: StripeConfig) -> ProviderReport:
    charge = shaped(Charge, content)
    return nothing(f"{charge.id} is over: its payment intent tells what that means")


def refund_report(content: Mapping[str, object], _config: StripeConfig) -> ProviderReport:
    return _refund_reported(shaped(Refund, content), None)


def dispute_report(content: Mapping[str, object], _config: StripeConfig) -> ProviderReport:
    dispute = shaped(Dispute, content)
    if dispute.payment_intent is None:
        return nothing(f"dispute {dispute.id} is of no payment intent")
    return disputes.reported(dispute)


REPORTS: Mapping[str, Callable[[Mapping[str, object], StripeConfig], ProviderReport]] = {
    "payment_intent.created": payment_report,
    "payment_intent.requires_action": payment_report,
    "payment_intent.processing": payment_report,
    "payment_intent.amount_capturable_updated": payment_report,
    "payment_intent.partially_funded": payment_report,
    "payment_intent.succeeded": payment_report,
    "payment_intent.payment_failed": payment_report,
    "payment_intent.canceled": payment_report,
    "charge.succeeded": charge_report,
    "charge.pending": charge_report,
    "charge.captured": charge_report,
    "charge.failed": charge_over_report,
    "charge.expired": charge_over_report,
    "charge.updated": charge_report,
    "charge.refunded": refunded_report,
    "charge.refund.updated": refund_report,
    "refund.created": refund_report,
    "refund.updated": refund_report,
    "refund.failed": refund_report,
    "charge.dispute.created": dispute_report,
    "charge.dispute.updated": dispute_report,
    "charge.dispute.closed": dispute_report,
    "charge.dispute.funds_withdrawn": dispute_report,
    "charge.dispute.funds_reinstated": dispute_report,
}


def timestamp_and_signatures(header: str) -> tuple[str, list[bytes]]:
    """The one ``t`` and every ``v1`` of a header such as ``t=1700000000,v1=5257…,v1=a8b2…,v0=…``.

    Raises:
        WebhookRejected: no such header.
    """
    if not header.isascii():
        # Hexadecimal digits are ASCII; a header that is not is nobody's but a stranger's.
        raise WebhookRejected("header")
    entries = [entry.partition("=") for entry in header.split(",", MOST_ENTRIES)[:MOST_ENTRIES]]
    timestamps = [value for name, _, value in entries if name == "t"]
    if len(timestamps) != 1:
        raise WebhookRejected("timestamp")
    return timestamps[0], [value.encode() for name, _, value in entries if name == "v1"]


def expected_signatures(timestamp: str, body: bytes, config: StripeConfig) -> list[bytes]:
    """One by each secret, in hexadecimal as they write it."""
    signed = timestamp.encode() + b"." + body
    secrets = [secret.get_secret_value().encode() for secret in config.webhook_secrets]
    return [hmac.new(secret, signed, hashlib.sha256).hexdigest().encode() for secret in secrets]


def is_whole_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS


def is_waiting(intent: Intent) -> bool:
    return INTENT_STATUSES.get(intent.status) in {Meaning.WAITS_FOR_METHOD, Meaning.WAITS_FOR_CUSTOMER}


def nothing(reason: str) -> NothingReported:
    return NothingReported(reason=reason[:MAX_REASON_CHARACTERS])


def _capture_of_a_part(intent: Intent) -> CaptureReported | None:
    """What was captured last, where more may follow: of the payment, there is nothing new to be told."""
    capture_id = uuid_or_none(intent.metadata.get(CAPTURE_ENTRY))
    if capture_id is None or INTENT_STATUSES.get(intent.status) is not Meaning.RESERVED:
        return None
    units = intent.metadata.get(capture_entry(capture_id), "")
    if not is_whole_number(units):
        return None
    reference = intent.charge_id() or intent.id
    return CaptureReported(
        capture_id=CaptureId(capture_id),
        reference=reference,
        payment_reference=intent.id,
        amount=from_stripe(int(units), intent.currency),
        outcome=Succeeded(reference=reference, answer=answer_of(intent)),
    )


def _refund_reported(refund: Refund, payment_reference: str | None) -> RefundReported:
    """One that was made in Stripe's dashboard has no id of ours."""
    ours = uuid_or_none(refund.metadata.get(REFUND_ENTRY))
    return RefundReported(
        refund_id=RefundId(ours) if ours else None,
        reference=refund.id,
        payment_reference=refund.payment_intent or payment_reference,
        amount=from_stripe(refund.amount, refund.currency),
        outcome=outcome_of_refund(refund),
        made_there=not refund.metadata.get(REFUND_ENTRY),
        reason=refund.reason or "",
    )
