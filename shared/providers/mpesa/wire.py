"""Daraja's JSON, as it is received: codes are numbers or text, lists may be one object, values may be missing."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

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


Identifier = Annotated[str, BeforeValidator(as_text), Field(min_length=1, max_length=MAX_IDENTIFIER_CHARACTERS)]
Code = Annotated[str, BeforeValidator(as_text), Field(min_length=1, max_length=40)]
Text = Annotated[str, BeforeValidator(as_short_text)]
Scalar = Annotated[str | None, BeforeValidator(as_scalar)]


class Received(BaseModel):
    """Unknown fields are dropped."""

    model_config = ConfigDict(frozen=True, extra="ignore")


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
    items: Annotated[tuple[Item, ...], BeforeValidator(as_list)] = Field(default=(), alias="Item")


class StkCallback(Received):
    checkout_request_id: Identifier = Field(alias="CheckoutRequestID")
    merchant_request_id: Text = Field(default="", alias="MerchantRequestID")
    result_code: Code = Field(alias="ResultCode")
    result_description: Text = Field(default="", alias="ResultDesc")
    metadata: CallbackMetadata | None = Field(default=None, alias="CallbackMetadata")

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
    listed: Annotated[tuple[Parameter, ...], BeforeValidator(as_list)] = Field(default=(), alias="ResultParameter")


class CommandResult(Received):
    """How a reversal, a payment out or a question ended."""

    code: Code = Field(alias="ResultCode")
    description: Text = Field(default="", alias="ResultDesc")
    originator_conversation_id: Identifier = Field(alias="OriginatorConversationID")
    conversation_id: Identifier = Field(alias="ConversationID")
    transaction_id: Text = Field(default="", alias="TransactionID")
    parameters: ResultParameters | None = Field(default=None, alias="ResultParameters")

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
    response_message: Text = Field(default="", alias="ResponseMessage")
    listed: Annotated[tuple[JsonValue, ...], BeforeValidator(as_list)] = Field(default=(), alias="Response")

    def rows(self) -> Iterator[Mapping[str, JsonValue]]:
        """Their list stands in a list; older documents have it flat."""
        for each in self.listed:
            yield from (row for row in (each if isinstance(each, list) else [each]) if isinstance(row, dict))
