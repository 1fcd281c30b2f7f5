"""Decides who may call which endpoint next: so many at once for each endpoint, and for each merchant."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.application.event_frame import event_body, notice_body
from shared.application.webhook_fanout import ring
from shared.domain.ids import EndpointId, MerchantId
from shared.domain.webhook_delivery import Delivery
from shared.domain.webhook_endpoint import MOST_OF_MERCHANT, Lane, WebhookEndpoint
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.runtime.clock import Clock

# How long a delivery belongs to who claimed it: more than twice what a call may take.
LEASE = timedelta(seconds=40)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is sent, by whom nobody else sends it until ``lease_until``; ``occurred_at``: when it happened."""

    endpoint: WebhookEndpoint
    delivery: Delivery
    body: bytes
    occurred_at: datetime
    lease_until: datetime


class Claims:
    """A merchant's lock is held throughout: who has to leave for want of room is seen by whoever makes some."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work, self._clock = unit_of_work, clock

    def next(self, lane: Lane, endpoint_id: EndpointId) -> Claim | None:
        """What is to be sent to the endpoint next, if it is this lane's; ``None``: leave, others come if need be.

        Whoever finds as many at it as an endpoint may have leaves at once: those look again before they leave.
        """
        now = self._clock.now()
        with self._unit_of_work() as work:
            endpoint = work.webhook_endpoints.lock_in_turn(endpoint_id)
            if endpoint is None:
                # Its event was on the way while it was deleted.
                work.webhook_deliveries.give_up_on(endpoint_id, now)
                claim = None
            else:
                claim = _claimed(work, lane, endpoint, now)
            work.commit()
        return claim

    def pass_on(self, lane: Lane, endpoint_id: EndpointId) -> None:
        """Leave, though there may be more to do: somebody comes for it again, after all others who wait."""
        now = self._clock.now()
        with self._unit_of_work() as work:
            endpoint = work.webhook_endpoints.lock_in_turn(endpoint_id)
            if endpoint is not None:
                _let_in(work, endpoint.merchant_id, lane, now)
                ring(work, endpoint, now)
            work.commit()


def _claimed(work: UnitOfWork, lane: Lane, endpoint: WebhookEndpoint, now: datetime) -> Claim | None:
    if work.webhook_deliveries.in_flight(endpoint.merchant_id, lane, now) >= MOST_OF_MERCHANT[lane]:
        work.webhook_waiting_turns.add(endpoint, lane, now)
        return None
    claim = _next(work, lane, endpoint, now)
    if claim is None:
        _let_in(work, endpoint.merchant_id, lane, now)
    return claim


def _next(work: UnitOfWork, lane: Lane, endpoint: WebhookEndpoint, now: datetime) -> Claim | None:
    if not endpoint.may_be_called(now):
        return None
    if endpoint.lane is not lane:
        ring(work, endpoint, now)
        return None
    delivery = work.webhook_deliveries.lease_next(endpoint, now, now + LEASE)
    return None if delivery is None else _claim_of(work, endpoint, delivery, now)


def _let_in(work: UnitOfWork, merchant_id: MerchantId, lane: Lane, now: datetime) -> None:
    """There is room for one more of the merchant's: have somebody come for the endpoint that waits longest."""
    waiting = work.webhook_waiting_turns.take(merchant_id, lane)
    endpoint = None if waiting is None else work.webhook_endpoints.find(waiting)
    if endpoint is not None:
        ring(work, endpoint, now)


def _claim_of(work: UnitOfWork, endpoint: WebhookEndpoint, delivery: Delivery, now: datetime) -> Claim:
    occurred_at, body = delivery.created_at, b""
    if delivery.notice is not None:
        body = notice_body(delivery)
    else:
        event = work.event_log.find(delivery.event_id)
        assert event is not None, "the log is never shortened while something of it waits"
        occurred_at, body = event.occurred_at, event_body(event)
    return Claim(endpoint=endpoint, delivery=delivery, body=body, occurred_at=occurred_at, lease_until=now + LEASE)
