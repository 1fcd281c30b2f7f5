"""What is sent to Stripe: a request of ours as parameters of its API, with our ids in the metadata."""

from collections.abc import Mapping

from stripe.params import PaymentIntentCaptureParams, PaymentIntentCreateParams, RefundCreateParams

from shared.domain.transaction import CaptureMethod
from shared.provider_kit.provider import CaptureRequest, PaymentRequest, RefundRequest
from shared.providers.stripe.entries import (
    BY_BROWSER,
    BY_MERCHANT,
    CAPTURE_ENTRY,
    CONFIRMATION_ENTRY,
    OUR_PREFIXES,
    PAYMENT_ENTRY,
    REFUND_ENTRY,
    capture_entry,
)
from shared.providers.stripe.money import to_stripe

# Stripe keeps 50 entries: the merchant's, our own, and one for each capture.
MOST_MERCHANT_ENTRIES = 30
MAX_ENTRY_NAME_CHARACTERS = 40
MAX_ENTRY_CHARACTERS = 500

# A token that is not a payment method says by its prefix what it is.
CONFIRMATION_TOKEN_PREFIX = "ctoken_"  # noqa: S105 - the public part of a token


def intent_params(request: PaymentRequest, *, multicapture: bool) -> PaymentIntentCreateParams:
    """A payment to create, and with a token to confirm at once.

    Raises:
        AmountRejected, CurrencyUnknown: Stripe cannot take this amount.
    """
    token = request.payment_method_token
    params: PaymentIntentCreateParams = {
        "amount": to_stripe(request.amount),
        "currency": request.amount.currency.lower(),
        "capture_method": "manual" if request.capture_method is CaptureMethod.MANUAL else "automatic",
        # Without an address to come back to, no method may send the customer away.
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "always" if request.return_url else "never"},
        "metadata": {
            **_merchant_entries(request.metadata),
            PAYMENT_ENTRY: str(request.transaction_id),
            CONFIRMATION_ENTRY: BY_MERCHANT if token else BY_BROWSER,
        },
    }
    if token:
        _confirm_at_once(params, token, request.return_url)
    if multicapture and request.capture_method is CaptureMethod.MANUAL:
        params["payment_method_options"] = {"card": {"request_multicapture": "if_available"}}
    return params


def refund_params(request: RefundRequest) -> RefundCreateParams:
    """As ``intent_params``. A reason that Stripe has no word for is kept in the metadata."""
    params: RefundCreateParams = {
        "payment_intent": request.payment.reference,
        "amount": to_stripe(request.amount),
        "metadata": {REFUND_ENTRY: str(request.refund_id), "reason": request.reason[:MAX_ENTRY_CHARACTERS]},
    }
    match request.reason:
        case "duplicate" | "fraudulent" | "requested_by_customer" as reason:
            params["reason"] = reason
    return params


def capture_params(request: CaptureRequest) -> PaymentIntentCaptureParams:
    """As ``intent_params``. Stripe gives captures no id: an entry in the intent's metadata, made with the capture and
    only with it, tells ours apart. Another names the last of them, for people.
    """
    units = to_stripe(request.amount)
    params: PaymentIntentCaptureParams = {
        "amount_to_capture": units,
        "metadata": {capture_entry(request.capture_id): str(units), CAPTURE_ENTRY: str(request.capture_id)},
    }
    if not request.is_final:
        # Only to be said where several captures are possible at all.
        params["final_capture"] = False
    return params


def _confirm_at_once(params: PaymentIntentCreateParams, token: str, return_url: str | None) -> None:
    params["confirm"] = True
    if token.startswith(CONFIRMATION_TOKEN_PREFIX):
        params["confirmation_token"] = token
    else:
        params["payment_method"] = token
    if return_url:
        params["return_url"] = return_url


def _merchant_entries(metadata: Mapping[str, str]) -> dict[str, str]:
    """What Stripe can keep of the merchant's own; the whole of it is with us."""
    fitting = [(name, text) for name, text in metadata.items() if _fits(name, text)]
    return dict(fitting[:MOST_MERCHANT_ENTRIES])


def _fits(name: str, text: str) -> bool:
    if name.startswith(OUR_PREFIXES) or "[" in name or "]" in name:
        return False
    return 0 < len(name) <= MAX_ENTRY_NAME_CHARACTERS and len(text) <= MAX_ENTRY_CHARACTERS
