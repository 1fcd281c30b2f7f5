"""``/mpesa-control``: the certificate for everybody; for tests, the truth, faults, and what customers do."""

import json
import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictInt, ValidationError, model_validator

from shared.provider_kit.simulator import CallbackQueue, LedgerFile, Router, SimulatedRequest, SimulatedResponse
from shared.provider_kit.simulator.fault_rules import ArmedRule, Times
from shared.providers.mpesa.simulator import ledger, truth
from shared.providers.mpesa.simulator.answering import ANY_API, Answerer
from shared.providers.mpesa.simulator.chaos import ANSWERINGS, TELLINGS, Chaos
from shared.providers.mpesa.simulator.ledger import Push, State, TillPayment
from shared.providers.mpesa.simulator.pushes import Pushes
from shared.providers.mpesa.simulator.scenarios import Api, Telling
from shared.providers.mpesa.simulator.speaking import Answer, Refused, Wire, WireObject, written
from shared.providers.mpesa.simulator.tills import Tills

PREFIX = "/mpesa-control"
Model = TypeVar("Model", bound=BaseModel)


class CustomersAct(StrEnum):
    """What a customer does with a prompt, by hand."""

    ENTERS_PIN = "enters_pin"
    ENTERS_WRONG_PIN = "enters_wrong_pin"
    CANCELS = "cancels"
    DOES_NOT_ANSWER = "does_not_answer"
    LETS_IT_EXPIRE = "lets_it_expire"
    HAS_NO_MONEY = "has_no_money"


RESULT_OF: Mapping[CustomersAct, str] = {
    CustomersAct.ENTERS_PIN: "0",
    CustomersAct.ENTERS_WRONG_PIN: "2001",
    CustomersAct.CANCELS: "1032",
    CustomersAct.DOES_NOT_ANSWER: "1037",
    CustomersAct.LETS_IT_EXPIRE: "1019",
    CustomersAct.HAS_NO_MONEY: "1",
}


