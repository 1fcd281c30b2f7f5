"""Lets go of what need not be kept: a batch at a time, rows that somebody has locked left for the next time.

Ids, types, times and keys stay for ever; only outbox rows are deleted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, select, text, tuple_, update
from sqlalchemy.sql import Delete, Update

from shared.domain import movement_status, transaction_status
from shared.persistence.tables import (
    HAS_ANSWER,
    HAS_PAYLOAD,
    captures,
    idempotency_keys,
    outbox,
    payouts,
    refunds,
    transactions,
    webhook_delivery_attempts,
    webhook_endpoint_tests,
    webhook_events,
)

PURGED: Mapping[str, object] = {"purged": True}


@dataclass(frozen=True, slots=True)
class Kept:
    """What is let go of: those rows of ``table`` that ``has_it`` says still have it, by the age in ``aged_by``.

    ``changes`` are what is written instead; where there are none, the row is deleted.
    """

    table: Table
    aged_by: str
    has_it: ColumnElement[bool]
    changes: Mapping[str, object] | None


KEPT: Mapping[str, Kept] = {
    "responses": Kept(
        idempotency_keys, "created_at", idempotency_keys.c.status.is_not(None), {"status": None, "body": None}
    ),
    "outbox": Kept(outbox, "published_at", outbox.c.published_at.is_not(None), None),
    "webhook_payloads": Kept(webhook_events, "processed_at", and_(text(HAS_PAYLOAD)), {"payload": dict(PURGED)}),
    "payment_answers": Kept(
        transactions,
        "updated_at",
        and_(text(HAS_ANSWER), transactions.c.status.not_in(sorted(transaction_status.UNFINISHED))),
        {"provider_response": dict(PURGED)},
    ),
    "capture_answers": Kept(
        captures,
        "updated_at",
        and_(text(HAS_ANSWER), captures.c.status.not_in(sorted(movement_status.UNFINISHED))),
        {"provider_response": dict(PURGED)},
    ),
    "payout_answers": Kept(
        payouts,
        "updated_at",
        and_(text(HAS_ANSWER), payouts.c.status.not_in(sorted(movement_status.UNFINISHED))),
        {"provider_response": dict(PURGED)},
    ),
    "delivery_responses": Kept(
        webhook_delivery_attempts,
        "started_at",
        webhook_delivery_attempts.c.response.is_not(None),
        {"response": None},
    ),
    "endpoint_test_cases": Kept(
        webhook_endpoint_tests, "created_at", webhook_endpoint_tests.c.cases != text("'[]'::jsonb"), {"cases": []}
    ),
    "refund_answers": Kept(
        refunds,
        "updated_at",
        and_(text(HAS_ANSWER), refunds.c.status.not_in(sorted(movement_status.UNFINISHED))),
        {"provider_response": dict(PURGED)},
    ),
}


class RetentionRepository:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count(self, what: str, before: datetime) -> int:
        """How much of ``what`` (a key of ``KEPT``) is older than ``before``."""
        kept = KEPT[what]
        return self._connection.execute(
            select(func.count()).select_from(kept.table).where(_older(kept, before))
        ).scalar_one()

    def let_go(self, what: str, before: datetime, limit: int) -> int:
        """Let go of up to ``limit`` of them; how many there were."""
        kept = KEPT[what]
        key = tuple_(*kept.table.primary_key.columns)
        old = (
            select(*kept.table.primary_key.columns)
            .where(_older(kept, before))
            .order_by(kept.table.c[kept.aged_by])
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        statement: Update | Delete = (
            delete(kept.table) if kept.changes is None else update(kept.table).values(**kept.changes)
        )
        return self._connection.execute(statement.where(key.in_(old))).rowcount


def _older(kept: Kept, before: datetime) -> ColumnElement[bool]:
    return and_(kept.has_it, kept.table.c[kept.aged_by] < before)
