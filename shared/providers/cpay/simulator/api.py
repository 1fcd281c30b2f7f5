"""``/v1``: authentication, the queries, and how a POST runs from its key to its answer."""

import hmac
from collections.abc import Callable, Mapping

from pydantic import JsonValue

from shared.provider_kit.simulator import (
    CallbackQueue,
    LedgerFile,
    Router,
    SimulatedRequest,
    SimulatedResponse,
)
from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.cpay.simulator import ledger
from shared.providers.cpay.simulator.answering import Answerer, authentication_refused, permission_refused
from shared.providers.cpay.simulator.bookkeeping import DAY_MS, StoredReply
from shared.providers.cpay.simulator.exchange import Json, Reply, invalid, json_of, not_found
from shared.providers.cpay.simulator.lifecycle import existing_payment, existing_refund
from shared.providers.cpay.simulator.operations import Operations, check_key
from shared.providers.cpay.simulator.resources import compact, payment_json, refund_json
from shared.runtime.clock import Clock

EVENTS_KEPT_MS = 30 * DAY_MS
EVENTS_PAGE = 100

Ask = Callable[[Mapping[str, str], Mapping[str, str]], Json]


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
        self._file = file
        self._clock = clock
        self._operations = operations
        self._answerer = answerer
        self._callbacks = callbacks
        self._queries: Router[Ask] = Router(
            {
                "GET /v1/payments": self._payments,
                "GET /v1/payments/{id}": self._payment,
                "GET /v1/payments/{id}/refunds": self._refunds,
                "GET /v1/refunds/{id}": self._refund,
                "GET /v1/events": self._events,
            }
        )

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
        found = self._queries.find(request.method, request.path)
        if found is None:
            raise not_found("path")
        ask, placeholders = found
        return written(Reply(status=200, body=ask(placeholders, request.query)))

    def _post(self, request: SimulatedRequest, request_id: str) -> SimulatedResponse:
        key = request.headers.get("idempotency-key", "")
        check_key(key)
        operation = self._operations.understand(request.path, request.body)
        with self._operations.only_one(key):
            first = self._operations.first_answer(key, operation)
            if first is not None:
                return response_of(first, {"Idempotent-Replayed": "true"})
            answering = self._answerer.wanted(operation.scenario, key)
            instead = self._answerer.instead(answering)
            if instead is not None:
                return instead
            stored, early = self._operations.execute(key, operation, request_id)
            self._callbacks.send_now(early)
        return self._answerer.spoilt(answering, response_of(stored))

    def _payments(self, placeholders: Mapping[str, str], query: Mapping[str, str]) -> Json:  # noqa: ARG002 - as all routes
        if not query.get("merchant_reference"):
            raise invalid("a merchant_reference is needed", param="merchant_reference")
        with self._file.reading() as connection:
            payment = ledger.payment_with_reference(connection, query["merchant_reference"])
        return listed([payment_json(payment)] if payment else [])

    def _payment(self, placeholders: Mapping[str, str], query: Mapping[str, str]) -> Json:  # noqa: ARG002 - as all routes
        with self._file.reading() as connection:
            return payment_json(existing_payment(connection, placeholders["id"]))

    def _refunds(self, placeholders: Mapping[str, str], query: Mapping[str, str]) -> Json:  # noqa: ARG002 - as all routes
        with self._file.reading() as connection:
            payment = existing_payment(connection, placeholders["id"])
            return listed([refund_json(refund) for refund in ledger.refunds_of_payment(connection, payment.id)])

    def _refund(self, placeholders: Mapping[str, str], query: Mapping[str, str]) -> Json:  # noqa: ARG002 - as all routes
        with self._file.reading() as connection:
            return refund_json(existing_refund(connection, placeholders["id"]))

    def _events(self, placeholders: Mapping[str, str], query: Mapping[str, str]) -> Json:  # noqa: ARG002 - as all routes
        since_ms = milliseconds(self._clock.now()) - EVENTS_KEPT_MS
        with self._file.reading() as connection:
            found = ledger.events_after(connection, query.get("after"), since_ms, EVENTS_PAGE + 1)
        page: list[JsonValue] = [{"id": event_id, "event": json_of(body)} for event_id, body in found[:EVENTS_PAGE]]
        return {"object": "list", "data": page, "has_more": len(found) > EVENTS_PAGE}


def listed(resources: list[Json]) -> Json:
    data: list[JsonValue] = [*resources]
    return {"object": "list", "data": data, "has_more": False}


def response_of(stored: StoredReply, headers: Mapping[str, str] | None = None) -> SimulatedResponse:
    return SimulatedResponse(
        status=stored.status, headers={"Content-Type": "application/json", **(headers or {})}, body=stored.body
    )


def written(reply: Reply) -> SimulatedResponse:
    headers = {"Content-Type": "application/json", **reply.headers}
    return SimulatedResponse(status=reply.status, headers=headers, body=compact(reply.body))
