"""Paystack's callbacks: believes them by HMAC-SHA512 over the raw body, and says what they report."""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address

from shared.domain.errors import WebhookRejected
from shared.domain.ids import RefundId, TransactionId
from shared.provider_kit.provider import (
    NothingReported,
    PaymentReported,
    ProviderReport,
    RefundReported,
    VerifiedWebhook,
    WebhookRequest,
)
from shared.provider_kit.webhooks import is_any_signature, json_object, money, shaped, storable
from shared.providers.paystack.notes import refund_id_in, uuid_or_none
from shared.providers.paystack.outcomes import REFUND_STATUSES, Meaning, outcome_of_payment, outcome_of_refund
from shared.providers.paystack.wire import Event, Payment, RefundNews

SIGNATURE_FORMAT = re.compile(r"[0-9a-f]{128}", re.ASCII)
MAX_EVENT_ID_CHARACTERS = 255

# What tells one piece of news about the same thing from another, in this order of preference.
SUBJECT_NAMES = ("id", "refund_reference", "transaction_reference", "reference")


def verify(request: WebhookRequest, keys: Sequence[bytes], senders: frozenset[str]) -> VerifiedWebhook:
    """Believe a callback that one of ``keys`` has signed, from one of ``senders`` where any are named.

    They sign no time, so a callback can be replayed for ever: it has the same ``event_id`` again, and the money of its
    payment has moved already.

    Raises:
        WebhookRejected: anything else, including a body that is no event.
    """
    if senders and not is_among(senders, request.sender):
        raise WebhookRejected("sender")
    signature = request.headers.get("x-paystack-signature", "")
    if not is_signed(request.body, signature, keys):
        raise WebhookRejected("signature")
    payload = storable(json_object(request.body))
    event = shaped(Event, payload)
    return VerifiedWebhook(event_id=event_id_of(event), event_type=event.event, payload=payload, signature=signature)


def is_among(senders: frozenset[str], sender: str | None) -> bool:
    try:
        return str(ip_address(sender or "")) in senders
    except ValueError:
        return False


def is_signed(body: bytes, signature: str, keys: Sequence[bytes]) -> bool:
    """Whether the signature is by any key."""
    if not SIGNATURE_FORMAT.fullmatch(signature):
        return False
    expected = [hmac.digest(key, body, hashlib.sha512) for key in keys]
    return is_any_signature([bytes.fromhex(signature)], expected)


def event_id_of(event: Event) -> str:
    """They number no events: what happened, to what, and how it stands then is what makes one.

    Where an event does not name what it is about by a number of its own, two alike are told apart by all they say.
    """
    named = next((event.data[name] for name in SUBJECT_NAMES if is_name(event.data.get(name))), None)
    parts = [event.event, str(named), str(event.data.get("status"))]
    if not is_name(event.data.get("id")):
        said = json.dumps(event.data, sort_keys=True, separators=(",", ":")).encode()
        parts.append(hashlib.sha256(said).hexdigest()[:32])
    return ":".join(parts)[:MAX_EVENT_ID_CHARACTERS]


def is_name(found: object) -> bool:
    return type(found) in {int, str} and found != "" and len(str(found)) <= 64


def report_of(payload: Mapping[str, object]) -> ProviderReport:
    """What an event says; of a type that is not ours to act on, or that nobody knows yet: nothing.

    Raises:
        WebhookRejected: the event lacks what its type promises.
    """
    event = shaped(Event, payload)
    report = REPORTS.get(event.event)
    return NothingReported(reason=f"event type {event.event}") if report is None else report(event)


def payment_report(event: Event) -> PaymentReported:
    payment = shaped(Payment, event.data)
    ours = uuid_or_none(payment.reference)
    return PaymentReported(
        transaction_id=TransactionId(ours) if ours else None,
        reference=payment.reference,
        amount=money(payment.amount, payment.currency),
        outcome=outcome_of_payment(payment),
    )


def refund_report(event: Event) -> RefundReported | NothingReported:
    """Of a refund that it does not name: nothing while it is undecided, since a query tells; the end of it is
    reported, so that it is seen that something ended.
    """
    refund = shaped(RefundNews, event.data)
    if refund.id is None and REFUND_STATUSES.get(refund.status, Meaning.UNDECIDED) is Meaning.UNDECIDED:
        return NothingReported(reason=f"a refund of {refund.transaction_reference} that it does not name")
    ours = refund_id_in(refund.merchant_note) if refund.id else None
    reference = refund.id or refund.refund_reference or f"of {refund.transaction_reference}"
    return RefundReported(
        refund_id=RefundId(ours) if ours else None,
        reference=reference,
        payment_reference=refund.transaction_reference,
        amount=money(refund.amount, refund.currency),
        outcome=outcome_of_refund(refund, reference),
    )


# Disputes, transfers and all others are told by their dashboard, and report nothing here.
REPORTS: Mapping[str, Callable[[Event], ProviderReport]] = {
    "charge.success": payment_report,
    "charge.failed": payment_report,
    **{
        f"refund.{status}": refund_report
        for status in ("pending", "processing", "processed", "failed", "needs-attention")
    },
}
