"""What M-Pesa needs to be configured with, and what it can do."""

import re
from ipaddress import IPv4Network, IPv6Network
from typing import Literal, Self
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate
from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from shared.provider_kit.plugin import Capabilities, ProviderConfig

CURRENCY = "KES"
SHILLING_MINOR = 100
SMALLEST_AMOUNT_MINOR = 100
LARGEST_AMOUNT_MINOR = 25_000_000

PRODUCTION_HOST = "api.safaricom.co.ke"
MINIMUM_SECRET_BYTES = 32
SHORTCODE = re.compile(r"[0-9]{5,7}")
PHONE = re.compile(r"\+254[17][0-9]{8}")

# Safaricom refuses a callback address that contains one of these, in any case.
FORBIDDEN_WORDS = ("m-pesa", "mpesa", "safaricom", "exec", "exe", "cmd", "sql", "query")

STATEMENT_REACH_HOURS = 48

CAPABILITIES = Capabilities(
    operations=frozenset(
        {"payment", "refund", "partial_refund", "payout", "receive", "verify", "webhook", "statement"}
    ),
    currencies=frozenset({CURRENCY}),
    minimum_amount_minor={CURRENCY: SMALLEST_AMOUNT_MINOR},
    maximum_amount_minor={CURRENCY: LARGEST_AMOUNT_MINOR},
    amount_multiple_minor={CURRENCY: SHILLING_MINOR},
    customer_needs=frozenset({"phone"}),
    customer_needs_one_of=frozenset(),
    confirmation="asynchronous",
    webhook_authentication="path-token-and-source-address",
    refund_window_days=None,
    payment_methods=frozenset({"mobile_money"}),
    # Payments out are recognised by OriginatorConversationID for ever; a prompt has no key, and is never repeated.
    idempotency_window_hours=None,
    recipient_needs_one_of=frozenset({"phone"}),
    # Pull Transactions lists what customers paid, and of the last two days only.
    statement_kinds=frozenset({"payment"}),
    statement_reach_hours=STATEMENT_REACH_HOURS,
)


class MpesaConfig(ProviderConfig):
    """``api_key`` and ``api_secret`` are the application's consumer key and secret.

    ``shortcode`` is the paybill, or of a till the store's number; ``party_b`` who is paid (of a till, the till).
    Without ``initiator_name``, ``initiator_password`` and ``certificate_pem`` there are neither refunds nor payouts.
    ``api_secret`` may be one JSON object of ``consumer_secret``, ``passkey`` and ``initiator_password`` instead: beside
    the key and the webhook secrets, only it is stored encrypted.
    ``webhook_secrets``, each at least 32 bytes, make the tokens in callbacks' paths: the first makes them, all verify.
    ``callback_addresses``: where callbacks may come from; none: from nowhere.
    ``account_reference``: whether a payment may bring its own, as ``metadata.account_reference``, or always has ours.
    ``unanswered_validation``: what M-Pesa does with a payment that it could not ask us about.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    api_secret: SecretStr
    shortcode: str
    party_b: str = ""
    transaction_type: Literal["CustomerPayBillOnline", "CustomerBuyGoodsOnline"] = "CustomerPayBillOnline"
    passkey: SecretStr
    initiator_name: str | None = None
    initiator_password: SecretStr | None = None
    certificate_pem: str | None = None
    b2c_shortcode: str = ""
    callback_base_url: str
    callback_addresses: tuple[IPv4Network | IPv6Network, ...] = ()
    webhook_secrets: tuple[SecretStr, ...] = Field(min_length=1)
    pull_transactions: bool = False
    account_reference: Literal["merchant", "payment"] | None = None
    unanswered_validation: Literal["Completed", "Cancelled"] = "Completed"

    @field_validator("base_url", "callback_base_url")
    @classmethod
    def is_http(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an address with https:// (or, for a sandbox, http://), without ? and #")
        return url.rstrip("/")

    @field_validator("callback_base_url")
    @classmethod
    def has_no_forbidden_word(cls, url: str) -> str:
        found = [word for word in FORBIDDEN_WORDS if word in url.lower()]
        if found:
            raise ValueError(f"must not contain {found[0]!r}: Safaricom refuses such addresses")
        return url

    @field_validator("api_key", "api_secret", "passkey")
    @classmethod
    def is_given(cls, secret: SecretStr) -> SecretStr:
        if not secret.get_secret_value().strip():
            raise ValueError("must not be empty")
        return secret

    @field_validator("shortcode", "party_b", "b2c_shortcode")
    @classmethod
    def is_shortcode(cls, shortcode: str) -> str:
        if not SHORTCODE.fullmatch(shortcode):
            raise ValueError("must have 5 to 7 digits")
        return shortcode

    @field_validator("webhook_secrets")
    @classmethod
    def are_long_enough(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(secret.get_secret_value().encode()) < MINIMUM_SECRET_BYTES for secret in secrets):
            raise ValueError(f"each must have at least {MINIMUM_SECRET_BYTES} bytes")
        return secrets

    @field_validator("certificate_pem")
    @classmethod
    def is_certificate(cls, pem: str | None) -> str | None:
        if pem is not None:
            public_key_in(pem)
        return pem

    @model_validator(mode="after")
    def callbacks_are_secure_in_production(self) -> Self:
        is_production = urlsplit(self.base_url).hostname == PRODUCTION_HOST
        if is_production and not self.callback_base_url.startswith("https://"):
            raise ValueError("callback_base_url must start with https:// in production")
        return self

    @model_validator(mode="after")
    def initiator_is_whole(self) -> Self:
        parts = (self.initiator_name, self.initiator_password, self.certificate_pem)
        if any(parts) and not all(parts):
            raise ValueError("initiator_name, initiator_password and certificate_pem go together")
        return self

    @model_validator(mode="after")
    def references_find_their_payment(self) -> Self:
        if self.account_reference == "merchant" and self.takes_in_unasked:
            raise ValueError("account_reference must be 'payment' where tills names this shortcode")
        return self

    @property
    def payee(self) -> str:
        return self.party_b or self.shortcode

    @property
    def payer(self) -> str:
        """Whose account pays refunds and payouts."""
        return self.b2c_shortcode or self.shortcode

    @property
    def takes_in_unasked(self) -> bool:
        """Whether what customers pay here by themselves becomes a payment of somebody's."""
        return bool({self.shortcode, self.payee} & set(self.tills))

    @property
    def takes_merchants_reference(self) -> bool:
        """Only where no confirmation of a prompt's money could be taken for a payment that nobody asked for."""
        return self.account_reference != "payment" and not self.takes_in_unasked

    @property
    def shortcodes(self) -> frozenset[str]:
        """Where our customers' money may come in."""
        return frozenset({self.shortcode, self.payee, *self.tills})


def public_key_in(pem: str) -> RSAPublicKey:
    """The key of Safaricom's certificate. Its dates are not looked at: both of theirs ended years ago and are in use.

    Raises:
        ValueError: it is no X.509 certificate with an RSA key.
    """
    try:
        key = load_pem_x509_certificate(pem.encode()).public_key()
    except ValueError:
        raise ValueError("must be an X.509 certificate in PEM") from None
    if not isinstance(key, RSAPublicKey):
        raise ValueError("must be the certificate of an RSA key")  # noqa: TRY004 - pydantic expects it
    return key
