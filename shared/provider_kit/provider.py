"""What a provider must offer (the specification's five methods, and one to ask about a refund), and what it may."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, get_args, runtime_checkable

from shared.domain.customer import Customer
from shared.domain.errors import GatewayError
from shared.domain.ids import CaptureId, PayoutId, RefundId, TransactionId
from shared.domain.money import Money
from shared.domain.outcome import Outcome
from shared.domain.transaction import CaptureMethod
from shared.provider_kit.disputes import DisputeReported


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequest:
    """A payment to start. ``idempotency_key`` stays the same over every attempt at this payment.

    ``payment_method_token`` is what the provider's own form made of a card or account, ``return_url`` where the
    customer's browser goes when the provider has done with it; both only where the merchant gave them.
    """

    transaction_id: TransactionId
    idempotency_key: str
    amount: Money
    customer: Customer
    metadata: Mapping[str, str] = field(default_factory=dict)
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC
    payment_method_token: str | None = None
    return_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentQuery:
    """A payment to ask about; ``reference`` is ``None`` where the provider's answer was lost.

    ``created_at`` (aware UTC): the provider has heard nothing of it before.
    """

    transaction_id: TransactionId
    amount: Money
    reference: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidPayment:
    """What is known of a payment that is (partly) to be given back; ``receipt`` as in ``Succeeded``."""

    reference: str
    amount: Money
    customer: Customer
    receipt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """Some or all of a payment to give back."""

    refund_id: RefundId
    idempotency_key: str
    payment: PaidPayment
    amount: Money
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundQuery:
    """A refund to ask about; ``reference`` is ``None`` where the provider's answer was lost."""

    refund_id: RefundId
    payment: PaidPayment
    amount: Money
    reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRequest:
    """Some or all of an authorized payment to take; ``is_final`` releases what is left of it."""

    capture_id: CaptureId
    idempotency_key: str
    payment_reference: str
    amount: Money
    is_final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureQuery:
    """A capture to ask about; ``reference`` is ``None`` where the provider's answer was lost."""

    capture_id: CaptureId
    payment_reference: str
    amount: Money
    reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequest:
    """A payment that is not to happen: what waits for its customer is withdrawn, what is reserved is released."""

    transaction_id: TransactionId
    idempotency_key: str
    payment_reference: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRequest:
    """Money to send to somebody. ``idempotency_key`` stays the same over every attempt at this payout."""

    payout_id: PayoutId
    idempotency_key: str
    amount: Money
    recipient: Customer
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutQuery:
    """A payout to ask about; ``reference`` is ``None`` where the provider's answer was lost."""

    payout_id: PayoutId
    amount: Money
    reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """A callback as it came: header names in lower case, the raw bytes, and when they arrived (aware UTC).

    ``path`` is what stood behind the provider's own address, without the slash between; ``sender`` the address that it
    came from, as far as our own proxies can tell.
    """

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    path: str = ""
    sender: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedWebhook:
    """A callback that is believed. ``event_id`` is the same whenever the provider repeats it.

    ``is_question``: the provider only asks whether it may go on. It is answered, and nothing is kept of it.
    """

    event_id: str
    event_type: str
    payload: Mapping[str, object]
    signature: str
    is_question: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAnswer:
    """What a provider wants to read, with 200, when its callback has been received."""

    body: Mapping[str, object]


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
    """A callback's news of a refund.

    ``made_there``: this provider echoes our id of every refund of ours, and this one has none: somebody made it at the
    provider, in its dashboard, for ``reason``.
    """

    refund_id: RefundId | None
    reference: str
    payment_reference: str | None
    amount: Money
    outcome: Outcome
    sequence: int | None = None
    made_there: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureReported:
    """A callback's news of a capture."""

    capture_id: CaptureId | None
    reference: str
    payment_reference: str | None
    amount: Money
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutReported:
    """A callback's news of a payout."""

    payout_id: PayoutId | None
    reference: str
    amount: Money
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyReceived:
    """A callback's news of a payment that nobody asked for here: its customer started it, at a till or paybill.

    ``account`` is what the customer typed as the account, ``till`` where it was paid to; ``received_at`` is aware UTC.
    ``is_receipt``: for what we ask for, too, this provider gives its customers such a reference, and shows them our
    short reference as the account. Then money that names a payment of just this amount, without a receipt so far, is
    that payment's.
    """

    reference: str
    amount: Money
    till: str
    account: str
    customer: Customer
    received_at: datetime
    is_receipt: bool = False
    answer: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingReported:
    """A genuine callback that is not about a payment or refund, or of a type that nobody knows yet."""

    reason: str


