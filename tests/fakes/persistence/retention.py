"""Letting go, in memory."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.persistence.retention import PURGED, RetentionRepository
from tests.fakes.persistence.session import Session
from tests.fakes.persistence.tables import Tables

_HAS_IT: dict[str, tuple[str, Callable[[Any, datetime], bool]]] = {
    "responses": ("idempotency_keys", lambda row, before: row.status is not None and row.created_at < before),
    "outbox": ("outbox", lambda row, before: row.published_at is not None and row.published_at < before),
    # The fake keeps no time of processing; a callback is processed when it comes.
    "webhook_payloads": (
        "webhook_events",
        lambda row, before: row.processed and row.payload != PURGED and row.created_at < before,
    ),
    "payment_answers": ("transactions", lambda row, before: _has_answer(row) and row.updated_at < before),
    "capture_answers": ("captures", lambda row, before: _has_answer(row) and row.updated_at < before),
    "payout_answers": ("payouts", lambda row, before: _has_answer(row) and row.updated_at < before),
    "delivery_responses": (
        "webhook_delivery_attempts",
        lambda row, before: row.response is not None and row.started_at < before,
    ),
    "endpoint_test_cases": ("webhook_endpoint_tests", lambda row, before: row.cases and row.created_at < before),
    "refund_answers": ("refunds", lambda row, before: _has_answer(row) and row.updated_at < before),
}


_INSTEAD: dict[str, dict[str, Any]] = {
    "responses": {"body": None, "status": None},
    "webhook_payloads": {"payload": dict(PURGED)},
    "delivery_responses": {"response": None},
    "endpoint_test_cases": {"cases": ()},
}


class InMemoryRetention(RetentionRepository):
    def __init__(self, session: Session) -> None:
        self._session = session

    def count(self, what: str, before: datetime) -> int:
        return len(_old(self._session.rows, what, before))

    def let_go(self, what: str, before: datetime, limit: int) -> int:
        table, _ = _HAS_IT[what]
        rows: dict[Any, Any] = getattr(self._session.own_rows, table)
        old = _old(self._session.own_rows, what, before)[:limit]
        for key in old:
            if what == "outbox":
                del rows[key]
            else:
                rows[key] = replace(rows[key], **_INSTEAD.get(what, {"provider_response": dict(PURGED)}))
        return len(old)


def _has_answer(row: Any) -> bool:
    return not row.is_unfinished and row.provider_response not in ({}, PURGED)


def _old(tables: Tables, what: str, before: datetime) -> list[Any]:
    table, is_old = _HAS_IT[what]
    return [key for key, row in getattr(tables, table).items() if is_old(row, before)]
