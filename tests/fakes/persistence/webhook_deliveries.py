"""Deliveries and their attempts in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from shared.domain.ids import DeliveryId, EndpointId, EventId, MerchantId
from shared.domain.webhook_delivery import Delivery, DeliveryAttempt, DeliveryState, DeliveryTrigger
from shared.domain.webhook_endpoint import Lane, WebhookEndpoint
from shared.persistence.webhook_deliveries import DeliveryFilter, WebhookDeliveryRepository
from tests.fakes.persistence.columns import check, stored
from tests.fakes.persistence.session import Session


class InMemoryWebhookDeliveries(WebhookDeliveryRepository):
    def __init__(self, session: Session) -> None:
        self._session = session

    def add_all(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        added = []
        for each in deliveries:
            rows = self._session.own_rows.webhook_deliveries
            if any((row.endpoint_id, row.event_id) == (each.endpoint_id, each.event_id) for row in rows.values()):
                continue
            _check(each)
            rows[each.id] = stored(each)
            added.append(each)
        return added

    def in_flight(self, merchant_id: MerchantId, lane: Lane, now: datetime) -> int:
        rows, lanes = self._session.rows.webhook_deliveries.values(), self._session.rows.webhook_leased_lanes
        theirs = [row for row in rows if row.merchant_id == merchant_id and lanes.get(row.id) is lane]
        return sum(_is_leased(row, now) for row in theirs)

    def lease_next(self, endpoint: WebhookEndpoint, now: datetime, until: datetime) -> Delivery | None:
        rows = self._session.own_rows.webhook_deliveries
        if sum(_is_leased(row, now) for row in self._of(endpoint.id)) >= endpoint.most_in_flight:
            return None
        due = [row for row in self._of(endpoint.id) if row.next_try_at is not None and row.next_try_at <= now]
        free = [row for row in due if not _is_leased(row, now)]
        if not free:
            return None
        first = min(free, key=lambda row: (row.next_try_at, row.id))
        rows[first.id] = replace(first, lease_until=until)
        self._session.own_rows.webhook_leased_lanes[first.id] = endpoint.lane
        return rows[first.id]

    def bring_forward(self, endpoint_id: EndpointId, now: datetime) -> int:
        rows = self._session.own_rows.webhook_deliveries
        later = [row for row in self._of(endpoint_id) if row.next_try_at is not None and row.next_try_at > now]
        free = [row for row in later if not _is_leased(row, now)]
        rows.update({row.id: replace(row, next_try_at=now, updated_at=now) for row in free})
        return len(free)

    def give_up_on(self, endpoint_id: EndpointId, now: datetime) -> int:
        rows = self._session.own_rows.webhook_deliveries
        waiting = [row for row in self._of(endpoint_id) if row.state is DeliveryState.WAITING]
        for row in waiting:
            rows[row.id] = replace(row.on(DeliveryTrigger.GIVE_UP, now), lease_until=row.lease_until)
        return len(waiting)

    def has_attempt_since(self, claimed: Delivery, started_at: datetime) -> bool:
        since = [each for each in self.attempts_of(claimed.id) if each.number > claimed.attempts]
        return any(each.started_at == started_at for each in since)

    def find(self, delivery_id: UUID, merchant_id: MerchantId | None = None) -> Delivery | None:
        row = self._session.rows.webhook_deliveries.get(delivery_id)
        return row if row is not None and merchant_id in {None, row.merchant_id} else None

    def lock(self, delivery_id: UUID) -> Delivery | None:
        return self._session.own_rows.webhook_deliveries.get(delivery_id)

    def lock_of_events(self, endpoint_id: EndpointId, event_ids: Sequence[EventId]) -> Mapping[EventId, Delivery]:
        assert self._session.own_rows is not None
        return {row.event_id: row for row in self._of(endpoint_id) if row.event_id in event_ids}

    def save(self, delivery: Delivery) -> None:
        _check(delivery)
        rows = self._session.own_rows.webhook_deliveries
        check(delivery.id in rows, "no such delivery")
        rows[delivery.id] = stored(delivery)

    def add_attempt(self, attempt: DeliveryAttempt) -> None:
        rows = self._session.own_rows.webhook_delivery_attempts
        place = (attempt.delivery_id, attempt.number)
        check(place not in rows, "pk_webhook_delivery_attempts")
        check((attempt.status is None) == (attempt.reason is not None), "ck_webhook_delivery_attempts_answer_or_reason")
        rows[place] = stored(attempt)

    def attempts_of(self, delivery_id: DeliveryId) -> Sequence[DeliveryAttempt]:
        rows = self._session.rows.webhook_delivery_attempts.values()
        return sorted((row for row in rows if row.delivery_id == delivery_id), key=lambda row: row.number)

    def page(self, narrowed_to: DeliveryFilter, *, after: UUID | None, limit: int) -> Sequence[Delivery]:
        found = [
            row
            for row in self._of(narrowed_to.endpoint_id)
            if narrowed_to.state in {None, row.state}
            and narrowed_to.event_type in {None, row.event_type}
            and (after is None or row.id < after)
        ]
        return sorted(found, key=lambda row: row.id, reverse=True)[:limit]

    def _of(self, endpoint_id: EndpointId) -> list[Delivery]:
        return [row for row in self._session.rows.webhook_deliveries.values() if row.endpoint_id == endpoint_id]


def _is_leased(delivery: Delivery, now: datetime) -> bool:
    return delivery.lease_until is not None and delivery.lease_until >= now


def _check(delivery: Delivery) -> None:
    has_time = delivery.next_try_at is not None
    check((delivery.state is DeliveryState.WAITING) == has_time, "ck_webhook_deliveries_waiting_has_a_time")
