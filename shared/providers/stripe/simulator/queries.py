"""The GETs of ``/v1``: single resources, lists with their cursors, search, balance and events."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from pydantic import JsonValue

from shared.provider_kit.simulator import LedgerFile, Router, SimulatedRequest
from shared.providers.stripe.simulator import books
from shared.providers.stripe.simulator.exchange import Json, invalid, no_such, unrecognized
from shared.providers.stripe.simulator.form import nested
from shared.providers.stripe.simulator.lifecycle import Lifecycle
from shared.providers.stripe.simulator.params import Params
from shared.providers.stripe.simulator.rows import Charge, Dispute, Intent, Method, Refund, Resource, Transaction
from shared.providers.stripe.simulator.searching import Search, read_search
from shared.providers.stripe.simulator.settings import StripeSimulatorSettings
from shared.providers.stripe.simulator.showing import Showing

MOST_IN_A_PAGE = 100
USUAL_PAGE = 10
EVENTS_KEPT_SECONDS = 30 * 86_400
PAGING = frozenset({"limit", "starting_after", "ending_before", "created", "expand"})
SINCES: Mapping[str, str] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

WAITING_DELIVERY = "EXISTS (SELECT 1 FROM deliveries WHERE event_id = events.id AND state != 'delivered')"
ANY_DELIVERY = "EXISTS (SELECT 1 FROM deliveries WHERE event_id = events.id)"
DELIVERED = f"({ANY_DELIVERY} AND NOT {WAITING_DELIVERY})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list: where it is, what it holds, and which parameters filter by which column."""

    url: str
    kind: type[Resource]
    filters: Mapping[str, str] = field(default_factory=dict)


