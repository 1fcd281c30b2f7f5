"""Makes the deliveries of what happened: one for each endpoint that wants it, once, however often it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.application.addressing import endpoint_bell
from shared.domain.ids import DeliveryId, EndpointId, EventId, MerchantId
from shared.domain.webhook_delivery import AttemptKind, Delivery
from shared.domain.webhook_endpoint import WebhookEndpoint
from shared.persistence.event_log import LoggedEvent
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.identifiers import new_id

# The most events of one call of ``recover``.
MOST_RECOVERED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event, as far as it must be known to deliver it."""

    event_id: EventId
    event_type: str
    merchant_id: MerchantId
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Recovered:
    """How many deliveries are under way again; ``next_since``: there is more from then on, ask again."""

    count: int
    next_since: datetime | None


def fan_out(work: UnitOfWork, happenings: Sequence[Happening], now: datetime) -> int:
    """Add the deliveries that are missing, and ring for their endpoints; how many were missing."""
    listening = {each: _listening(work, each) for each in {happening.merchant_id for happening in happenings}}
    wanted = [
        (endpoint, happening)
        for happening in happenings
        for endpoint in listening[happening.merchant_id]
        if endpoint.wants(happening.event_type, happening.occurred_at)
    ]
    added = work.webhook_deliveries.add_all([_delivery(endpoint, happening, now) for endpoint, happening in wanted])
    endpoints = {endpoint.id: endpoint for endpoint, _ in wanted}
    for delivery in added:
        ring(work, endpoints[delivery.endpoint_id], now)
    return len(added)


def tell_others(
    work: UnitOfWork, endpoint: WebhookEndpoint, event_type: str, notice: Mapping[str, object], now: datetime
) -> None:
    """Tell the merchant's other endpoints something that is about ``endpoint`` and not in the log."""
    happening = Happening(
        event_id=EventId(new_id()), event_type=event_type, merchant_id=endpoint.merchant_id, occurred_at=now
    )
    others = [each for each in _listening(work, endpoint.merchant_id) if each.id != endpoint.id]
    wanting = [each for each in others if each.wants(event_type, now)]
    work.webhook_deliveries.add_all([_delivery(each, happening, now, notice) for each in wanting])
    for each in wanting:
        ring(work, each, now)


def send_again(work: UnitOfWork, endpoint: WebhookEndpoint, delivery: Delivery, now: datetime) -> Delivery:
    """Have it delivered now, with the whole schedule before it; the caller holds its lock."""
    again = delivery.sent_again(AttemptKind.RESEND, now)
    work.webhook_deliveries.save(again)
    ring(work, endpoint, now)
    return again


def recover(work: UnitOfWork, endpoint: WebhookEndpoint, since: datetime, now: datetime) -> Recovered:
    """Deliver what the endpoint wants of all that happened from ``since`` on, and does not have.

    Also what happened while it was off. At most ``MOST_RECOVERED`` events; what it has taken is not sent again.
    """
    events = work.event_log.of_merchant_since(endpoint.merchant_id, since, MOST_RECOVERED + 1)
    looked_at = events[:MOST_RECOVERED]
    wanted = [each for each in looked_at if _is_asked_for(endpoint, each)]
    count = _bring_back(work, endpoint, wanted, now)
    if count:
        ring_for_all(work, endpoint, now)
    return Recovered(count, events[MOST_RECOVERED].occurred_at if len(events) > MOST_RECOVERED else None)


def ring(work: UnitOfWork, endpoint: WebhookEndpoint, now: datetime) -> None:
    work.outbox.add(endpoint_bell(endpoint.id, endpoint.lane, now))


def ring_for_all(work: UnitOfWork, endpoint: WebhookEndpoint, now: datetime) -> None:
    """As often as it may be called at once: there may be many that wait."""
    for _ in range(endpoint.most_in_flight):
        ring(work, endpoint, now)


def happening_of(event: LoggedEvent) -> Happening:
    return Happening(
        event_id=event.id, event_type=event.event_type, merchant_id=event.merchant_id, occurred_at=event.occurred_at
    )


def _bring_back(work: UnitOfWork, endpoint: WebhookEndpoint, events: Sequence[LoggedEvent], now: datetime) -> int:
    there = work.webhook_deliveries.lock_of_events(endpoint.id, [each.id for each in events])
    undelivered = [each for each in there.values() if not each.is_delivered]
    for delivery in undelivered:
        work.webhook_deliveries.save(delivery.sent_again(AttemptKind.RECOVER, now))
    missing = [
        _delivery(endpoint, happening_of(each), now, kind=AttemptKind.RECOVER)
        for each in events
        if each.id not in there
    ]
    return len(undelivered) + len(work.webhook_deliveries.add_all(missing))


def _is_asked_for(endpoint: WebhookEndpoint, event: LoggedEvent) -> bool:
    """As ``wants``, for what happened at any time."""
    return endpoint.is_active and endpoint.asks_for(event.event_type)


def _listening(work: UnitOfWork, merchant_id: MerchantId) -> Sequence[WebhookEndpoint]:
    return work.webhook_endpoints.of_merchant(merchant_id, active_only=True)


def _delivery(
    endpoint: WebhookEndpoint,
    happening: Happening,
    now: datetime,
    notice: Mapping[str, object] | None = None,
    *,
    kind: AttemptKind = AttemptKind.SCHEDULE,
) -> Delivery:
    return Delivery(
        id=DeliveryId(new_id()),
        endpoint_id=EndpointId(endpoint.id),
        merchant_id=endpoint.merchant_id,
        event_id=happening.event_id,
        event_type=happening.event_type,
        next_try_at=now,
        next_kind=kind,
        created_at=now,
        updated_at=now,
        notice=notice,
    )
