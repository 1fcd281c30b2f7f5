"""CPay's account statement: everything that was started in a time, oldest first, page by page."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.cpay.simulator import ledger, movements
from shared.providers.cpay.simulator.exchange import Json, invalid
from shared.providers.cpay.simulator.resources import movement_json, payment_json

MOST_ENTRIES = 500

ENTRIES = """
SELECT id, is_payment FROM (
    SELECT id, created_at_ms, 1 AS is_payment FROM payments
    UNION ALL SELECT id, created_at_ms, 0 AS is_payment FROM movements)
WHERE created_at_ms >= :since_ms AND created_at_ms < :until_ms AND created_at_ms <= :seen_until_ms
  AND (created_at_ms, id) > (:after_ms, :after_id)
ORDER BY created_at_ms, id LIMIT :limit
"""


def page(connection: sqlite3.Connection, query: Mapping[str, str], seen_until_ms: int) -> Json:
    """Entries are whole resources, told apart by ``object``; ``next`` is the ``after`` of the page that follows.

    Raises:
        Refused: 400, naming the parameter that is wrong.
    """
    limit = limit_in(query)
    after_ms, after_id = place_of(connection, query.get("after"))
    wanted = {
        "since_ms": moment_in(query, "since"),
        "until_ms": moment_in(query, "until"),
        "seen_until_ms": seen_until_ms,
        "after_ms": after_ms,
        "after_id": after_id,
        "limit": limit + 1,
    }
    found = connection.execute(ENTRIES, wanted).fetchall()
    entries: list[JsonValue] = [entry(connection, row) for row in found[:limit]]
    has_more = len(found) > limit
    return {
        "object": "list",
        "data": entries,
        "has_more": has_more,
        "next": found[limit - 1]["id"] if has_more else None,
    }


def entry(connection: sqlite3.Connection, row: sqlite3.Row) -> Json:
    if row["is_payment"]:
        payment = ledger.payment_with_id(connection, row["id"])
        assert payment is not None
        return payment_json(payment)
    movement = movements.with_id(connection, row["id"])
    assert movement is not None
    return movement_json(movement)


def place_of(connection: sqlite3.Connection, after: str | None) -> tuple[int, str]:
    if after is None:
        return -1, ""
    found = ledger.payment_with_id(connection, after) or movements.with_id(connection, after)
    if found is None:
        raise invalid("no entry has this id", param="after")
    return found.created_at_ms, found.id


def moment_in(query: Mapping[str, str], name: str) -> int:
    """In milliseconds."""
    try:
        moment = datetime.fromisoformat(query.get(name, ""))
    except ValueError:
        raise invalid("an RFC 3339 time is needed", param=name) from None
    if moment.tzinfo is None:
        raise invalid("the time needs its offset", param=name)
    return milliseconds(moment)


def limit_in(query: Mapping[str, str]) -> int:
    text = query.get("limit", str(MOST_ENTRIES))
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MOST_ENTRIES):
        raise invalid(f"1 to {MOST_ENTRIES}", param="limit")
    return int(text)