LISTINGS: Mapping[str, Listing] = {
    "payment_intents": Listing(url="payment_intents", kind=Intent),
    "charges": Listing(url="charges", kind=Charge, filters={"payment_intent": "intent_id"}),
    "refunds": Listing(url="refunds", kind=Refund, filters={"payment_intent": "intent_id", "charge": "charge_id"}),
    "disputes": Listing(url="disputes", kind=Dispute, filters={"payment_intent": "intent_id", "charge": "charge_id"}),
    "balance_transactions": Listing(
        url="balance_transactions",
        kind=Transaction,
        filters={"type": "status", "source": "charge_id", "currency": "currency"},
    ),
}
OWNERS: Mapping[str, type[Resource]] = {"payment_intent": Intent, "charge": Charge}
SINGLES: Mapping[str, tuple[type[Resource], str]] = {
    "payment_intents": (Intent, "payment_intent"),
    "charges": (Charge, "charge"),
    "refunds": (Refund, "refund"),
    "disputes": (Dispute, "dispute"),
    "balance_transactions": (Transaction, "balance transaction"),
    "balance/history": (Transaction, "balance transaction"),
    "payment_methods": (Method, "PaymentMethod"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A GET, understood."""

    connection: sqlite3.Connection
    resource_id: str
    params: Params
    now: int
    showing: Showing


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A part of a WHERE: a constant of ours, and the values for its question marks."""

    sql: str
    values: tuple[object, ...] = ()


Answer = Callable[[Question], Json]


class Queries:
    def __init__(self, file: LedgerFile, settings: StripeSimulatorSettings, lifecycle: Lifecycle) -> None:
        self._file = file
        self._settings = settings
        self._lifecycle = lifecycle
        routes: Mapping[str, Answer] = {
            "GET /v1/payment_intents/search": self._search,
            "GET /v1/balance": self._balance,
            **{f"GET /v1/{name}": partial(page_of, listing) for name, listing in LISTINGS.items()},
            **{f"GET /v1/{name}/{{id}}": partial(single, *kind) for name, kind in SINGLES.items()},
            "GET /v1/events": events,
            "GET /v1/events/{id}": event,
        }
        self._routes = Router({route: (route, answer) for route, answer in routes.items()})

    def understand(self, request: SimulatedRequest) -> tuple[str, Callable[[], Json]]:
        """What is asked, in words that are the same in every run with the same references; and how to answer it.

        Raises:
            Refused: 404, no such path.
        """
        found = self._routes.find(request.method, request.path)
        if found is None:
            raise unrecognized(request.method, request.path)
        (route, answer), placeholders = found
        resource_id = placeholders.get("id", "")
        params = Params(nested(request.query.items()))
        subject = self._reference_of(resource_id) or request.query.get("query", "")
        return f"{route} {subject}", lambda: self._answered(answer, resource_id, params)

    def _reference_of(self, resource_id: str) -> str:
        with self._file.reading() as connection:
            intent = books.find(connection, Intent, resource_id)
        return intent.metadata.get("gateway_payment_id", "") if intent else ""

    def _answered(self, answer: Answer, resource_id: str, params: Params) -> Json:
        with self._file.reading() as connection:
            showing = Showing(connection, livemode=self._settings.livemode)
            question = Question(
                connection=connection,
                resource_id=resource_id,
                params=params,
                now=self._lifecycle.now_ms() // 1000,
                showing=showing,
            )
            return showing.expanded(answer(question), params.texts("expand"))

    def _search(self, question: Question) -> Json:
        question.params.check_known({"query", "limit", "page", "expand"})
        search = read_search(question.params.required("query"))
        limit = limit_of(question.params)
        skipped = page_number(question.params.text("page"))
        seen_until = (self._lifecycle.now_ms() - self._settings.search_lag_ms) // 1000
        found = [shown for shown in candidates(question, search, seen_until) if search.holds(shown)]
        data: list[JsonValue] = [*found[skipped : skipped + limit]]
        has_more = len(found) > skipped + limit
        return {
            "object": "search_result",
            "data": data,
            "has_more": has_more,
            "next_page": f"page_{skipped + limit}" if has_more else None,
            "url": "/v1/payment_intents/search",
        }

    def _balance(self, question: Question) -> Json:
        query = """SELECT currency, sum(moved) FILTER (WHERE created <= ?) AS available,
                   sum(moved) FILTER (WHERE created > ?) AS pending
                   FROM resources WHERE kind = 'balance_transaction' GROUP BY currency ORDER BY currency"""
        ripe = question.now - 2 * 86_400
        rows = question.connection.execute(query, (ripe, ripe)).fetchall()
        return {
            "object": "balance",
            "available": [balance_json(row, "available") for row in rows],
            "livemode": self._settings.livemode,
            "pending": [balance_json(row, "pending") for row in rows],
        }


def balance_json(row: sqlite3.Row, name: str) -> Json:
    amount = row[name] or 0
    return {"amount": amount, "currency": row["currency"], "source_types": {"card": amount}}


def single(kind: type[Resource], what: str, question: Question) -> Json:
    question.params.check_known({"expand", "client_secret"})
    found = books.find(question.connection, kind, question.resource_id)
    if found is None:
        raise no_such(what, question.resource_id)
    return question.showing.show(found)


def page_of(listing: Listing, question: Question) -> Json:
    question.params.check_known(PAGING | listing.filters.keys() | {"payout"})
    conditions = [*created_within(question.params)]
    for name, column in listing.filters.items():
        value = question.params.text(name)
        if value is not None:
            check_there_is(question, name, value)
            conditions.append(Condition(sql=f"{column} = ?", values=(value,)))
    page = Page(question.params, lambda cursor: books.number_of(question.connection, listing.kind.kind, cursor))
    rows = books.select(
        question.connection,
        listing.kind,
        [condition.sql for condition in [*conditions, *page.conditions()]],
        [value for condition in [*conditions, *page.conditions()] for value in condition.values],
        page.tail(),
    )
    return page.shown([question.showing.show(row) for row in rows], f"/v1/{listing.url}")


def check_there_is(question: Question, name: str, value: str) -> None:
    """Raises: Refused: 400, a list is wanted of what belongs to nothing."""
    kind = OWNERS.get(name)
    if kind is not None and books.find(question.connection, kind, value) is None:
        raise no_such(name, value, param=name)


def events(question: Question) -> Json:
    question.params.check_known(PAGING | {"type", "types", "delivery_success"})
    page = Page(question.params, lambda cursor: event_number(question, cursor))
    conditions = [*event_filters(question), *created_within(question.params), *page.conditions()]
    where = " AND ".join(condition.sql for condition in conditions)
    values = [value for condition in conditions for value in condition.values]
    query = f"SELECT *, {WAITING_DELIVERY} AS is_waiting FROM events WHERE {where} {page.tail()}"  # noqa: S608 - constants
    rows = question.connection.execute(query, values)
    return page.shown([event_json(row) for row in rows], "/v1/events")


def event_filters(question: Question) -> Iterable[Condition]:
    params = question.params
    yield Condition(sql="created >= ?", values=(question.now - EVENTS_KEPT_SECONDS,))
    types = params.texts("types") or ((params.required("type"),) if "type" in params.tree else ())
    if types:
        matches = " OR ".join("type GLOB ?" for _ in types)  # a type may end with .*
        yield Condition(sql=f"({matches})", values=tuple(each.replace("[", "") for each in types))
    success = params.boolean("delivery_success")
    if success is not None:
        yield Condition(sql=DELIVERED if success else f"NOT {DELIVERED}")


def event(question: Question) -> Json:
    query = f"SELECT *, {WAITING_DELIVERY} AS is_waiting FROM events WHERE id = ? AND created >= ?"  # noqa: S608 - constants
    kept_since = question.now - EVENTS_KEPT_SECONDS
    row = question.connection.execute(query, (question.resource_id, kept_since)).fetchone()
    if row is None:
        raise no_such("event", question.resource_id)
    return event_json(row)


def event_json(row: sqlite3.Row) -> Json:
    told: Json = json.loads(row["body"])
    return {**told, "pending_webhooks": 1 if row["is_waiting"] else 0}


def event_number(question: Question, event_id: str) -> int | None:
    row = question.connection.execute("SELECT number FROM events WHERE id = ?", (event_id,)).fetchone()
    return None if row is None else int(row["number"])


class Page:
    """A page of a list, latest first: after a cursor, or, ``ending_before``, just before it."""

    def __init__(self, params: Params, number_of: Callable[[str], int | None]) -> None:
        self._limit = limit_of(params)
        after, before = params.text("starting_after"), params.text("ending_before")
        if after is not None and before is not None:
            raise invalid("You may only specify one of these parameters: starting_after, ending_before.")
        self._is_backward = before is not None
        self._number = self._place(after or before, number_of)

    def _place(self, cursor: str | None, number_of: Callable[[str], int | None]) -> int | None:
        if cursor is None:
            return None
        number = number_of(cursor)
        if number is None:
            param = "ending_before" if self._is_backward else "starting_after"
            raise no_such("object", cursor, param=param)
        return number

    def conditions(self) -> list[Condition]:
        if self._number is None:
            return []
        return [Condition(sql="number > ?" if self._is_backward else "number < ?", values=(self._number,))]

    def tail(self) -> str:
        """One more than is shown, to know whether there is more."""
        return f"ORDER BY number {'ASC' if self._is_backward else 'DESC'} LIMIT {self._limit + 1}"

    def shown(self, found: list[Json], url: str) -> Json:
        page = found[: self._limit]
        data: list[JsonValue] = [*(reversed(page) if self._is_backward else page)]
        return {"object": "list", "data": data, "has_more": len(found) > self._limit, "url": url}


def created_within(params: Params) -> Iterable[Condition]:
    """``created=…`` or ``created[gte]=…``."""
    if isinstance(params.tree.get("created"), str):
        yield Condition(sql="created = ?", values=(params.integer("created"),))
        return
    limits = params.below("created")
    limits.check_known(SINCES)
    for name, sign in SINCES.items():
        limit = limits.integer(name)
        if limit is not None:
            yield Condition(sql=f"created {sign} ?", values=(limit,))


def limit_of(params: Params) -> int:
    limit = params.integer("limit")
    if limit is None:
        return USUAL_PAGE
    if limit < 1:
        raise invalid("This value must be greater than or equal to 1.", "parameter_invalid_integer", "limit")
    if limit > MOST_IN_A_PAGE:
        raise invalid("This value must be less than or equal to 100.", "parameter_invalid_integer", "limit")
    return limit


def page_number(page: str | None) -> int:
    if page is None:
        return 0
    number = page.removeprefix("page_")
    if not (number.isascii() and number.isdigit() and len(number) < 9):
        raise invalid("Invalid page.", param="page")
    return int(number)


def candidates(question: Question, search: Search, seen_until: int) -> Iterable[Json]:
    """What may be found, latest first: by the index of metadata, if the search allows."""
    label = search.label()
    conditions = ["created <= ?"]
    parameters: list[object] = [seen_until]
    if label is not None:
        conditions.append("id IN (SELECT resource_id FROM labels WHERE kind = ? AND name = ? AND value = ?)")
        parameters.extend([Intent.kind, *label])
    rows = books.select(question.connection, Intent, conditions, parameters, "ORDER BY number DESC")
    return (question.showing.show(row) for row in rows)
