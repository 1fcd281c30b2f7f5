"""What a provider must offer: the five methods of the specification, and one to ask about a refund."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from shared.domain.customer import Customer
from shared.domain.ids import RefundId, TransactionId
from shared.domain.money import Money
from shared.domain.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequest:
    """A payment to start. ``idempotency_key`` stays the same over every attempt at this payment."""

    transaction_id: TransactionId
    idempotency_key: str
    amount: Money
    customer: Customer
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentQuery:
    """A payment to ask about; ``reference`` is ``None`` where the provider's answer was lost."""

    transaction_id: TransactionId
    amount: Money
    reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """Some or all of a payment to give back; ``payment_reference`` is the provider's id of the payment."""

    refund_id: RefundId
    idempotency_key: str
    payment_reference: str
    amount: Money
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundQuery:
    """A refund to ask about; ``reference`` is ``None`` where the provider's answer was lost."""

    refund_id: RefundId
    payment_reference: str
    amount: Money
    reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """A callback as it came: header names in lower case, the raw bytes, and when they arrived (aware UTC)."""

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedWebhook:
    """A callback that is believed. ``event_id`` is the same whenever the provider repeats it."""

    event_id: str
    event_type: str
    payload: Mapping[str, object]
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReported:
    """A callback's news of a payment. ``transaction_id`` is ours if the provider echoes it.

    ``sequence`` grows with every report on the same payment, where the provider numbers them.
    """

    transaction_id: TransactionId | None
    reference: str
    amount: Money
    outcome: Outcome
    sequence: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundReported:
    """A callback's news of a refund."""

    refund_id: RefundId | None
    reference: str
    payment_reference: str
    amount: Money
    outcome: Outcome
    sequence: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingReported:
    """A genuine callback that is not about a payment or refund, or of a type that nobody knows yet."""

    reason: str


ProviderReport = PaymentReported | RefundReported | NothingReported


class PaymentProvider(Protocol):
    """One provider, ready to be called; made by its plugin from its stored configuration.

    No method raises for what a provider does: every answer, and every silence, is an ``Outcome``.
    """

    def initialize_payment(self, request: PaymentRequest) -> Outcome:
        """Start a payment. Repeating it with the same ``idempotency_key`` never takes money twice."""

    def verify_payment(self, query: PaymentQuery) -> Outcome:
        """Ask what became of a payment. ``NotSent`` here means: the provider proves that it has none;
        ``InDoubt``: it could not be asked.
        """

    def refund_payment(self, request: RefundRequest) -> Outcome:
        """Give money back. Repeating it with the same ``idempotency_key`` never gives it twice."""

    def verify_refund(self, query: RefundQuery) -> Outcome:
        """Ask what became of a refund; ``NotSent`` and ``InDoubt`` as in ``verify_payment``."""

    def verify_webhook(self, request: WebhookRequest) -> VerifiedWebhook:
        """Believe a callback, or not.

        Raises:
            WebhookRejected: forged, stale, from the future, or not readable.
        """

    def handle_webhook(self, payload: Mapping[str, object]) -> ProviderReport:
        """What a verified callback says, in our words. Unknown types and states are never a success.

        Raises:
            WebhookRejected: the payload lacks what its type promises.
        """
