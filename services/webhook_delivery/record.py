"""Writes down what an attempt came to, and what follows for the delivery and for its endpoint."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from services.webhook_delivery.verdict import Verdict
from shared.application.actor import process_actor
from shared.application.addressing import endpoint_bell
from shared.application.webhook_fanout import ring_for_all
from shared.application.webhook_switch import switch_off
from shared.domain.webhook_delivery import Delivery, DeliveryAttempt, DeliveryTrigger
from shared.domain.webhook_endpoint import TROUBLE, DisabledReason, WebhookEndpoint
from shared.messaging.delivery_schedule import Choose, DeliverySchedule
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.runtime.clock import Clock
from shared.runtime.metrics import WEBHOOK_GIVEN_UP, WEBHOOK_SECRETS_UNREADABLE

# Until somebody has mended the keys; then it goes on by itself.
UNREADABLE_REST = timedelta(minutes=5)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRules:
    """``choose`` takes one of several delays; an endpoint that only failed for ``disable_after`` is switched off."""

    choose: Choose
    schedule: DeliverySchedule = field(default_factory=DeliverySchedule)
    disable_after: timedelta = timedelta(days=5)


class Recorder:
    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, rules: DeliveryRules) -> None:
        self._unit_of_work, self._clock, self._rules = unit_of_work, clock, rules

    def record(self, called: WebhookEndpoint, claimed: Delivery, started_at: datetime, verdict: Verdict) -> None:
        """In one transaction: the attempt, the delivery, the endpoint, and the message for the next try.

        May be repeated. To an endpoint that has moved or was switched on since it was ``called`` it says nothing.
        """
        now = self._clock.now()
        with self._unit_of_work() as work:
            # As everywhere: the endpoint's lock first, then the delivery's.
            endpoint = work.webhook_endpoints.lock(called.id)
            delivery = _locked(work, claimed)
            if work.webhook_deliveries.has_attempt_since(claimed, started_at):
                return
            delay_ms = None if verdict.is_taken else self._delay_ms(delivery, verdict)
            after = _after(delivery, verdict, delay_ms, now)
            work.webhook_deliveries.add_attempt(_attempt(claimed, after.attempts, started_at, verdict))
            work.webhook_deliveries.save(after)
            if endpoint is not None and endpoint.is_still(called):
                endpoint = self._judged(work, endpoint, verdict, delay_ms, now)
            if endpoint is not None and endpoint.is_active and delay_ms is not None:
                work.outbox.add(endpoint_bell(endpoint.id, endpoint.lane, now, delay_ms))
            work.commit()
        if not verdict.is_taken and delay_ms is None:
            WEBHOOK_GIVEN_UP.inc()

    def put_off(self, called: WebhookEndpoint, claimed: Delivery) -> None:
        """Its secret cannot be read here: nothing was sent, through our fault. It rests, and is called after that."""
        now = self._clock.now()
        with self._unit_of_work() as work:
            endpoint = work.webhook_endpoints.lock(called.id)
            work.webhook_deliveries.save(_locked(work, claimed).handed_back(claimed, now))
            if endpoint is not None:
                work.webhook_endpoints.save(endpoint.left_alone(now + UNREADABLE_REST))
            work.commit()
        WEBHOOK_SECRETS_UNREADABLE.inc()
        log.error("webhook.secret_unreadable", endpoint_id=called.id)

    def _delay_ms(self, delivery: Delivery, verdict: Verdict) -> int | None:
        planned = self._rules.schedule.delay_ms(delivery.tries + 1, self._rules.choose)
        if planned is None or not verdict.wait_ms:
            return planned
        return self._rules.schedule.at_least(verdict.wait_ms, planned)

    def _judged(
        self, work: UnitOfWork, before: WebhookEndpoint, verdict: Verdict, delay_ms: int | None, now: datetime
    ) -> WebhookEndpoint:
        """The endpoint as it is after the verdict, stored."""
        if verdict.is_taken:
            return _is_back(work, before, before.answered(verdict.milliseconds), now)
        after = before.failed(now, verdict.milliseconds, self._rest(before, verdict, delay_ms))
        reason = self._reason_to_disable(after, verdict, now)
        if reason is not None and after.is_active:
            log.warning("webhook_endpoint.disabled", endpoint_id=after.id, reason=reason)
            return switch_off(work, after, reason, process_actor("webhook_delivery"), now)
        work.webhook_endpoints.save(after)
        return after

    def _rest(self, before: WebhookEndpoint, verdict: Verdict, delay_ms: int | None) -> timedelta | None:
        """One that says when to come back is left alone until then; one in trouble is asked ever more seldom."""
        if verdict.wait_ms and delay_ms is not None:
            return timedelta(milliseconds=min(verdict.wait_ms, delay_ms))
        failures = before.failures + 1 - (TROUBLE - 1)
        return self._rules.schedule.rest(failures) if failures > 0 else None

    def _reason_to_disable(self, endpoint: WebhookEndpoint, verdict: Verdict, now: datetime) -> DisabledReason | None:
        if verdict.is_gone:
            return DisabledReason.GONE
        return DisabledReason.FAILING if endpoint.has_only_failed_for(self._rules.disable_after, now) else None


def _is_back(work: UnitOfWork, before: WebhookEndpoint, after: WebhookEndpoint, now: datetime) -> WebhookEndpoint:
    """What failed while it was in trouble need not wait for its hour: it is due now."""
    if after != before:
        work.webhook_endpoints.save(after)
    if before.is_in_trouble:
        work.webhook_deliveries.bring_forward(after.id, now)
        ring_for_all(work, after, now)
    return after


def _locked(work: UnitOfWork, claimed: Delivery) -> Delivery:
    delivery = work.webhook_deliveries.lock(claimed.id)
    assert delivery is not None, "deliveries are never deleted"
    return delivery


def _after(delivery: Delivery, verdict: Verdict, delay_ms: int | None, now: datetime) -> Delivery:
    if verdict.is_taken:
        return delivery.tried(DeliveryTrigger.ACCEPT, now)
    if delay_ms is None:
        return delivery.tried(DeliveryTrigger.GIVE_UP, now)
    return delivery.tried(DeliveryTrigger.TRY_AGAIN, now, now + timedelta(milliseconds=delay_ms))


def _attempt(claimed: Delivery, number: int, started_at: datetime, verdict: Verdict) -> DeliveryAttempt:
    return DeliveryAttempt(
        delivery_id=claimed.id,
        number=number,
        kind=claimed.next_kind,
        started_at=started_at,
        milliseconds=verdict.milliseconds,
        status=verdict.status,
        response=verdict.response,
        reason=verdict.reason,
        detail=verdict.detail,
    )
