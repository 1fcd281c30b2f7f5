"""What Paystack needs to be configured with, and what it can do."""

import re
from ipaddress import ip_address

from pydantic import SecretStr, field_validator

from shared.provider_kit.plugin import Capabilities, ProviderConfig

API_KEY_FORMAT = re.compile(r"sk_(test|live)_[A-Za-z0-9_-]+")
CURRENCIES = frozenset({"KES", "NGN", "GHS", "ZAR", "USD"})
LARGEST_AMOUNT_MINOR = 999_999_999_999

CAPABILITIES = Capabilities(
    operations=frozenset({"payment", "refund", "partial_refund", "verify", "webhook", "statement"}),
    currencies=CURRENCIES,
    minimum_amount_minor=dict.fromkeys(CURRENCIES, 1),
    maximum_amount_minor=dict.fromkeys(CURRENCIES, LARGEST_AMOUNT_MINOR),
    customer_needs=frozenset({"email"}),
    customer_needs_one_of=frozenset(),
    confirmation="asynchronous",
    webhook_authentication="hmac-sha512",
    refund_window_days=None,
    payment_methods=frozenset({"card", "mobile_money", "bank_transfer"}),
    # A reference is known to them for ever, and so is the payment that was made with it.
    idempotency_window_hours=None,
)


class PaystackConfig(ProviderConfig):
    """``api_key`` also signs callbacks; ``webhook_secrets`` are older API keys, for as long as one is rotated.

    ``callback_senders``: the addresses that callbacks may come from; empty: any, since it is the signature that proves.
    ``mobile_money``: payments in KES are asked for on the customer's phone (M-PESA), not on a checkout page.
    """

    base_url: str = "https://api.paystack.co"
    callback_senders: tuple[str, ...] = ()
    mobile_money: bool = False

    @field_validator("api_key")
    @classmethod
    def is_api_key(cls, api_key: SecretStr) -> SecretStr:
        if not API_KEY_FORMAT.fullmatch(api_key.get_secret_value()):
            raise ValueError("must be sk_test_ or sk_live_ and what follows in the dashboard")
        return api_key

    @field_validator("webhook_secrets")
    @classmethod
    def are_api_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        return tuple(map(cls.is_api_key, keys))

    @field_validator("callback_senders")
    @classmethod
    def are_addresses(cls, senders: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ip_address(sender)) for sender in senders)