class Wanted(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TransitionWanted(Wanted):
    """Either what the customer does, or any result code."""

    action: CustomersAct | None = None
    result_code: Annotated[str, Field(pattern=r"^[A-Z0-9_]{1,20}$")] | None = None

    @model_validator(mode="after")
    def is_one_of_them(self) -> "TransitionWanted":
        if (self.action is None) == (self.result_code is None):
            raise ValueError("either an action or a result_code")
        return self

    def code(self) -> str:
        return RESULT_OF[self.action] if self.action else self.result_code or ""


class FaultWanted(Wanted):
    """The next ``times`` requests to ``api`` are answered, or their callbacks told, by ``rule``."""

    rule: str
    times: Times = 1
    api: Api | None = None


class TillPaymentWanted(Wanted):
    """What a customer pays by hand, in minor units of KES; ``account`` is empty at a till that asks for none."""

    till: Annotated[str, Field(pattern=r"^\d{5,7}$")]
    account: Annotated[str, Field(max_length=64)] = ""
    amount: Annotated[StrictInt, Field(gt=0, multiple_of=100)]
    currency: Annotated[str, Field(pattern="^KES$")] = "KES"
    phone: Annotated[str, Field(pattern=r"^\+?254[17]\d{8}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminAsked:
    """A request to the control plane, taken apart."""

    body: JsonValue
    placeholders: Mapping[str, str]
    query: Mapping[str, str]


Act = Callable[[AdminAsked], WireObject]


class Admin:
    """Answers loopback only; to anybody else it is not there."""

    def __init__(
        self, *, file: LedgerFile, pushes: Pushes, tills: Tills, callbacks: CallbackQueue, answerer: Answerer
    ) -> None:
        self._file = file
        self._pushes = pushes
        self._tills = tills
        self._callbacks = callbacks
        self._answerer = answerer
        self._routes: Router[Act] = Router(
            {
                f"POST {PREFIX}/_admin/reset": self._reset,
                f"POST {PREFIX}/_admin/payments/{{id}}/transition": self._move_push,
                f"POST {PREFIX}/_admin/c2b": self._pay_by_hand,
                f"POST {PREFIX}/_admin/faults": self._arm,
                f"GET {PREFIX}/_admin/faults": self._faults,
                f"POST {PREFIX}/_admin/chaos": self._set_chaos,
                f"GET {PREFIX}/_admin/chaos": self._chaos,
                f"GET {PREFIX}/_admin/deliveries": self._deliveries,
                f"GET {PREFIX}/_admin/ledger": self._ledger,
            }
        )

    def respond(self, request: SimulatedRequest) -> SimulatedResponse:
        found = self._routes.find(request.method, request.path)
        if found is None or not request.from_loopback:
            raise absent()
        act, placeholders = found
        asked = AdminAsked(body=parsed(request.body), placeholders=placeholders, query=request.query)
        return written(Answer(body=act(asked)))

    def _reset(self, asked: AdminAsked) -> WireObject:  # noqa: ARG002 - as all routes
        self._file.forget_everything()
        return {}

    def _move_push(self, asked: AdminAsked) -> WireObject:
        wanted = read(TransitionWanted, asked.body)
        with self._file.transaction() as connection:
            self._pushes.decide(connection, pending_push(connection, asked.placeholders["id"]), wanted.code())
            return dict(truth.payment_of(connection, asked.placeholders["id"]))

    def _pay_by_hand(self, asked: AdminAsked) -> WireObject:
        wanted = read(TillPaymentWanted, asked.body)
        draft = TillPayment(
            receipt="",
            till=wanted.till,
            account=wanted.account,
            phone=wanted.phone.removeprefix("+"),
            amount_minor=wanted.amount,
            telling=Telling.PROPERLY,
            state=State.VALIDATING,
            created_at_ms=0,
        )
        with self._file.transaction() as connection:
            payment = self._tills.receive(connection, draft)
        return {"id": payment.receipt, "status": payment.state}

    def _arm(self, asked: AdminAsked) -> WireObject:
        wanted = read(FaultWanted, asked.body)
        if wanted.rule not in {**ANSWERINGS, **TELLINGS}:
            raise refusal(400, f"rule: one of {', '.join(sorted({**ANSWERINGS, **TELLINGS}))}")
        rule = ArmedRule(target=wanted.api or ANY_API, rule=wanted.rule, remaining=wanted.times)
        self._answerer.rules.arm(rule)
        return self._faults(asked)

    def _faults(self, asked: AdminAsked) -> WireObject:  # noqa: ARG002 - as all routes
        rules = self._answerer.rules.armed()
        return {"rules": [{"rule": rule.rule, "api": rule.target, "remaining": rule.remaining} for rule in rules]}

    def _set_chaos(self, asked: AdminAsked) -> WireObject:
        self._answerer.chaos.set(read(Chaos, asked.body))
        return self._chaos(asked)

    def _chaos(self, asked: AdminAsked) -> WireObject:  # noqa: ARG002 - as all routes
        chaos = self._answerer.chaos.now()
        return {"seed": chaos.seed, "mix": {name: str(share) for name, share in chaos.mix.items()}}

    def _deliveries(self, asked: AdminAsked) -> WireObject:  # noqa: ARG002 - as all routes
        return {"deliveries": [delivery_told(each) for each in self._callbacks.everything()]}

    def _ledger(self, asked: AdminAsked) -> WireObject:
        with self._file.reading() as connection:
            return truth.ledger_of(connection, asked.query.get("reference"))


def pending_push(connection: sqlite3.Connection, checkout_id: str) -> Push:
    push = ledger.push_with_id(connection, checkout_id)
    if push is None:
        raise absent()
    if push.state is not State.PENDING:
        raise refusal(409, f"the customer has acted already: {push.result_code}")
    return push


def parsed(body: bytes) -> JsonValue:
    """The body; an empty one counts as ``{}``.

    Raises:
        Refused: 400, not JSON.
    """
    try:
        told: JsonValue = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        raise refusal(400, "the body is not JSON") from None
    return told


def read(model: type[Model], body: JsonValue) -> Model:
    """The body as ``model``.

    Raises:
        Refused: 400, naming the first field that is wrong.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        raise refusal(400, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def refusal(status: int, message: str) -> Refused:
    return Refused(status, f"{status}.control", message)


def absent() -> Refused:
    return Refused(404, "404.001.01", "Resource not found")


def delivery_told(delivery: Mapping[str, JsonValue]) -> WireObject:
    """A row of the queue, its address up to our id: what follows that is a secret."""
    told: dict[str, Wire] = {name: value for name, value in delivery.items() if isinstance(value, str | int | None)}
    return {**told, "url": re.sub(r"([0-9a-f-]{32,36})/.*", r"\1/…", str(delivery["url"]))}