ProviderReport = (
    PaymentReported
    | RefundReported
    | CaptureReported
    | PayoutReported
    | MoneyReceived
    | DisputeReported
    | NothingReported
)


StatementKind = Literal["payment", "refund", "capture", "payout"]
STATEMENT_KINDS: frozenset[StatementKind] = frozenset(get_args(StatementKind))


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """What the provider's books say of one payment, refund, capture or payout, for reconciliation.

    ``reference`` is theirs, or a payment's receipt. ``our_id`` is what they echo of ours, whole or as the short
    reference (``None`` for what we did not start; whatever a customer typed); ``outcome`` their state in our words.
    """

    kind: StatementKind
    reference: str
    our_id: str | None
    amount: Money
    outcome: Outcome
    occurred_at: datetime


class StatementUnavailable(GatewayError):
    """The provider could not be asked for its statement, or its answer makes no sense; ask again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialCheck:
    """Whether the provider takes our credentials. ``None``: it could not be asked. ``detail`` holds no secret."""

    accepted: bool | None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Whether the provider has taken the addresses of our callbacks; ``detail`` says why not, and holds no secret."""

    accepted: bool
    detail: str


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


@runtime_checkable
class TakesCaptures(Protocol):
    """A provider that can reserve money first, and take it later in one or several parts."""

    def capture_payment(self, request: CaptureRequest) -> Outcome:
        """Take what is reserved. Repeating it with the same ``idempotency_key`` never takes it twice."""

    def verify_capture(self, query: CaptureQuery) -> Outcome:
        """Ask what became of a capture; ``NotSent`` and ``InDoubt`` as in ``verify_payment``."""


@runtime_checkable
class TakesCancellations(Protocol):
    """A provider that can withdraw a payment that waits for its customer, and release what is reserved."""

    def cancel_payment(self, request: CancelRequest) -> Outcome:
        """``Succeeded``: nothing (more) will be taken; ``Declined``: it is too late. May be repeated at will."""


@runtime_checkable
class SendsPayouts(Protocol):
    """A provider that can send money out."""

    def send_payout(self, request: PayoutRequest) -> Outcome:
        """Send money. Repeating it with the same ``idempotency_key`` never sends it twice."""

    def verify_payout(self, query: PayoutQuery) -> Outcome:
        """Ask what became of a payout; ``NotSent`` and ``InDoubt`` as in ``verify_payment``."""


@runtime_checkable
class GivesStatements(Protocol):
    """A provider whose books can be compared with ours."""

    def statement(self, since: datetime, until: datetime) -> Iterable[StatementLine]:
        """Everything that was started in ``since <= t < until`` (aware UTC), oldest first, page by page.

        Raises:
            StatementUnavailable: the books could not be read to their end.
        """


@runtime_checkable
class ChecksCredentials(Protocol):
    """A provider that can be asked, cheaply and without any effect, whether it takes our credentials."""

    def check_credentials(self) -> CredentialCheck:
        """Ask it now."""


@runtime_checkable
class AnswersWebhooks(Protocol):
    """A provider that reads what its callbacks are answered with."""

    def answer_webhook(self, verified: VerifiedWebhook) -> WebhookAnswer:
        """What to answer; from the configuration alone, at once, with no server asked."""


@runtime_checkable
class RegistersWebhooks(Protocol):
    """A provider that is told by its API where its callbacks go."""

    def register_webhooks(self) -> Registration:
        """Tell it, once; some take no change afterwards."""
