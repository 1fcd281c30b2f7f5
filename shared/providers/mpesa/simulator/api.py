"""Daraja's addresses: which product each belongs to, and how a request runs from the gate to its answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from shared.provider_kit.simulator import CallbackQueue, LedgerFile, SimulatedRequest, SimulatedResponse
from shared.providers.mpesa.simulator import bookkeeping
from shared.providers.mpesa.simulator.answering import Answerer, targets_of
from shared.providers.mpesa.simulator.asked import B2C_FIELDS, B2C_V3_FIELDS, Asked, body_of
from shared.providers.mpesa.simulator.commands import Commands
from shared.providers.mpesa.simulator.gate import Gate
from shared.providers.mpesa.simulator.operations import Operation
from shared.providers.mpesa.simulator.pulls import Pulls
from shared.providers.mpesa.simulator.pushes import Pushes
from shared.providers.mpesa.simulator.scenarios import Answering, Api, Scenario
from shared.providers.mpesa.simulator.speaking import Refused, written
from shared.providers.mpesa.simulator.tills import Tills

Understand = Callable[[Asked], Operation]

OAUTH_PATH = "/oauth/v1/generate"
MOVING = frozenset({Api.STK, Api.B2C, Api.REVERSAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Products:
    """Who understands the requests to each product."""

    pushes: Pushes
    commands: Commands
    tills: Tills
    pulls: Pulls

    def routes(self) -> Mapping[str, tuple[Api, Understand]]:
        """By path; all of them are POSTs."""
        return {
            "/mpesa/stkpush/v1/processrequest": (Api.STK, self.pushes.understand_push),
            "/mpesa/stkpushquery/v1/query": (Api.QUERY, self.pushes.understand_query),
            "/mpesa/c2b/v1/registerurl": (Api.C2B, partial(self.tills.understand_register, 1)),
            "/mpesa/c2b/v2/registerurl": (Api.C2B, partial(self.tills.understand_register, 2)),
            "/mpesa/c2b/v1/simulate": (Api.C2B, self.tills.understand_simulate),
            "/mpesa/c2b/v2/simulate": (Api.C2B, self.tills.understand_simulate),
            "/mpesa/b2c/v1/paymentrequest": (Api.B2C, partial(self.commands.understand_b2c, B2C_FIELDS)),
            "/mpesa/b2c/v3/paymentrequest": (Api.B2C, partial(self.commands.understand_b2c, B2C_V3_FIELDS)),
            "/mpesa/reversal/v1/request": (Api.REVERSAL, self.commands.understand_reversal),
            "/mpesa/transactionstatus/v1/query": (Api.STATUS, self.commands.understand_status),
            "/mpesa/accountbalance/v1/query": (Api.BALANCE, self.commands.understand_balance),
            "/pulltransactions/v1/register": (Api.PULL, self.pulls.understand_register),
            "/pulltransactions/v1/query": (Api.PULL, self.pulls.understand_query),
        }


class DarajaApi:
    """What organisations see; ``respond`` raises ``Refused`` for every ordinary error."""

    def __init__(
        self, *, file: LedgerFile, gate: Gate, products: Products, answerer: Answerer, callbacks: CallbackQueue
    ) -> None:
        self._file = file
        self._gate = gate
        self._routes = products.routes()
        self._answerer = answerer
        self._callbacks = callbacks

    def respond(self, request: SimulatedRequest) -> SimulatedResponse:
        api = self._api_of(request)
        armed = self._answerer.armed(*targets_of(api))
        instead = self._instead(armed, api, request)
        if instead is not None:
            return instead
        if api is Api.OAUTH:
            return self._answerer.spoilt(armed, written(self._gate.new_token(request)))
        return self._answerer.spoilt(armed, self._answered(api, request))

    def _api_of(self, request: SimulatedRequest) -> Api:
        is_oauth = request.path == OAUTH_PATH
        if not is_oauth and request.path not in self._routes:
            raise Refused(404, "404.001.01", "Resource not found")
        if request.method != ("GET" if is_oauth else "POST"):
            raise Refused(405, "405.001", "Method Not Allowed")
        return Api.OAUTH if is_oauth else self._routes[request.path][0]

    def _instead(self, answering: Answering, api: Api, request: SimulatedRequest) -> SimulatedResponse | None:
        if answering is Answering.TOKEN_REFUSED and api is not Api.OAUTH:
            return self._gate.refuse_live_token(api, request).to_response()
        return self._answerer.instead(answering)

    def _answered(self, api: Api, request: SimulatedRequest) -> SimulatedResponse:
        self._gate.check(api, request)
        operation = self._routes[request.path][1](body_of(request))
        if api in MOVING:
            with self._file.transaction() as connection:
                bookkeeping.note_asked(connection, operation.asking)
        scenario = self._answerer.played(operation)
        answering = self._answerer.wanted(scenario, operation.question)
        instead = self._instead(answering, api, request)
        if instead is not None:
            return instead
        return self._answerer.spoilt(answering, self._executed(operation, scenario))

    def _executed(self, operation: Operation, scenario: Scenario) -> SimulatedResponse:
        """The work, on disk before it is answered."""
        with self._file.transaction() as connection:
            answer = operation.work(connection, scenario)
            if operation.asking.api in MOVING:
                bookkeeping.note_executed(connection, operation.asking)
        self._callbacks.send_now(answer.early)
        return written(answer)
