"""Stores which endpoints wait until their merchant has a call fewer under way."""

from datetime import datetime

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from shared.domain.ids import EndpointId, MerchantId
from shared.domain.webhook_endpoint import Lane, WebhookEndpoint
from shared.persistence.tables import webhook_waiting_turns


class WaitingTurns:
    """Whoever calls it holds the merchant's lock: none is forgotten between looking and leaving."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, endpoint: WebhookEndpoint, lane: Lane, now: datetime) -> None:
        """One that waits already keeps its place."""
        facts = {"endpoint_id": endpoint.id, "lane": lane, "merchant_id": endpoint.merchant_id, "since": now}
        self._connection.execute(insert(webhook_waiting_turns).on_conflict_do_nothing(), facts)

    def take(self, merchant_id: MerchantId, lane: Lane) -> EndpointId | None:
        """The one of the merchant's that waits longest, which does not wait any more."""
        columns = webhook_waiting_turns.c
        longest = (
            select(columns.endpoint_id)
            .where(columns.merchant_id == merchant_id, columns.lane == lane)
            .order_by(columns.since, columns.endpoint_id)
            .limit(1)
            .scalar_subquery()
        )
        taken = delete(webhook_waiting_turns).where(columns.endpoint_id == longest, columns.lane == lane)
        found = self._connection.execute(taken.returning(columns.endpoint_id)).scalar_one_or_none()
        return None if found is None else EndpointId(found)
