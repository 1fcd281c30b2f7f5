"""Paystack's JSON: strict about what we send, tolerant of new fields in what we receive."""

from datetime import datetime
from typing import Annotated, Generic, Literal, Self, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, JsonValue, StrictInt, model_validator

from shared.domain.money import MAX_MINOR_UNITS
from shared.provider_kit.wire import AmountMinor, Received, Sent, Word, moment_in

MAX_DIGITS = 18


def plain(number: object) -> object:
    """Digits as a number: callbacks about refunds write their amounts either way."""
    if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS:
        return int(number)
    return number


def text(identifier: object) -> object:
    """A number as its digits: ids come either way."""
    return str(identifier) if type(identifier) is int else identifier


AmountMinorAnyhow = Annotated[StrictInt, BeforeValidator(plain), Field(ge=0, le=MAX_MINOR_UNITS)]
Identifier = Annotated[str, BeforeValidator(text), Field(min_length=1, max_length=64)]
Sentence = Annotated[str, Field(max_length=2000)]


class StartPayment(Sent):
    """``amount`` in minor units; ``reference`` is our transaction id: they take it once."""

    email: str
    amount: int
    currency: str
    reference: str
    metadata: dict[str, str]


class InitializeTransaction(StartPayment):
    """``callback_url`` is where the customer's browser goes afterwards."""

    callback_url: str | None = None


class Phone(Sent):
    phone: str
    provider: Literal["mpesa"] = "mpesa"


class CreateCharge(StartPayment):
    mobile_money: Phone


class CreateRefund(Sent):
    """``merchant_note`` begins with our refund id, since Paystack takes no key and no reference for a refund."""

    transaction: str
    amount: int
    currency: str
    merchant_note: str


class Checkout(Received):
    authorization_url: Annotated[str, Field(pattern="^https?://", max_length=2000)]
    access_code: Word
    reference: Word


class Dated(Received):
    created_at: Word | None = Field(default=None, validation_alias=AliasChoices("created_at", "createdAt"))

    def made_at(self) -> datetime | None:
        """When it was made; ``None`` if it does not say so, or not readably."""
        return moment_in(self.created_at)


class Payment(Received):
    """What verifying one answers, and the ``data`` of a ``charge.*`` event; ``reference`` is our transaction id."""

    status: Word
    reference: Word
    amount: AmountMinor
    currency: Word
    gateway_response: Sentence | None = None
    channel: Word | None = None
    paid_at: Word | None = None


class Transaction(Payment, Dated):
    """A payment as their books list it."""

    id: Identifier


class Charge(Received):
    """What ``POST /charge`` answers while the customer has yet to act says no more than this."""

    status: Word
    reference: Word
    amount: AmountMinor | None = None
    currency: Word | None = None
    gateway_response: Sentence | None = None
    display_text: Sentence | None = None


class OfTransaction(Received):
    reference: Word


class Refund(Dated):
    """``transaction`` is the whole of it in the answer to ``POST /refund``, and only its number elsewhere."""

    id: Identifier
    status: Word
    amount: AmountMinorAnyhow
    currency: Word
    transaction: OfTransaction | StrictInt | None = None
    transaction_reference: Word | None = None
    merchant_note: Sentence | None = None

    def payment_reference(self) -> str | None:
        if self.transaction_reference is not None:
            return self.transaction_reference
        return self.transaction.reference if isinstance(self.transaction, OfTransaction) else None


class RefundNews(Received):
    """The ``data`` of a ``refund.*`` event; by no means all of them say which refund they are about."""

    id: Identifier | None = None
    status: Word
    amount: AmountMinorAnyhow
    currency: Word
    transaction_reference: Word
    refund_reference: Word | None = None
    merchant_note: Sentence | None = None


Data = TypeVar("Data", bound=BaseModel)


class Answer(Received, Generic[Data]):
    """``status`` only says that the call worked: what became of the money stands in ``data``."""

    status: Literal[True]
    data: Data


class PageMeta(Received):
    page: Annotated[StrictInt, Field(ge=1)]
    page_count: Annotated[StrictInt, Field(ge=0)] = Field(alias="pageCount")


class Listed(Received, Generic[Data]):
    status: Literal[True]
    data: list[Data]
    meta: PageMeta


class ErrorBody(Received):
    """``code`` is new with them: older answers have only the ``message``."""

    status: Literal[False]
    message: Sentence
    type: Word = ""
    code: Word = ""

    @model_validator(mode="after")
    def says_something(self) -> Self:
        if not (self.message or self.code):
            raise ValueError("an error without a word")
        return self


class Event(Received):
    """A callback's body; ``event`` such as ``charge.success``."""

    event: Annotated[str, Field(min_length=1, max_length=100)]
    data: dict[str, JsonValue]
