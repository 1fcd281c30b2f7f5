"""``/_admin``: the truth, for tests: what was really taken, and how the next answers go wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from pydantic import JsonValue

from shared.provider_kit.simulator import CallbackQueue, LedgerFile, Router, SimulatedRequest, SimulatedResponse
from shared.provider_kit.simulator.fault_rules import ArmedRule, FaultAsked
from shared.providers.cpay.simulator import modes, truth
from shared.providers.cpay.simulator.answering import SPOILING, Answerer
from shared.providers.cpay.simulator.api import written
from shared.providers.cpay.simulator.chaos import Chaos
from shared.providers.cpay.simulator.exchange import (
    Json,
    MovementMoveAsked,
    PaymentMoveAsked,
    Reply,
    TillPaymentAsked,
    WebhookSecretsAsked,
    check_money,
    invalid,
    json_of,
    not_found,
    read,
)
from shared.providers.cpay.simulator.lifecycle import Lifecycle
from shared.providers.cpay.simulator.modes import Mode
from shared.providers.cpay.simulator.moving import existing_movement
from shared.providers.cpay.simulator.payments import existing_payment
from shared.providers.cpay.simulator.resources import movement_json, payment_json
from shared.providers.cpay.simulator.scenarios import MovementKind
from shared.providers.cpay.simulator.telling import Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminAsked:
    """A request to the truth API, taken apart."""

    body: JsonValue
    placeholders: Mapping[str, str]
    query: Mapping[str, str]


Act = Callable[[AdminAsked], Json]


class Admin:
    """Answers loopback only; to anybody else it is not there."""

    def __init__(
        self, file: LedgerFile, lifecycle: Lifecycle, callbacks: CallbackQueue, answerer: Answerer, signer: Signer
    ) -> None:
        self._file = file
        self._signer = signer
        self._lifecycle = lifecycle
        self._callbacks = callbacks
        self._answerer = answerer
        self._routes: Router[Act] = Router(
            {
                "POST /_admin/reset": self._reset,
                "POST /_admin/payments/{id}/transition": self._move_payment,
                **{
                    f"POST /_admin/{kind}s/{{id}}/transition": partial(self._move_movement, kind)
                    for kind in MovementKind
                },
                "POST /_admin/till_payments": self._pay_at_till,
                "POST /_admin/chaos": self._set_chaos,
                "GET /_admin/chaos": self._chaos,
                "POST /_admin/webhook_secrets": self._sign_with,
                "POST /_admin/mode": self._set_mode,
                "GET /_admin/mode": self._mode,
                "POST /_admin/faults": self._arm,
                "GET /_admin/faults": self._faults,
                "GET /_admin/deliveries": self._deliveries,
                "GET /_admin/ledger": self._ledger,
                "GET /_admin/truth": self._truth,
            }
        )

    def respond(self, request: SimulatedRequest) -> SimulatedResponse:
        found = self._routes.find(request.method, request.path)
        if found is None or not request.from_loopback:
            raise not_found("path")
        act, placeholders = found
        asked = AdminAsked(body=json_of(request.body), placeholders=placeholders, query=request.query)
        return written(Reply(status=200, body=act(asked)))

    def _reset(self, asked: AdminAsked) -> Json:  # noqa: ARG002 - as all routes
        self._file.forget_everything()
        return {}

    def _sign_with(self, asked: AdminAsked) -> Json:
        self._signer.use(read(WebhookSecretsAsked, asked.body).webhook_secrets)
        return {}

    def _move_payment(self, asked: AdminAsked) -> Json:
        wanted = read(PaymentMoveAsked, asked.body)
        with self._file.transaction() as connection:
            payment = existing_payment(connection, asked.placeholders["id"])
            moved = self._lifecycle.payments.move(connection, payment, wanted.status, wanted.failure_code)
        return payment_json(moved)

    def _move_movement(self, kind: MovementKind, asked: AdminAsked) -> Json:
        wanted = read(MovementMoveAsked, asked.body)
        with self._file.transaction() as connection:
            movement = existing_movement(connection, kind, asked.placeholders["id"])
            moved = self._lifecycle.movements.move(connection, movement, wanted.status, wanted.failure_code)
        return movement_json(moved)

    def _arm(self, asked: AdminAsked) -> Json:
        wanted = read(FaultAsked, asked.body)
        if wanted.rule not in SPOILING:
            raise invalid(f"one of {', '.join(sorted(SPOILING))}", param="rule")
        self._answerer.rules.arm(ArmedRule(target=wanted.method, rule=wanted.rule, remaining=wanted.times))
        return self._faults(asked)

    def _faults(self, asked: AdminAsked) -> Json:  # noqa: ARG002 - as all routes
        rules = self._answerer.rules.armed()
        return {"rules": [{"rule": rule.rule, "method": rule.target, "remaining": rule.remaining} for rule in rules]}

    def _deliveries(self, asked: AdminAsked) -> Json:  # noqa: ARG002 - as all routes
        deliveries: list[JsonValue] = [*self._callbacks.everything()]
        return {"deliveries": deliveries}

    def _ledger(self, asked: AdminAsked) -> Json:
        with self._file.reading() as connection:
            return truth.ledger_of(connection, asked.query.get("merchant_reference"))

    def _truth(self, asked: AdminAsked) -> Json:  # noqa: ARG002 - as all routes
        with self._file.reading() as connection:
            return truth.totals(connection)

    def _set_chaos(self, asked: AdminAsked) -> Json:
        self._answerer.chaos.set(read(Chaos, asked.body))
        return self._chaos(asked)

    def _chaos(self, asked: AdminAsked) -> Json:  # noqa: ARG002 - as all routes
        return self._answerer.chaos.now().model_dump(mode="json")

    def _set_mode(self, asked: AdminAsked) -> Json:
        wanted = read(Mode, asked.body)
        with self._file.transaction() as connection:
            modes.set_mode(connection, wanted)
        return self._mode(asked)

    def _mode(self, asked: AdminAsked) -> Json:  # noqa: ARG002 - as all routes
        with self._file.reading() as connection:
            return modes.mode(connection).model_dump(mode="json")

    def _pay_at_till(self, asked: AdminAsked) -> Json:
        wanted = read(TillPaymentAsked, asked.body)
        check_money(wanted.amount, wanted.currency)
        with self._file.transaction() as connection:
            return payment_json(self._lifecycle.payments.receive(connection, wanted))
