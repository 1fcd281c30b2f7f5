"""What CPay needs to be configured with, and what it can do."""

import base64
import re

from pydantic import SecretStr, field_validator

from shared.provider_kit.plugin import Capabilities, ProviderConfig

API_KEY_FORMAT = re.compile(r"cpk_(test|live)_[0-9a-f]{32}")
SECRET_PREFIX = "whsec_"  # noqa: S105 - the public part of a secret

CURRENCIES = frozenset({"KES", "UGX", "TZS", "RWF", "NGN", "GHS", "ZAR", "USD", "EUR", "GBP", "JPY", "KWD"})
LARGEST_AMOUNT_MINOR = 999_999_999_999

CAPABILITIES = Capabilities(
    operations=frozenset(
        {
            *("payment", "capture", "cancel", "refund", "partial_refund", "payout", "receive"),
            *("verify", "webhook", "statement"),
        }
    ),
    currencies=CURRENCIES,
    minimum_amount_minor=dict.fromkeys(CURRENCIES, 1),
    maximum_amount_minor=dict.fromkeys(CURRENCIES, LARGEST_AMOUNT_MINOR),
    customer_needs=frozenset(),
    customer_needs_one_of=frozenset({"phone", "email"}),
    confirmation="asynchronous",
    webhook_authentication="standard-webhooks-v1",
    refund_window_days=None,
    payment_methods=frozenset({"mobile_money", "card"}),
    idempotency_window_hours=24,
    recipient_needs_one_of=frozenset({"phone"}),
)


class CPayConfig(ProviderConfig):
    """``base_url`` ends in ``/v1``; each of ``webhook_secrets`` is ``whsec_`` and base64 of 24 to 64 bytes."""

    @field_validator("api_key")
    @classmethod
    def is_api_key(cls, api_key: SecretStr) -> SecretStr:
        if not API_KEY_FORMAT.fullmatch(api_key.get_secret_value()):
            raise ValueError("must be cpk_test_ or cpk_live_ and 32 hexadecimal digits")
        return api_key

    @field_validator("webhook_secrets")
    @classmethod
    def are_webhook_secrets(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for secret in secrets:
            webhook_key(secret.get_secret_value())
        return secrets


def webhook_key(secret: str) -> bytes:
    """The bytes that sign: what stands, in base64, behind ``whsec_``.

    Raises:
        ValueError: no such prefix, not base64, or not 24 to 64 bytes; the message does not repeat the secret.
    """
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError("a webhook secret starts with whsec_")
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        raise ValueError("a webhook secret is base64 behind whsec_") from None
    if not 24 <= len(key) <= 64:
        raise ValueError("a webhook secret has 24 to 64 bytes")
    return key
