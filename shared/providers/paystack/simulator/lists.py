"""Paystack's lists: the newest first, page by page, between two moments."""

import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from pydantic import JsonValue

from shared.provider_kit.simulator import SimulatedResponse
from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.paystack.simulator import books
from shared.providers.paystack.simulator.exchange import Json, invalid, written
from shared.providers.paystack.simulator.resources import refund_json, transaction_json

LAST_MS = 1 << 53
MOST_A_PAGE = 100
USUAL_A_PAGE = 50

Written = Callable[[sqlite3.Connection, sqlite3.Row], Json]


def transactions(connection: sqlite3.Connection, query: Mapping[str, str]) -> SimulatedResponse:
    return _page(connection, "transactions", "", query, lambda _, row: transaction_json(books.transaction_of(row)))


def refunds(connection: sqlite3.Connection, query: Mapping[str, str]) -> SimulatedResponse:
    """``reference`` narrows it to the refunds of one payment."""
    narrowed = "AND transaction_id = (SELECT id FROM transactions WHERE reference = :reference)"
    return _page(connection, "refunds", narrowed if "reference" in query else "", query, _refund)


def _refund(connection: sqlite3.Connection, row: sqlite3.Row) -> Json:
    payment = books.transaction_where(connection, "id", row["transaction_id"])
    assert payment is not None
    return refund_json(books.refund_of(row), payment)


def _page(
    connection: sqlite3.Connection, table: str, narrowed: str, query: Mapping[str, str], write: Written
) -> SimulatedResponse:
    page, size = _number(query, "page", 1, LAST_MS), _number(query, "perPage", USUAL_A_PAGE, MOST_A_PAGE)
    named = {
        "since": _moment_ms(query, "from", 0),
        "until": _moment_ms(query, "to", LAST_MS),
        "reference": query.get("reference"),
        "size": size,
        "skipped": (page - 1) * size,
    }
    found = f"FROM {table} WHERE created_at_ms BETWEEN :since AND :until {narrowed}"
    total = int(connection.execute(f"SELECT count(*) AS total {found}", named).fetchone()["total"])
    newest_first = f"SELECT * {found} ORDER BY created_at_ms DESC, id DESC LIMIT :size OFFSET :skipped"
    rows = connection.execute(newest_first, named).fetchall()
    data: list[JsonValue] = [write(connection, row) for row in rows]
    meta: Json = {
        "total": total,
        "skipped": named["skipped"],
        "perPage": size,
        "page": page,
        "pageCount": -(-total // size),
    }
    return written(data, f"{table.capitalize()} retrieved", meta=meta)


def _number(query: Mapping[str, str], name: str, usual: int, most: int) -> int:
    given = query.get(name, str(usual))
    if not (given.isascii() and given.isdigit() and 0 < int(given) <= most):
        raise invalid(f"{name} is not a number of pages or entries")
    return int(given)


def _moment_ms(query: Mapping[str, str], name: str, otherwise: int) -> int:
    if name not in query:
        return otherwise
    try:
        moment = datetime.fromisoformat(query[name])
    except ValueError:
        raise invalid(f"{name} is not a date") from None
    return milliseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
