"""Due times in memory."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from shared.domain.capture import Capture
from shared.domain.payout import Payout
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.persistence.due_times import DueTimes
from tests.fakes.persistence.session import Session

RowT = TypeVar("RowT", Transaction, Capture, Refund, Payout)

SUBJECTS = {"payments": "transactions", "captures": "captures", "refunds": "refunds", "payouts": "payouts"}


class InMemoryDueTimes(DueTimes):
    def __init__(self, session: Session) -> None:
        self._session = session

    def bring_forward(self, now: datetime, until: datetime) -> Mapping[str, int]:
        tables = self._session.own_rows
        moved = {what: _brought(getattr(tables, name), now, until) for what, name in SUBJECTS.items()}
        deliveries = tables.webhook_deliveries
        late = [key for key, row in deliveries.items() if row.next_try_at and now < row.next_try_at <= until]
        deliveries.update({key: replace(deliveries[key], next_try_at=now) for key in late})
        endpoints = tables.webhook_endpoints
        resting = [key for key, row in endpoints.items() if row.rests_until and now < row.rests_until <= until]
        endpoints.update({key: replace(endpoints[key], rests_until=now) for key in resting})
        rows = tables.outbox
        waiting = [key for key, row in rows.items() if row.published_at is None and now < row.available_at <= until]
        rows.update({key: replace(rows[key], available_at=now) for key in waiting})
        return {**moved, "webhooks": len(late), "endpoints": len(resting), "outbox": len(waiting)}


def _brought(rows: dict[UUID, RowT], now: datetime, until: datetime) -> int:
    due = [key for key, row in rows.items() if row.next_check_at is not None and now < row.next_check_at <= until]
    rows.update({key: replace(rows[key], next_check_at=now) for key in due})
    return len(due)
