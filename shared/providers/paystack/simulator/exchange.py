"""How Paystack speaks: replies, its error format, and the requests that it understands."""

import json
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictInt, ValidationError

from shared.provider_kit.simulator import SimulatedResponse
from shared.providers.paystack.config import CURRENCIES, LARGEST_AMOUNT_MINOR
from shared.providers.paystack.simulator.scenarios import Answering, RefundStatus, TransactionStatus

Json = dict[str, JsonValue]
Model = TypeVar("Model", bound=BaseModel)

Amount = Annotated[StrictInt, Field(gt=0, le=LARGEST_AMOUNT_MINOR)]
# Of letters, digits and - . = only.
Reference = Annotated[str, Field(pattern="^[A-Za-z0-9.=-]{1,100}$")]
Note = Annotated[str, Field(max_length=1000)]


class Refused(Exception):
    """Paystack says no; carries what its error body has."""

    def __init__(self, status: int, message: str, *, code: str = "", kind: str = "validation_error") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.kind = kind

    def to_response(self) -> SimulatedResponse:
        body: Json = {"status": False, "message": str(self)}
        if self.code:
            body |= {"meta": {"nextStep": "Look it up in the documentation"}, "type": self.kind, "code": self.code}
        return SimulatedResponse(
            status=self.status, headers={"Content-Type": "application/json"}, body=json.dumps(body).encode()
        )


def invalid(message: str, code: str = "invalid_params") -> Refused:
    return Refused(400, message, code=code)


def not_found(what: str, code: str = "not_found") -> Refused:
    return Refused(404, f"{what} not found", code=code)


class Asked(BaseModel):
    """Paystack ignores what it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class PaymentAsked(Asked):
    email: Annotated[str, Field(pattern="^[^@ ]+@[^@ ]+$")]
    amount: Amount
    currency: str = "NGN"
    reference: Reference
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    callback_url: str | None = None


class MobileMoneyAsked(Asked):
    phone: Annotated[str, Field(pattern=r"^\+[0-9]{8,15}$")]
    provider: Annotated[str, Field(pattern="^mpesa$")]


class ChargeAsked(PaymentAsked):
    mobile_money: MobileMoneyAsked


class RefundAsked(Asked):
    """Without an ``amount``: all that is left."""

    transaction: Reference
    amount: Amount | None = None
    currency: str | None = None
    customer_note: Note | None = None
    merchant_note: Note | None = None


class TransactionMoveAsked(Asked):
    status: TransactionStatus
    gateway_response: str = ""


class RefundMoveAsked(Asked):
    status: RefundStatus


class FaultAsked(Asked):
    """The next ``times`` requests with ``method`` are answered by ``rule``."""

    rule: Answering
    times: Annotated[StrictInt, Field(ge=0, le=1_000_000)] = 1
    method: Annotated[str, Field(pattern="^(GET|POST)$")] = "POST"


def read(model: type[Model], body: bytes) -> Model:
    """The body, JSON or a form, as ``model``.

    Raises:
        Refused: 400, naming the first field that is wrong.
    """
    try:
        return model.model_validate(json_of(body))
    except ValidationError as error:
        first = error.errors()[0]
        raise invalid(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def json_of(body: bytes) -> JsonValue:
    try:
        parsed: JsonValue = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        raise invalid("the body is not JSON") from None
    return parsed


def form_of(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode("utf-8", "replace")))


def check_currency(currency: str) -> None:
    """Whether the account takes this currency.

    Raises:
        Refused: 403, it does not.
    """
    if currency not in CURRENCIES:
        raise Refused(403, "Currency not supported by merchant", code="unsupported_currency")


def written(data: JsonValue, message: str, **more: JsonValue) -> SimulatedResponse:
    body: Json = {"status": True, "message": message, "data": data, **more}
    return plain(body)


def plain(body: Json) -> SimulatedResponse:
    return SimulatedResponse(status=200, headers={"Content-Type": "application/json"}, body=compact(body))


def compact(body: Json) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
