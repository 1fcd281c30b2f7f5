"""CPay's JSON: strict about what we send, tolerant of new fields in what we receive."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictInt

from shared.domain.money import MAX_MINOR_UNITS

AmountMinor = Annotated[StrictInt, Field(ge=0, le=MAX_MINOR_UNITS)]
Identifier = Annotated[str, Field(min_length=1, max_length=255)]
Word = Annotated[str, Field(max_length=255)]


class Sent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> dict[str, JsonValue]:
        """The body to send; what is not set is left out."""
        body: dict[str, JsonValue] = self.model_dump(mode="json", exclude_none=True)
        return body


class Received(BaseModel):
    """Unknown fields are dropped, so an outcome's ``answer`` holds nothing that we did not expect."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class CustomerSent(Sent):
    phone: str | None = None
    email: str | None = None


class CreatePayment(Sent):
    """``amount`` in minor units; ``merchant_reference`` is our transaction id."""

    amount: int
    currency: str
    merchant_reference: str
    customer: CustomerSent
    metadata: dict[str, str]


class CreateRefund(Sent):
    """``merchant_reference`` is our refund id: it finds a refund whose answer was lost."""

    amount: int
    reason: str
    merchant_reference: str


class Failure(Received):
    code: Word
    message: str = ""


class Payment(Received):
    id: Identifier
    object: Literal["payment"] = "payment"
    status: Word
    amount: AmountMinor
    currency: Word
    merchant_reference: Word
    created_at: Word | None = None
    failure: Failure | None = None


class Refund(Received):
    id: Identifier
    object: Literal["refund"] = "refund"
    payment_id: Identifier
    status: Word
    amount: AmountMinor
    currency: Word
    merchant_reference: Word | None = None
    created_at: Word | None = None
    failure: Failure | None = None


class PaymentList(Received):
    object: Literal["list"]
    data: list[Payment]
    has_more: bool = False


class RefundList(Received):
    object: Literal["list"]
    data: list[Refund]
    has_more: bool = False


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
    """``sequence`` grows by one with every event of a payment, those of its refunds included."""

    sequence: Annotated[StrictInt, Field(ge=0)] | None = None


class PaymentNews(Payment, Numbered):
    """The ``data`` of a ``payment.*`` event."""


class RefundNews(Refund, Numbered):
    """The ``data`` of a ``refund.*`` event."""


class Event(Received):
    """A callback's body; ``type`` such as ``payment.succeeded``."""

    type: Annotated[str, Field(min_length=1, max_length=100)]
    timestamp: Word
    data: dict[str, JsonValue]
