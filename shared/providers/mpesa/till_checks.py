"""Answers M-Pesa's question whether a customer may pay: from the configuration alone, so within its eight seconds."""

import re
from collections.abc import Mapping

from shared.provider_kit.provider import VerifiedWebhook, WebhookAnswer
from shared.provider_kit.webhooks import shaped
from shared.providers.mpesa.callback_paths import Purpose
from shared.providers.mpesa.config import (
    LARGEST_AMOUNT_MINOR,
    SHILLING_MINOR,
    SMALLEST_AMOUNT_MINOR,
    MpesaConfig,
)
from shared.providers.mpesa.reading import money_of
from shared.providers.mpesa.webhooks import Kept
from shared.providers.mpesa.wire import TillPayment

RECEIVED: Mapping[str, object] = {"ResultCode": 0, "ResultDesc": "Accepted"}
ALLOWED: Mapping[str, object] = {"ResultCode": "0", "ResultDesc": "Accepted"}
REJECTED = "Rejected"

WRONG_ACCOUNT = "C2B00012"
WRONG_AMOUNT = "C2B00013"
WRONG_SHORTCODE = "C2B00015"

# As ``shared.domain.ids.short_reference`` makes it: the account of a payment that we have asked for.
OUR_REFERENCE = re.compile(r"[0-9A-Fa-f]{12}")


def answer_to(verified: VerifiedWebhook, config: MpesaConfig) -> WebhookAnswer:
    """What M-Pesa wants to read; whatever has happened already, it is told that we have heard it."""
    if verified.event_type != Purpose.C2B_CHECK:
        return WebhookAnswer(body=RECEIVED)
    kept = shaped(Kept, verified.payload)
    refusal = refusal_of(shaped(TillPayment, kept.body), kept.subject, config)
    return WebhookAnswer(body=ALLOWED if refusal is None else {"ResultCode": refusal, "ResultDesc": REJECTED})


def refusal_of(wanted: TillPayment, registered: str, config: MpesaConfig) -> str | None:
    """Why it may not be paid; ``None``: it may."""
    if wanted.shortcode not in {registered, *config.shortcodes}:
        return WRONG_SHORTCODE
    if not is_payable(wanted.amount):
        return WRONG_AMOUNT
    return None if has_owner(wanted, config) else WRONG_ACCOUNT


def is_payable(text: str) -> bool:
    """Whole shillings, within M-Pesa's limits."""
    amount = money_of(text)
    minor = 0 if amount is None else amount.amount_minor_units
    return SMALLEST_AMOUNT_MINOR <= minor <= LARGEST_AMOUNT_MINOR and minor % SHILLING_MINOR == 0


def has_owner(wanted: TillPayment, config: MpesaConfig) -> bool:
    """Somebody's till, or the account of a prompt of ours: those are asked about too."""
    if wanted.shortcode in config.tills or OUR_REFERENCE.fullmatch(wanted.account):
        return True
    # A payment may have brought an account of its own, which nobody can tell from a mistyped one.
    return config.takes_merchants_reference
