"""CPay's JSON: strict about what we send, tolerant of new fields in what we receive."""

from datetime import datetime
from typing import Annotated, Generic, Literal, Self, TypeVar

from pydantic import Field, JsonValue, StrictInt, model_validator

from shared.provider_kit.wire import AmountMinor, Identifier, Received, Sent, Word, moment_in


class CustomerSent(Sent):
    phone: str | None = None
    email: str | None = None


class CreatePayment(Sent):
    """``amount`` in minor units; ``merchant_reference`` is our transaction id."""

    amount: int
    currency: str
    merchant_reference: str
    customer: CustomerSent
    capture_method: Literal["manual"] | None = None
    metadata: dict[str, str]


class CreateRefund(Sent):
    """``merchant_reference`` is our refund id: it finds a refund whose answer was lost."""

    amount: int
    reason: str
    merchant_reference: str


class CreateCapture(Sent):
    """``merchant_reference`` is our capture id; ``final`` releases what is left after it."""

    amount: int
    final: bool
    merchant_reference: str


class RecipientSent(Sent):
    phone: str | None = None


class CreatePayout(Sent):
    """``merchant_reference`` is our payout id."""

    amount: int
    currency: str
    merchant_reference: str
    recipient: RecipientSent
    reason: str


class Failure(Received):
    code: Word
    message: str = ""


class Resource(Received):
    """What a payment, a refund, a capture and a payout have in common; amounts in minor units."""

    id: Identifier
    object: str
    status: Word
    amount: AmountMinor
    currency: Word
    merchant_reference: Word | None = None
    created_at: Word | None = None
    failure: Failure | None = None

    def made_at(self) -> datetime | None:
        """When it was made; ``None`` if it does not say so, or not readably."""
        return moment_in(self.created_at)


class Payment(Resource):
    """``merchant_reference`` is ``None`` where the customer started it. ``captured_amount`` is what was taken."""

    object: Literal["payment"] = "payment"
    capture_method: Word = "automatic"
    captured_amount: AmountMinor | None = None

    @model_validator(mode="after")
    def takes_no_more_than_it_is(self) -> Self:
        if self.captured_amount is not None and self.captured_amount > self.amount:
            raise ValueError("captured_amount is more than amount")
        return self


class Refund(Resource):
    object: Literal["refund"] = "refund"
    payment_id: Identifier


class Capture(Resource):
    object: Literal["capture"] = "capture"
    payment_id: Identifier


class Payout(Resource):
    object: Literal["payout"] = "payout"


Entry = Payment | Refund | Capture | Payout
Resources = TypeVar("Resources", bound=Resource)


class Listed(Received, Generic[Resources]):
    object: Literal["list"]
    data: list[Resources]
    has_more: bool = False


class StatementPage(Received):
    """``next`` is the ``after`` of the page that follows: the id of the last entry of this one."""

    object: Literal["list"]
    data: list[Annotated[Entry, Field(discriminator="object")]]
    has_more: bool
    next: Identifier | None = None


class ErrorDetail(Received):
    type: Word
    code: Word
    message: str = ""
    param: str | None = None
    request_id: str | None = None
    retryable: bool = False


class ErrorBody(Received):
    error: ErrorDetail


class Numbered(Received):
    """``sequence`` grows by one with every event of a payment, those of its captures and refunds included."""

    sequence: Annotated[StrictInt, Field(ge=0)] | None = None


class PaymentNews(Payment, Numbered):
    """The ``data`` of a ``payment.*`` event about a payment that we started."""

    merchant_reference: Word


class RefundNews(Refund, Numbered):
    """The ``data`` of a ``refund.*`` event."""


class PaidBy(Received):
    phone: Word


class ReceivedNews(Payment):
    """The ``data`` of a ``payment.received`` event: what a customer paid at a till without being asked to."""

    till: Identifier
    account: Word
    customer: PaidBy


class Event(Received):
    """A callback's body; ``type`` such as ``payment.succeeded``."""

    type: Annotated[str, Field(min_length=1, max_length=100)]
    timestamp: Word
    data: dict[str, JsonValue]
