"""Daraja's JSON, as it is received: codes are numbers or text, lists may be one object, values may be missing."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AliasChoices, BeforeValidator, Field, JsonValue, model_validator

from shared.provider_kit.wire import Received

MAX_IDENTIFIER_CHARACTERS = 100
MAX_TEXT_CHARACTERS = 500


def as_text(value: object) -> object:
    """``0``, ``"0"`` and ``" 0 "`` are one code; what is neither text nor number is refused by the type behind this."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else value


def as_scalar(value: object) -> object:
    """As ``as_text``; anything else counts as not given."""
    text = as_text(value)
    return text if isinstance(text, str) else None


def as_short_text(value: object) -> str:
    """As ``as_scalar``, cut off, and empty where nothing is given."""
    text = as_text(value)
    return text[:MAX_TEXT_CHARACTERS] if isinstance(text, str) else ""


def as_list(value: object) -> object:
    """One object stands for a list of one; nothing, for an empty one."""
    if value is None or value == "":
        return []
    return [value] if isinstance(value, dict) else value


def as_objects(value: object) -> object:
    """As ``as_list``; what is no object in it, or no list at all, counts as not given."""
    listed = as_list(value)
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def as_object(value: object) -> object:
    return value if isinstance(value, dict) else None


Identifier = Annotated[str, BeforeValidator(as_text), Field(min_length=1, max_length=MAX_IDENTIFIER_CHARACTERS)]
ShortIdentifier = Annotated[str, BeforeValidator(as_short_text), Field(max_length=MAX_IDENTIFIER_CHARACTERS)]
Code = Annotated[str, BeforeValidator(as_text), Field(min_length=1, max_length=40)]
Text = Annotated[str, BeforeValidator(as_short_text)]
Scalar = Annotated[str | None, BeforeValidator(as_scalar)]


class ErrorEnvelope(Received):
    """What the gateway says of a request that it refuses, whatever the HTTP status."""

    code: Code = Field(alias="errorCode")
    message: Text = Field(default="", alias="errorMessage")


class FaultDetail(Received):
    errorcode: Text = ""


class Fault(Received):
    faultstring: Text = ""
    detail: FaultDetail = FaultDetail()


class FaultEnvelope(Received):
    """What Apigee, in front of the gateway, says itself."""

    fault: Fault


class TokenAnswer(Received):
    access_token: Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[\x21-\x7e]+$")]
    expires_in: Scalar = None


class PushAnswer(Received):
    """A prompt was accepted; nothing is paid yet."""

    response_code: Code = Field(alias="ResponseCode")
    response_description: Text = Field(default="", alias="ResponseDescription")
    checkout_request_id: Identifier = Field(alias="CheckoutRequestID")
    merchant_request_id: Text = Field(default="", alias="MerchantRequestID")


class QueryAnswer(Received):
    """What became of a prompt, as far as they know."""

    response_code: Code = Field(alias="ResponseCode")
    checkout_request_id: Identifier = Field(alias="CheckoutRequestID")
    result_code: Code = Field(alias="ResultCode")
    result_description: Text = Field(default="", alias="ResultDesc")


class CommandAnswer(Received):
    """A reversal, a payment out or a question was accepted; its result comes later."""

    response_code: Code = Field(alias="ResponseCode")
    response_description: Text = Field(default="", alias="ResponseDescription")
    originator_conversation_id: Identifier = Field(alias="OriginatorConversationID")
    conversation_id: Identifier = Field(alias="ConversationID")


class RegisterAnswer(Received):
    response_code: Code = Field(validation_alias=AliasChoices("ResponseCode", "ResponseStatus"))
    response_description: Text = Field(default="", alias="ResponseDescription")


class Item(Received):
    """A ``Balance`` often comes without a ``Value``."""

    name: Text = Field(default="", alias="Name")
    value: Scalar = Field(default=None, alias="Value")


class CallbackMetadata(Received):
    items: Annotated[tuple[Item, ...], BeforeValidator(as_objects)] = Field(default=(), alias="Item")


class StkCallback(Received):
    checkout_request_id: Identifier = Field(alias="CheckoutRequestID")
    merchant_request_id: Text = Field(default="", alias="MerchantRequestID")
    result_code: Code = Field(alias="ResultCode")
    result_description: Text = Field(default="", alias="ResultDesc")
    metadata: Annotated[CallbackMetadata | None, BeforeValidator(as_object)] = Field(
        default=None, alias="CallbackMetadata"
    )

    def value(self, name: str) -> str | None:
        """By name: their order is not stable."""
        items = self.metadata.items if self.metadata else ()
        return next((item.value for item in items if item.name == name and item.value), None)


class StkBody(Received):
    callback: StkCallback = Field(alias="stkCallback")


class StkNews(Received):
    body: StkBody = Field(alias="Body")


class Parameter(Received):
    key: Text = Field(default="", alias="Key")
    value: Scalar = Field(default=None, alias="Value")


class ResultParameters(Received):
    listed: Annotated[tuple[Parameter, ...], BeforeValidator(as_objects)] = Field(default=(), alias="ResultParameter")


class CommandResult(Received):
    """How a reversal, a payment out or a question ended; it has at least one of the two ids."""

    code: Code = Field(alias="ResultCode")
    description: Text = Field(default="", alias="ResultDesc")
    originator_conversation_id: ShortIdentifier = Field(default="", alias="OriginatorConversationID")
    conversation_id: ShortIdentifier = Field(default="", alias="ConversationID")
    transaction_id: Text = Field(default="", alias="TransactionID")
    parameters: Annotated[ResultParameters | None, BeforeValidator(as_object)] = Field(
        default=None, alias="ResultParameters"
    )

    @property
    def identity(self) -> str:
        return self.conversation_id or self.originator_conversation_id

    @model_validator(mode="after")
    def has_an_id(self) -> Self:
        if not self.identity:
            raise ValueError("neither ConversationID nor OriginatorConversationID")
        return self

    def values(self, key: str) -> list[str]:
        """All that stands under ``key``: ``DebitPartyName`` comes twice."""
        listed = self.parameters.listed if self.parameters else ()
        return [each.value for each in listed if each.key == key and each.value]

    def value(self, key: str) -> str | None:
        return next(iter(self.values(key)), None)


class ResultNews(Received):
    result: CommandResult = Field(alias="Result")


class TillPayment(Received):
    """What a customer has paid, or wants to, by himself. Names stay out; ``msisdn`` is often masked or hashed."""

    transaction_id: Identifier = Field(alias="TransID")
    transaction_time: Text = Field(default="", alias="TransTime")
    amount: Text = Field(alias="TransAmount")
    shortcode: Identifier = Field(alias="BusinessShortCode")
    account: Text = Field(default="", alias="BillRefNumber")
    msisdn: Text = Field(default="", alias="MSISDN")
    kind: Text = Field(default="", alias="TransactionType")


class PulledPayment(Received):
    transaction_id: Identifier = Field(alias="transactionId")
    made_at: Text = Field(alias="trxDate")
    bill_reference: Text = Field(default="", alias="billreference")
    amount: Text


class PullAnswer(Received):
    response_code: Code = Field(alias="ResponseCode")
    listed: Annotated[tuple[JsonValue, ...], BeforeValidator(as_list)] = Field(default=(), alias="Response")

    def rows(self) -> Iterator[Mapping[str, JsonValue]]:
        """Their list stands in a list; older documents have it flat."""
        for each in self.listed:
            yield from (row for row in (each if isinstance(each, list) else [each]) if isinstance(row, dict))
