"""The GETs of ``/v1``: what CPay shows, and, where its books are slow, what it does not show yet."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from pydantic import JsonValue

from shared.provider_kit.simulator import LedgerFile, Router, SimulatedRequest
from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.cpay.simulator import ledger, modes, movements, statement
from shared.providers.cpay.simulator.bookkeeping import DAY_MS
from shared.providers.cpay.simulator.exchange import Json, invalid, json_of, not_found
from shared.providers.cpay.simulator.ledger import PaymentRow
from shared.providers.cpay.simulator.movements import MovementRow
from shared.providers.cpay.simulator.moving import existing_movement
from shared.providers.cpay.simulator.payments import existing_payment
from shared.providers.cpay.simulator.resources import movement_json, payment_json
from shared.providers.cpay.simulator.scenarios import MovementKind
from shared.runtime.clock import Clock

EVENTS_KEPT_MS = 30 * DAY_MS
EVENTS_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A GET, understood. What was made after ``seen_until_ms`` is not seen yet."""

    connection: sqlite3.Connection
    resource_id: str
    query: Mapping[str, str]
    now_ms: int
    seen_until_ms: int

    def is_seen(self, row: PaymentRow | MovementRow) -> bool:
        return row.created_at_ms <= self.seen_until_ms


Answer = Callable[[Question], Json]


class Queries:
    def __init__(self, file: LedgerFile, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        routes: Mapping[str, Answer] = {
            "GET /v1/payments": payments_by_reference,
            "GET /v1/payments/{id}": payment,
            "GET /v1/payments/{id}/captures": partial(of_payment, MovementKind.CAPTURE),
            "GET /v1/payments/{id}/refunds": partial(of_payment, MovementKind.REFUND),
            "GET /v1/captures/{id}": partial(movement, MovementKind.CAPTURE),
            "GET /v1/refunds/{id}": partial(movement, MovementKind.REFUND),
            "GET /v1/payouts": payouts_by_reference,
            "GET /v1/payouts/{id}": partial(movement, MovementKind.PAYOUT),
            "GET /v1/statement": statement_page,
            "GET /v1/events": events,
        }
        self._routes = Router({route: (route, answer) for route, answer in routes.items()})

    def understand(self, request: SimulatedRequest) -> tuple[str, Callable[[], Json]]:
        """What is asked, in words that are the same in every run with the same references; and how to answer it.

        Raises:
            Refused: 404, no such path.
        """
        found = self._routes.find(request.method, request.path)
        if found is None:
            raise not_found("path")
        (route, answer), placeholders = found
        resource_id = placeholders.get("id", "")
        with self._file.reading() as connection:
            subject = reference_of(connection, resource_id) or request.query.get("merchant_reference", "")
        return f"{route} {subject}", lambda: self._answered(answer, resource_id, request.query)

    def _answered(self, answer: Answer, resource_id: str, query: Mapping[str, str]) -> Json:
        now_ms = milliseconds(self._clock.now())
        with self._file.reading() as connection:
            seen_until_ms = now_ms - modes.mode(connection).query_lag_ms
            return answer(
                Question(
                    connection=connection,
                    resource_id=resource_id,
                    query=query,
                    now_ms=now_ms,
                    seen_until_ms=seen_until_ms,
                )
            )


def payments_by_reference(question: Question) -> Json:
    found = ledger.payments_with_reference(question.connection, wanted_reference(question))
    return listed([payment_json(row) for row in found if question.is_seen(row)])


def payment(question: Question) -> Json:
    return payment_json(seen_payment(question))


def of_payment(kind: MovementKind, question: Question) -> Json:
    found = movements.of_payment(question.connection, kind, seen_payment(question).id)
    return listed([movement_json(row) for row in found if question.is_seen(row)])


def movement(kind: MovementKind, question: Question) -> Json:
    found = existing_movement(question.connection, kind, question.resource_id)
    if not question.is_seen(found):
        raise not_found(str(kind))
    return movement_json(found)


def payouts_by_reference(question: Question) -> Json:
    found = movements.with_reference(question.connection, MovementKind.PAYOUT, wanted_reference(question))
    return listed([movement_json(row) for row in found if question.is_seen(row)])


def statement_page(question: Question) -> Json:
    return statement.page(question.connection, question.query, question.seen_until_ms)


def events(question: Question) -> Json:
    since_ms = question.now_ms - EVENTS_KEPT_MS
    found = ledger.events_after(question.connection, question.query.get("after"), since_ms, EVENTS_PAGE + 1)
    page: list[JsonValue] = [{"id": event_id, "event": json_of(body)} for event_id, body in found[:EVENTS_PAGE]]
    return {"object": "list", "data": page, "has_more": len(found) > EVENTS_PAGE}


def seen_payment(question: Question) -> PaymentRow:
    found = existing_payment(question.connection, question.resource_id)
    if not question.is_seen(found):
        raise not_found("payment")
    return found


def wanted_reference(question: Question) -> str:
    reference = question.query.get("merchant_reference")
    if not reference:
        raise invalid("a merchant_reference is needed", param="merchant_reference")
    return reference


def reference_of(connection: sqlite3.Connection, resource_id: str) -> str:
    """The merchant's reference of what has this id of ours; the id, if it has none."""
    found = ledger.payment_with_id(connection, resource_id) or movements.with_id(connection, resource_id)
    return (found.merchant_reference if found else None) or resource_id


def listed(resources: list[Json]) -> Json:
    data: list[JsonValue] = [*resources]
    return {"object": "list", "data": data, "has_more": False}
