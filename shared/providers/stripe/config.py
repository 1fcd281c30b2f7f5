"""What Stripe needs to be configured with, and what it can do."""

import re
from typing import Self

from pydantic import SecretStr, field_validator, model_validator

from shared.provider_kit.plugin import Capabilities, ProviderConfig
from shared.providers.stripe.money import AMOUNT_MULTIPLE_MINOR, CURRENCIES, largest

API_VERSION = "2026-10-28.endive"

API_KEY_FORMAT = re.compile(r"[sr]k_(test|live)_[0-9A-Za-z_]{1,247}")
PUBLISHABLE_KEY_FORMAT = re.compile(r"pk_(test|live)_[0-9A-Za-z_]{1,247}")
API_VERSION_FORMAT = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?")
SECRET_PREFIX = "whsec_"  # noqa: S105 - the public part of a secret

# Stripe's smallest charges, about 50 US cents, where its pages name one; elsewhere Stripe itself decides.
_FIFTY_CENTS = ("USD", "AUD", "BRL", "CAD", "CHF", "EUR", "INR", "NZD", "SGD")
_OTHER_CHARGES = {"AED": 200, "CZK": 1500, "DKK": 250, "GBP": 30, "HKD": 400, "HUF": 17500, "JPY": 50, "MXN": 1000}
_MORE_CHARGES = {"MYR": 200, "NOK": 300, "PLN": 200, "RON": 200, "SEK": 300, "THB": 1000}
SMALLEST_CHARGES_MINOR = {**dict.fromkeys(_FIFTY_CENTS, 50), **_OTHER_CHARGES, **_MORE_CHARGES}

CAPABILITIES = Capabilities(
    operations=frozenset(
        {"payment", "capture", "cancel", "refund", "partial_refund", "verify", "webhook", "statement"}
    ),
    currencies=CURRENCIES,
    minimum_amount_minor={
        currency: SMALLEST_CHARGES_MINOR.get(currency, AMOUNT_MULTIPLE_MINOR.get(currency, 1))
        for currency in CURRENCIES
    },
    maximum_amount_minor={currency: largest(currency).amount_minor_units for currency in CURRENCIES},
    amount_multiple_minor=AMOUNT_MULTIPLE_MINOR,
    customer_needs=frozenset(),
    customer_needs_one_of=frozenset(),
    confirmation="synchronous",
    webhook_authentication="stripe-signature-v1",
    refund_window_days=None,
    payment_methods=frozenset({"card"}),
    # Stripe may forget a key after 24 hours.
    idempotency_window_hours=23,
    takes_payment_method_tokens=True,
)


class StripeConfig(ProviderConfig):
    """``base_url`` has no ``/v1``. The whole text of a webhook secret, ``whsec_`` included, is the key that signs.

    ``publishable_key`` is handed to browsers with what they must do. ``api_version`` is the one whose answers this
    folder reads; the webhook endpoint at Stripe should be made with the same. ``multicapture``: Stripe lets the account
    capture a payment in several parts; without it, the first capture is the last.
    """

    publishable_key: str | None = None
    api_version: str = API_VERSION
    multicapture: bool = False

    @property
    def livemode(self) -> bool:
        """Whether the key moves real money."""
        return "_live_" in self.api_key.get_secret_value()[:8]

    @field_validator("base_url")
    @classmethod
    def has_no_version(cls, base_url: str) -> str:
        if base_url.endswith("/v1"):
            raise ValueError("must not end in /v1: the SDK adds it")
        return base_url

    @field_validator("api_key")
    @classmethod
    def is_api_key(cls, api_key: SecretStr) -> SecretStr:
        if not API_KEY_FORMAT.fullmatch(api_key.get_secret_value()):
            raise ValueError("must be a secret (sk_) or restricted (rk_) key, followed by test_ or live_")
        return api_key

    @field_validator("publishable_key")
    @classmethod
    def is_publishable_key(cls, key: str | None) -> str | None:
        # Browsers read it: a secret key in this place would be published.
        if key is not None and not PUBLISHABLE_KEY_FORMAT.fullmatch(key):
            raise ValueError("must start with pk_test_ or pk_live_")
        return key

    @field_validator("api_version")
    @classmethod
    def is_api_version(cls, version: str) -> str:
        if not API_VERSION_FORMAT.fullmatch(version):
            raise ValueError(f"must be a version of Stripe's API, such as {API_VERSION}")
        return version

    @field_validator("webhook_secrets")
    @classmethod
    def are_webhook_secrets(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        # Blanks around a secret, from a file or a variable, would make every signature wrong.
        trimmed = [secret.get_secret_value().strip() for secret in secrets]
        if not all(secret.startswith(SECRET_PREFIX) and len(secret) > len(SECRET_PREFIX) for secret in trimmed):
            raise ValueError("a webhook secret starts with whsec_")
        return tuple(SecretStr(secret) for secret in trimmed)

    @model_validator(mode="after")
    def is_of_one_mode(self) -> Self:
        if self.livemode and not self.base_url.startswith("https://"):
            raise ValueError("a live key is only sent over https://")
        if self.publishable_key is not None and ("_live_" in self.publishable_key[:8]) is not self.livemode:
            raise ValueError("publishable_key and api_key are of different modes")
        return self
