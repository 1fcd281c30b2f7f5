"""What the simulator's books hold: one dataclass per kind of resource, amounts in minor units, times in seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from pydantic import JsonValue

from shared.providers.stripe.simulator.scenarios import RefundStatus, Telling

Json = dict[str, JsonValue]


class IntentStatus(StrEnum):
    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"
    UNDER_REVIEW = "under_review"  # in no documentation: what a new status looks like to the gateway


class CaptureMethod(StrEnum):
    AUTOMATIC = "automatic"
    AUTOMATIC_ASYNC = "automatic_async"
    MANUAL = "manual"


class ChargeStatus(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """By what a resource is found. ``moved`` is the money that it has really moved."""

    intent_id: str | None = None
    charge_id: str | None = None
    reference: str | None = None
    idempotency_key: str | None = None
    status: str = ""
    currency: str = ""
    moved: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """``id`` in Stripe's form; ``created`` in seconds since 1970."""

    kind: ClassVar[str] = ""
    id: str
    created: int

    def keys(self) -> Keys:
        return Keys()


@dataclass(frozen=True, slots=True, kw_only=True)
class Method(Resource):
    """A payment method; ``behaviour`` is a key of ``cards.BEHAVIOURS``."""

    kind: ClassVar[str] = "payment_method"
    type: str = "card"
    number: str
    brand: str = "visa"
    funding: str = "credit"
    behaviour: str
    billing: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent(Resource):
    """``scenario`` is the name of what is played; ``action_token`` is in the address of the 3-D Secure page.

    ``details`` are the fields that are only kept and shown.
    """

    kind: ClassVar[str] = "payment_intent"
    amount: int
    currency: str
    status: IntentStatus
    client_secret: str
    capture_method: CaptureMethod
    is_automatic: bool
    allow_redirects: str = "always"
    method_types: tuple[str, ...] = ("card",)
    can_multicapture: bool = False
    payment_method: str | None = None
    latest_charge: str | None = None
    capturable: int = 0
    received: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    details: Json = field(default_factory=dict)
    return_url: str | None = None
    action_token: str | None = None
    action_url: str | None = None
    last_error: Json | None = None
    canceled_at: int | None = None
    cancellation_reason: str | None = None
    scenario: str = "succeeds"
    telling: Telling = Telling.PROPERLY
    idempotency_key: str | None = None

    def keys(self) -> Keys:
        return Keys(
            intent_id=self.id,
            reference=self.metadata.get("gateway_payment_id"),
            idempotency_key=self.idempotency_key,
            status=self.status,
            currency=self.currency,
            moved=self.received,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge(Resource):
    """``released`` was authorized and will never be captured; Stripe counts it as refunded, and so do the answers."""

    kind: ClassVar[str] = "charge"
    intent_id: str
    amount: int
    currency: str
    status: ChargeStatus
    payment_method: str
    captured: int = 0
    released: int = 0
    given_back: int = 0
    is_captured: bool = False
    is_disputed: bool = False
    balance_transaction: str | None = None
    failure: Json | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    description: str | None = None
    capture_before: int | None = None
    authenticated: bool = False

    @property
    def refundable(self) -> int:
        return self.captured - self.given_back

    @property
    def shown_refunded(self) -> int:
        return self.released + self.given_back

    def keys(self) -> Keys:
        return Keys(intent_id=self.intent_id, charge_id=self.id, status=self.status, currency=self.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture(Resource):
    """One capture of a manual payment: in our books only, Stripe shows none."""

    kind: ClassVar[str] = "capture"
    intent_id: str
    charge_id: str
    amount: int
    currency: str
    reference: str | None = None
    idempotency_key: str | None = None

    def keys(self) -> Keys:
        return Keys(
            intent_id=self.intent_id,
            charge_id=self.charge_id,
            reference=self.reference,
            idempotency_key=self.idempotency_key,
            status="succeeded",
            currency=self.currency,
            moved=self.amount,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund(Resource):
    kind: ClassVar[str] = "refund"
    intent_id: str
    charge_id: str
    amount: int
    currency: str
    status: RefundStatus
    reason: str | None = None
    failure_reason: str | None = None
    balance_transaction: str | None = None
    failure_balance_transaction: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    telling: Telling = Telling.PROPERLY
    steps: tuple[RefundStatus, ...] = ()
    idempotency_key: str | None = None

    def keys(self) -> Keys:
        return Keys(
            intent_id=self.intent_id,
            charge_id=self.charge_id,
            reference=self.metadata.get("gateway_refund_id"),
            idempotency_key=self.idempotency_key,
            status=self.status,
            currency=self.currency,
            moved=self.amount if self.status is RefundStatus.SUCCEEDED else 0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute(Resource):
    kind: ClassVar[str] = "dispute"
    intent_id: str
    charge_id: str
    amount: int
    currency: str
    status: str
    telling: Telling = Telling.PROPERLY
    reason: str = "fraudulent"
    transactions: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def keys(self) -> Keys:
        return Keys(intent_id=self.intent_id, charge_id=self.charge_id, status=self.status, currency=self.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction(Resource):
    """A line of the account's balance, negative for what leaves it; found by ``source`` as if that were a charge."""

    kind: ClassVar[str] = "balance_transaction"
    type: str
    source: str
    intent_id: str
    amount: int
    fee: int
    currency: str
    description: str | None = None

    def keys(self) -> Keys:
        return Keys(
            intent_id=self.intent_id,
            charge_id=self.source,
            status=self.type,
            currency=self.currency,
            moved=self.amount - self.fee,
        )
