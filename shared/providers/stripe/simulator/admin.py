"""``/stripe/_admin``: the truth, for tests; the customer, the bank and the dashboard; and how the next answers fail."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictBool, StrictInt, ValidationError

from shared.provider_kit.simulator import CallbackQueue, LedgerFile, Router, SimulatedRequest, SimulatedResponse
from shared.provider_kit.simulator.fault_rules import ArmedRule, FaultAsked
from shared.providers.stripe.simulator import books, truth
from shared.providers.stripe.simulator.act import Act
from shared.providers.stripe.simulator.answering import SPOILING, Answerer
from shared.providers.stripe.simulator.asking import ConfirmAsked, MethodAsked, RefundAsked
from shared.providers.stripe.simulator.chaos import Chaos
from shared.providers.stripe.simulator.charging import Attempt
from shared.providers.stripe.simulator.disputing import existing_dispute
from shared.providers.stripe.simulator.exchange import Json, Reply, invalid, new_id, response_of, unrecognized
from shared.providers.stripe.simulator.lifecycle import Lifecycle
from shared.providers.stripe.simulator.payments import existing_intent
from shared.providers.stripe.simulator.refunding import existing_refund
from shared.providers.stripe.simulator.rows import Charge, Resource
from shared.providers.stripe.simulator.scenarios import RefundStatus
from shared.providers.stripe.simulator.showing import Showing

Model = TypeVar("Model", bound=BaseModel)


class Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BrowserConfirmAsked(Asked):
    payment_method: str = "pm_card_visa"
    return_url: str | None = "https://example.com/return"


class DashboardRefundAsked(Asked):
    """Without an ``amount``: all that is left. ``payment_intent`` may stand in the address instead."""

    amount: Annotated[StrictInt, Field(gt=0)] | None = None
    reason: str | None = None
    payment_intent: str | None = None


class DisputeAsked(Asked):
    status: Annotated[str, Field(pattern="^(needs_response|warning_needs_response)$")] = "needs_response"
    amount: Annotated[StrictInt, Field(gt=0)] | None = None


class SettleAsked(Asked):
    paid: StrictBool = True


class CloseAsked(Asked):
    status: Annotated[str, Field(pattern="^(won|lost|warning_closed)$")]


class MoveAsked(Asked):
    status: RefundStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminAsked:
    """A request to the control plane, taken apart."""

    body: JsonValue
    resource_id: str


Handle = Callable[[AdminAsked], Json]
Do = Callable[[Act, AdminAsked], Resource | Attempt]


class Admin:
    """Answers loopback only; to anybody else it is not there."""

    def __init__(
        self, file: LedgerFile, lifecycle: Lifecycle, answerer: Answerer, callbacks: CallbackQueue, *, livemode: bool
    ) -> None:
        self._file = file
        self._lifecycle = lifecycle
        self._answerer = answerer
        self._callbacks = callbacks
        self._livemode = livemode
        happenings: Mapping[str, Do] = {
            "payment_intents/{id}/authenticate": self._authenticate,
            "payment_intents/{id}/fail_authentication": self._fail_authentication,
            "payment_intents/{id}/confirm": self._confirm,
            "payment_intents/{id}/settle": self._settle,
            "payment_intents/{id}/expire": self._expire,
            "payment_intents/{id}/refund": self._refund,
            "payment_intents/{id}/dispute": self._dispute,
            "refund": self._refund,
            "refunds/{id}/transition": self._move_refund,
            "disputes/{id}/close": self._close_dispute,
        }
        self._routes: Router[Handle] = Router(
            {
                **{f"POST /_admin/{path}": self._happening(do) for path, do in happenings.items()},
                "POST /_admin/reset": self._reset,
                "POST /_admin/faults": self._arm,
                "GET /_admin/faults": self._faults,
                "POST /_admin/chaos": self._set_chaos,
                "GET /_admin/chaos": self._chaos,
                "GET /_admin/deliveries": self._deliveries,
                "GET /_admin/ledger": self._ledger,
                "GET /_admin/truth": self._truth,
            }
        )

    def respond(self, request: SimulatedRequest) -> SimulatedResponse:
        found = self._routes.find(request.method, request.path)
        if found is None or not request.from_loopback:
            raise unrecognized(request.method, request.path)
        handle, placeholders = found
        asked = AdminAsked(body=json_of(request.body), resource_id=placeholders.get("id", ""))
        return response_of(Reply(status=200, body=handle(asked)))

    def _happening(self, do: Do) -> Handle:
        """What the customer, the bank or somebody at the dashboard does; no API request, so no idempotency key."""

        def handle(asked: AdminAsked) -> Json:
            with self._file.transaction() as connection:
                act = Act(connection=connection, now_ms=self._lifecycle.now_ms(), request_id=new_id("req"))
                done = do(act, asked)
                shown = done.intent if isinstance(done, Attempt) else done
                body = Showing(connection, livemode=self._livemode).show(shown)
            self._callbacks.send_now(act.early)
            return body

        return handle

    def _authenticate(self, act: Act, asked: AdminAsked) -> Attempt:
        return self._lifecycle.payments.authenticate(act, existing_intent(act, asked.resource_id), is_passed=True)

    def _fail_authentication(self, act: Act, asked: AdminAsked) -> Attempt:
        return self._lifecycle.payments.authenticate(act, existing_intent(act, asked.resource_id), is_passed=False)

    def _confirm(self, act: Act, asked: AdminAsked) -> Attempt:
        wanted = read(BrowserConfirmAsked, asked.body)
        confirm = ConfirmAsked(method=MethodAsked(name=wanted.payment_method), return_url=wanted.return_url)
        return self._lifecycle.payments.confirm(act, existing_intent(act, asked.resource_id), confirm)

    def _settle(self, act: Act, asked: AdminAsked) -> Resource:
        wanted = read(SettleAsked, asked.body)
        return self._lifecycle.payments.settle(act, existing_intent(act, asked.resource_id), is_paid=wanted.paid)

    def _expire(self, act: Act, asked: AdminAsked) -> Resource:
        self._lifecycle.capturing.expire(act, existing_intent(act, asked.resource_id))
        return existing_intent(act, asked.resource_id)

    def _refund(self, act: Act, asked: AdminAsked) -> Resource:
        wanted = read(DashboardRefundAsked, asked.body)
        intent_id = asked.resource_id or wanted.payment_intent or ""
        refund = RefundAsked(intent_id=intent_id, amount=wanted.amount, reason=wanted.reason, metadata={})
        return self._lifecycle.refunding.create(act, refund, None)

    def _dispute(self, act: Act, asked: AdminAsked) -> Resource:
        wanted = read(DisputeAsked, asked.body)
        intent = existing_intent(act, asked.resource_id)
        charge = books.find(act.connection, Charge, intent.latest_charge or "")
        if charge is None:
            raise invalid("This PaymentIntent has no charge.")
        return self._lifecycle.disputing.open(act, charge, wanted.status, wanted.amount)

    def _close_dispute(self, act: Act, asked: AdminAsked) -> Resource:
        wanted = read(CloseAsked, asked.body)
        return self._lifecycle.disputing.close(act, existing_dispute(act, asked.resource_id), wanted.status)

    def _move_refund(self, act: Act, asked: AdminAsked) -> Resource:
        wanted = read(MoveAsked, asked.body)
        return self._lifecycle.refunding.move(act, existing_refund(act, asked.resource_id), wanted.status)

    def _reset(self, asked: AdminAsked) -> Json:  # noqa: ARG002 - as all routes
        self._file.forget_everything()
        return {}

    def _arm(self, asked: AdminAsked) -> Json:
        wanted = read(FaultAsked, asked.body)
        if wanted.rule not in SPOILING:
            raise invalid(f"one of {', '.join(sorted(SPOILING))}", param="rule")
        self._answerer.rules.arm(ArmedRule(target=wanted.method, rule=wanted.rule, remaining=wanted.times))
        return self._faults(asked)

    def _faults(self, asked: AdminAsked) -> Json:  # noqa: ARG002 - as all routes
        rules = self._answerer.rules.armed()
        return {"rules": [{"rule": rule.rule, "method": rule.target, "remaining": rule.remaining} for rule in rules]}

    def _set_chaos(self, asked: AdminAsked) -> Json:
        self._answerer.chaos.set(read(Chaos, asked.body))
        return self._chaos(asked)

    def _chaos(self, asked: AdminAsked) -> Json:  # noqa: ARG002 - as all routes
        return self._answerer.chaos.now().model_dump(mode="json")

    def _deliveries(self, asked: AdminAsked) -> Json:  # noqa: ARG002 - as all routes
        deliveries: list[JsonValue] = [*self._callbacks.everything()]
        return {"deliveries": deliveries}

    def _ledger(self, asked: AdminAsked) -> Json:  # noqa: ARG002 - as all routes
        with self._file.reading() as connection:
            return truth.ledger_of(connection, Showing(connection, livemode=self._livemode))

    def _truth(self, asked: AdminAsked) -> Json:  # noqa: ARG002 - as all routes
        with self._file.reading() as connection:
            return truth.totals(connection)


def json_of(body: bytes) -> JsonValue:
    """Raises: Refused: 400, not JSON. An empty body counts as ``{}``."""
    try:
        parsed: JsonValue = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        raise invalid("the body is not JSON") from None
    return parsed


def read(model: type[Model], parsed: JsonValue) -> Model:
    """Raises: Refused: 400, naming the first field that is wrong."""
    try:
        return model.model_validate(parsed)
    except ValidationError as error:
        first = error.errors()[0]
        raise invalid(first["msg"], param=".".join(map(str, first["loc"]))) from None
