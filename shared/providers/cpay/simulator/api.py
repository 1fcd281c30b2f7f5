"""``/v1``: authentication, and how a request runs from its question or key to its answer."""

import hmac
from collections.abc import Mapping

from shared.provider_kit.simulator import CallbackQueue, LedgerFile, SimulatedRequest, SimulatedResponse
from shared.providers.cpay.simulator.answering import Answerer, authentication_refused, permission_refused
from shared.providers.cpay.simulator.bookkeeping import StoredReply
from shared.providers.cpay.simulator.exchange import Reply
from shared.providers.cpay.simulator.operations import Operation, Operations, check_key
from shared.providers.cpay.simulator.queries import Queries
from shared.providers.cpay.simulator.resources import compact
from shared.providers.cpay.simulator.scenarios import Answering, Scenario
from shared.runtime.clock import Clock


class Api:
    """What merchants see; ``respond`` raises ``Refused`` for every ordinary error."""

    def __init__(
        self,
        *,
        api_key: str,
        file: LedgerFile,
        clock: Clock,
        operations: Operations,
        answerer: Answerer,
        callbacks: CallbackQueue,
    ) -> None:
        self._api_key = api_key
        self._operations = operations
        self._answerer = answerer
        self._callbacks = callbacks
        self._queries = Queries(file, clock)

    def respond(self, request: SimulatedRequest, request_id: str) -> SimulatedResponse:
        self._authenticate(request.headers.get("authorization", ""))
        armed = self._answerer.armed(request.method)
        instead = self._answerer.instead(armed)
        if instead is not None:
            return instead
        if request.method == "POST":
            return self._answerer.spoilt(armed, self._post(request, request_id))
        return self._answerer.spoilt(armed, self._get(request))

    def _authenticate(self, authorization: str) -> None:
        scheme, _, key = authorization.partition(" ")
        if scheme == "Bearer" and key.startswith("cpk_live_"):
            raise permission_refused()
        if scheme != "Bearer" or not hmac.compare_digest(key.encode(), self._api_key.encode()):
            raise authentication_refused()

    def _get(self, request: SimulatedRequest) -> SimulatedResponse:
        question, answer = self._queries.understand(request)
        answering = self._answerer.drawn(question)
        instead = self._answerer.instead(answering)
        if instead is not None:
            return instead
        return self._answerer.spoilt(answering, written(Reply(status=200, body=answer())))

    def _post(self, request: SimulatedRequest, request_id: str) -> SimulatedResponse:
        key = request.headers.get("idempotency-key", "")
        check_key(key)
        operation = self._operations.understand(request.path, request.body)
        with self._operations.only_one(key):
            first = self._operations.first_answer(key, operation)
            scenario = self._answerer.played(operation)
            answering = self._answering(operation, scenario, key, is_repeated=first is not None)
            instead = self._answerer.instead(answering)
            if instead is not None:
                return instead
            if first is not None:
                response = response_of(first, {"Idempotent-Replayed": "true"})
            else:
                response = self._executed(operation, scenario, key, request_id)
        return self._answerer.spoilt(answering, response)

    def _answering(self, operation: Operation, scenario: Scenario, key: str, *, is_repeated: bool) -> Answering:
        """A chosen scenario spoils what is executed; chaos spoils repetitions too."""
        if is_repeated and operation.wanted.is_chosen:
            return Answering.PROPERLY
        return self._answerer.wanted(scenario, key)

    def _executed(self, operation: Operation, scenario: Scenario, key: str, request_id: str) -> SimulatedResponse:
        stored, early = self._operations.execute(key, operation, scenario, request_id)
        self._callbacks.send_now(early)
        return response_of(stored)


def response_of(stored: StoredReply, headers: Mapping[str, str] | None = None) -> SimulatedResponse:
    return SimulatedResponse(
        status=stored.status, headers={"Content-Type": "application/json", **(headers or {})}, body=stored.body
    )


def written(reply: Reply) -> SimulatedResponse:
    headers = {"Content-Type": "application/json", **reply.headers}
    return SimulatedResponse(status=reply.status, headers=headers, body=compact(reply.body))
