"""Brings forward what waits for its time: for a sandbox in which nobody wants to wait."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Column, Connection, Table, update

from shared.persistence.tables import (
    captures,
    outbox,
    payouts,
    refunds,
    transactions,
    webhook_deliveries,
    webhook_endpoints,
)

# What waits, by the name that an operator knows it by: the column says when it is due.
WAITING: Mapping[str, tuple[Table, str]] = {
    "payments": (transactions, "next_check_at"),
    "captures": (captures, "next_check_at"),
    "refunds": (refunds, "next_check_at"),
    "payouts": (payouts, "next_check_at"),
    "webhooks": (webhook_deliveries, "next_try_at"),
    "endpoints": (webhook_endpoints, "rests_until"),
    "outbox": (outbox, "available_at"),
}


class DueTimes:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def bring_forward(self, now: datetime, until: datetime) -> Mapping[str, int]:
        """Make due now what is due by ``until``; how many of each there were."""
        return {what: self._bring(table, table.c[name], now, until) for what, (table, name) in WAITING.items()}

    def _bring(self, table: Table, due_at: Column[datetime], now: datetime, until: datetime) -> int:
        waits = [due_at > now, due_at <= until]
        if table is outbox:
            waits.append(outbox.c.published_at.is_(None))
        return self._connection.execute(update(table).where(*waits).values({due_at.name: now})).rowcount
