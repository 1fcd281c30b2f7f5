"""Payments, as they are asked for and as they read."""

from typing import Annotated

import phonenumbers
from pydantic import AfterValidator, ConfigDict, EmailStr, Field

from services.api.idempotency import canonical_key
from services.api.schemas.base import (
    Amount,
    ApiModel,
    CurrencyCode,
    MetadataKey,
    MetadataText,
    MethodToken,
    ShortText,
    Text,
    WebAddress,
)
from services.api.schemas.captures import CaptureView
from services.api.schemas.failures import FailureView
from services.api.schemas.refunds import RefundView
from shared.domain.dispute_status import DisputeFunds, DisputeStatus
from shared.domain.transaction import CaptureMethod, PaymentSource
from shared.domain.transaction_status import TransactionStatus

MAX_PAGE = 1000


def _e164(phone: str) -> str:
    """Any form that a person writes; without a country it is Kenyan."""
    try:
        parsed = phonenumbers.parse(phone, "KE")
    except phonenumbers.NumberParseException:
        raise ValueError("must be a phone number such as +254700000000") from None
    if not phonenumbers.is_possible_number(parsed):
        raise ValueError("must be a phone number such as +254700000000")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


Phone = Annotated[Text, Field(max_length=32, examples=["+254700000000"]), AfterValidator(_e164)]


def _key(text: str) -> str:
    key = canonical_key(text)
    if key is None:
        raise ValueError("must be an Idempotency-Key: a UUID v4")
    return key


Key = Annotated[Text, AfterValidator(_key)]


class CustomerBody(ApiModel):
    """Who pays. What a provider needs of it, ``GET /api/v1/providers`` says."""

    phone: Phone | None = None
    email: EmailStr | None = None
    name: ShortText | None = None


class InitializePaymentBody(ApiModel):
    provider: Text = Field(max_length=40, examples=["cpay"])
    amount: Amount
    currency: CurrencyCode
    customer: CustomerBody
    customer_id: ShortText | None = Field(default=None, description="Your own id of the customer.")
    payment_method: ShortText | None = None
    payment_method_token: MethodToken | None = Field(
        default=None,
        description="What the provider's own form made of the customer's card or account, such as pm_card_visa. "
        "Never a card number.",
    )
    return_url: WebAddress | None = Field(
        default=None, description="Where the customer's browser goes after a redirect to the provider."
    )
    capture_method: CaptureMethod = Field(
        default=CaptureMethod.AUTOMATIC,
        description="manual: the money is only reserved, and taken by POST payments/{transaction_id}/capture.",
    )
    metadata: dict[MetadataKey, MetadataText] = Field(
        default_factory=dict, max_length=50, description="Up to 50 strings of yours, echoed everywhere."
    )


class IdempotentHeaders(ApiModel):
    """Read by hand: problems of the key have codes of their own, and a preference that is none is ignored."""

    model_config = ConfigDict(extra="ignore")

    idempotency_key: str = Field(
        alias="Idempotency-Key",
        description="A UUID v4; repeat it to repeat the request, and nothing is done twice.",
    )
    prefer: str | None = Field(
        default=None,
        alias="Prefer",
        description="wait=N (RFC 7240), N from 1 to 30: answer 200 with the first outcome if it is known within N "
        "seconds, else 202. Anything else is ignored.",
        examples=["wait=5"],
    )


class PaymentPath(ApiModel):
    transaction_id: str = Field(description="The payment's id, a UUID.")


class ListQuery(ApiModel):
    """Newest first. Pages by ``page``, or by the ids ``after`` (older than it) and ``before`` (newer than it)."""

    provider: Text | None = None
    status: TransactionStatus | None = None
    customer_id: Text | None = None
    idempotency_key: Key | None = Field(
        default=None,
        description="Finds the payment of a request whose answer was lost; in any form that the header has.",
    )
    page: int = Field(default=1, ge=1, le=MAX_PAGE)
    limit: int = Field(default=20, ge=1, le=100)
    after: str | None = Field(default=None, description="The next_cursor of a page: what comes behind it.")
    before: str | None = Field(default=None, description="The id of a payment: what is newer.")


class CustomerView(ApiModel):
    phone: str | None
    email: str | None
    name: str | None


class PaymentView(ApiModel):
    """A payment. ``basic_status`` is one of pending, processing, completed, failed, refunded."""

    id: str
    status: TransactionStatus
    basic_status: str
    amount: str
    amount_minor: int
    currency: str
    provider: str
    provider_transaction_id: str | None
    receipt: str | None = Field(description="The proof that the provider gave the customer, where it is another.")
    customer: CustomerView
    customer_id: str | None
    payment_method: str | None
    metadata: dict[str, str]
    next_action: dict[str, str] | None
    failure: FailureView | None
    capture_method: CaptureMethod
    source: PaymentSource = Field(description="customer: paid at a till of yours, without a request of yours.")
    amount_authorized: str
    amount_authorized_minor: int
    amount_captured: str
    amount_captured_minor: int
    amount_refunded: str
    amount_refunded_minor: int
    amount_refundable: str = Field(description="What was taken, less what is given back or promised to refunds.")
    amount_refundable_minor: int
    late: bool = Field(description="The money came after the payment had been given up.")
    idempotency_key: str
    safe_to_retry: bool = Field(
        description="It is over and nothing was taken: another payment for the same thing, with a new key, is in order."
    )
    needs_review: bool = Field(description="The provider cannot tell what became of it: somebody here finds out.")
    cancel_requested_at: str | None = Field(
        description="When you asked that it be called off; null again where the provider refused."
    )
    next_check_at: str | None = Field(
        description="When we look at it again at the latest, without a callback; null once it is over or under review."
    )
    expires_at: str
    sequence: int
    created_at: str
    updated_at: str
    client_token: str = Field(description="Lets a browser watch this one payment, for 24 hours.")


class AuditView(ApiModel):
    id: str
    event_type: str
    event_data: dict[str, object]
    user_id: str | None
    ip_address: str | None
    user_agent: str | None
    request_id: str | None
    timestamp: str


class AttemptView(ApiModel):
    """One call to the provider."""

    id: str
    operation: str
    number: int
    outcome: str | None
    reason: str | None
    started_at: str
    finished_at: str | None


class MessageView(ApiModel):
    """A message about the payment; ``confirmed_at`` is when the broker had it safely."""

    type: str
    routing_key: str
    committed_at: str
    confirmed_at: str | None


class DisputeView(ApiModel):
    """The customer's bank wants the money back. It is the provider's to decide; evidence is given there."""

    id: str
    transaction_id: str
    status: DisputeStatus
    amount: str
    amount_minor: int
    currency: str
    reason: str
    funds: DisputeFunds = Field(description="Whether the money has been taken from you, and given back.")
    evidence_due_at: str | None = Field(description="What you send them after this does not count.")
    provider_dispute_id: str
    created_at: str
    updated_at: str


class PaymentDetailView(PaymentView):
    audit_trail: list[AuditView]
    attempts: list[AttemptView]
    captures: list[CaptureView]
    refunds: list[RefundView]
    disputes: list[DisputeView]
    messages: list[MessageView]


class PaymentPage(ApiModel):
    data: list[PaymentView]
    has_more: bool
    page: int
    limit: int
    total: int
    next_cursor: str | None
