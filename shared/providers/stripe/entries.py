"""Our own entries in the metadata of Stripe's objects: by them what was made for us is found, and told from others."""

from uuid import UUID

from shared.provider_kit.webhooks import uuid_or_none

PAYMENT_ENTRY = "gateway_payment_id"
REFUND_ENTRY = "gateway_refund_id"
CAPTURE_ENTRY = "gateway_capture_id"
CONFIRMATION_ENTRY = "gateway_confirmation"
BY_MERCHANT, BY_BROWSER = "merchant", "browser"

CAPTURE_PREFIX = "capture_"
OUR_PREFIXES = ("gateway_", CAPTURE_PREFIX)


def capture_entry(capture_id: UUID) -> str:
    """The entry that a capture of ours leaves in its intent: 40 characters, the most that a name may have."""
    return f"{CAPTURE_PREFIX}{capture_id.hex}"


def capture_id_in(entry: str) -> UUID | None:
    """The capture that left this entry; ``None``: none of ours did."""
    return uuid_or_none(entry.removeprefix(CAPTURE_PREFIX)) if entry.startswith(CAPTURE_PREFIX) else None
