"""How CPay speaks: replies, its error format, and the requests that it understands."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StrictBool, StrictInt, ValidationError

from shared.providers.cpay.config import CURRENCIES, LARGEST_AMOUNT_MINOR, webhook_key
from shared.providers.cpay.simulator.scenarios import BY_WORD, CaptureMethod, MovementStatus, PaymentStatus

Json = dict[str, JsonValue]
Model = TypeVar("Model", bound=BaseModel)

Amount = Annotated[StrictInt, Field(gt=0)]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Reference = Annotated[str, Field(min_length=1, max_length=255)]
Reason = Annotated[str, Field(max_length=500)]


def _checked(secret: str) -> str:
    webhook_key(secret)
    return secret


WebhookSecret = Annotated[str, AfterValidator(_checked)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer before it is written; ``early`` are callbacks that reach the receiver before it does."""

    status: int
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)
    early: tuple[int, ...] = ()

    def numbered(self, request_id: str) -> "Reply":
        """With the request's id in an error's body, as support will ask for it."""
        error = self.body.get("error")
        if not isinstance(error, dict):
            return self
        return replace(self, body={"error": {**error, "request_id": request_id}})


class Refused(Exception):
    """CPay says no; carries the whole error body."""

    def __init__(
        self,
        status: int,
        kind: str,
        code: str,
        message: str,
        *,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param
        self.retry_after = retry_after

    def to_reply(self) -> Reply:
        error: Json = {
            "type": self.kind,
            "code": self.code,
            "message": str(self),
            "param": self.param,
            "retryable": self.status in {429, 500, 503} or self.code == "idempotency_key_in_use",
        }
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return Reply(status=self.status, body={"error": error}, headers=headers)


def invalid(message: str, code: str = "invalid_request", param: str | None = None) -> Refused:
    return Refused(400, "invalid_request", code, message, param=param)


def against_the_rules(code: str, message: str, param: str | None = None) -> Refused:
    return Refused(422, "invalid_request", code, message, param=param)


def conflict(code: str, message: str, retry_after: int | None = None) -> Refused:
    return Refused(409, "conflict", code, message, retry_after=retry_after)


def not_found(what: str) -> Refused:
    return Refused(404, "not_found", "not_found", f"there is no such {what}")


class Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CustomerAsked(Asked):
    phone: Annotated[str, Field(max_length=32)] | None = None
    email: Annotated[str, Field(max_length=254)] | None = None


class PaymentAsked(Asked):
    amount: Amount
    currency: Currency
    merchant_reference: Reference
    customer: CustomerAsked
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC
    callback_url: Annotated[str, Field(pattern="^https?://")] | None = None
    metadata: dict[str, str] = Field(default_factory=dict)


class RefundAsked(Asked):
    """Without an ``amount``: all that is left."""

    amount: Amount | None = None
    reason: Reason | None = None
    merchant_reference: Reference | None = None


class CaptureAsked(Asked):
    """Without an ``amount``: all that is left. ``final`` releases what is left after it."""

    amount: Amount | None = None
    final: StrictBool = False
    merchant_reference: Reference | None = None


class RecipientAsked(Asked):
    phone: Annotated[str, Field(min_length=1, max_length=32)]


class PayoutAsked(Asked):
    amount: Amount
    currency: Currency
    merchant_reference: Reference
    recipient: RecipientAsked
    reason: Reason | None = None


class TillPaymentAsked(Asked):
    """What a customer pays at a till without being asked to; ``account`` is what they type."""

    till: Annotated[str, Field(min_length=1, max_length=32)]
    account: Annotated[str, Field(max_length=64)]
    amount: Amount
    currency: Currency
    phone: Annotated[str, Field(min_length=1, max_length=32)]


class WebhookSecretsAsked(Asked):
    """What callbacks are signed with from now on, newest first."""

    webhook_secrets: Annotated[tuple[WebhookSecret, ...], Field(min_length=1, max_length=4)]


class CancelAsked(Asked):
    """Nothing to say."""


class PaymentMoveAsked(Asked):
    status: PaymentStatus
    failure_code: str | None = None


class MovementMoveAsked(Asked):
    status: MovementStatus
    failure_code: str | None = None


def json_of(body: bytes) -> JsonValue:
    """The body; an empty one counts as ``{}``.

    Raises:
        Refused: 400, not JSON.
    """
    try:
        parsed: JsonValue = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        raise invalid("the body is not JSON") from None
    return parsed


def read(model: type[Model], parsed: JsonValue) -> Model:
    """The body as ``model``.

    Raises:
        Refused: 400, naming the first field that is wrong.
    """
    try:
        return model.model_validate(parsed)
    except ValidationError as error:
        first = error.errors()[0]
        raise invalid(first["msg"], param=".".join(map(str, first["loc"]))) from None


def read_payment(parsed: JsonValue) -> PaymentAsked:
    """A payment to make.

    Raises:
        Refused: 400 for its shape or an unknown scenario, 422 for what CPay does not do.
    """
    asked = read(PaymentAsked, parsed)
    if not (asked.customer.phone or asked.customer.email):
        raise invalid("a phone or an email is needed", param="customer")
    check_money(asked.amount, asked.currency)
    if asked.metadata.get("scenario", "0000") not in BY_WORD:
        raise invalid("there is no such scenario", param="metadata.scenario")
    return asked


def check_money(amount: int, currency: str) -> None:
    """Whether CPay moves so much of this currency.

    Raises:
        Refused: 422, it does not.
    """
    if currency not in CURRENCIES:
        raise against_the_rules("currency_not_supported", f"{currency} is not supported", "currency")
    if amount > LARGEST_AMOUNT_MINOR:
        raise against_the_rules("amount_too_large", f"at most {LARGEST_AMOUNT_MINOR}", "amount")
