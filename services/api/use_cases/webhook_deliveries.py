"""Shows a merchant what was delivered to their endpoints, and sends it again."""

from datetime import datetime, timedelta

from services.api.use_cases.ids import queried_id, uuid_of
from services.api.use_cases.webhook_endpoints import own_endpoint
from shared.application.actor import Actor
from shared.application.views import View, time_view
from shared.application.webhook_fanout import recover, send_again
from shared.application.webhook_switch import record_endpoint_audit
from shared.domain.errors import EndpointConflict, FieldError, NotFound, ValidationFailed
from shared.domain.ids import MerchantId
from shared.domain.webhook_delivery import Delivery, DeliveryAttempt, DeliveryState
from shared.domain.webhook_endpoint import WebhookEndpoint
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.persistence.webhook_deliveries import DeliveryFilter
from shared.runtime.clock import Clock

# As far back as the event log is promised to go.
LONGEST_RECOVERY = timedelta(days=30)


class WebhookDeliveries:
    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work, self._clock = unit_of_work, clock

    def page(
        self,
        endpoint_id: str,
        merchant_id: MerchantId,
        *,
        state: DeliveryState | None,
        event_type: str | None,
        after: str | None,
        limit: int,
    ) -> View:
        """One page, newest first. Raises ``NotFound``, and ``ValidationFailed`` for a cursor that is none."""
        behind = queried_id("after", after)
        with self._unit_of_work() as work:
            endpoint = own_endpoint(work, endpoint_id, merchant_id)
            narrowed_to = DeliveryFilter(endpoint_id=endpoint.id, state=state, event_type=event_type)
            found = work.webhook_deliveries.page(narrowed_to, after=behind, limit=limit + 1)
        shown = found[:limit]
        return {
            "data": [delivery_view(each) for each in shown],
            "has_more": len(found) > limit,
            "next_cursor": str(shown[-1].id) if len(found) > limit else None,
        }

    def one(self, delivery_id: str, merchant_id: MerchantId) -> View:
        """With all its attempts. Raises ``NotFound``."""
        with self._unit_of_work() as work:
            delivery = _own_delivery(work, delivery_id, merchant_id)
            attempts = work.webhook_deliveries.attempts_of(delivery.id)
        return delivery_view(delivery) | {"attempts": [_attempt_view(each) for each in attempts]}

    def resend(self, delivery_id: str, merchant_id: MerchantId, actor: Actor) -> View:
        """Send it now, whatever became of it. Raises ``NotFound``, and ``EndpointConflict`` where nobody listens."""
        now = self._clock.now()
        with self._unit_of_work() as work:
            delivery = _own_delivery(work, delivery_id, merchant_id)
            endpoint = _listening(work, str(delivery.endpoint_id), merchant_id)
            # Read again under the lock: it may just have been delivered.
            locked = work.webhook_deliveries.lock(delivery.id) or delivery
            again = send_again(work, endpoint, locked, now)
            record_endpoint_audit(
                work, endpoint, "webhook_delivery.sent_again", actor, now, delivery_id=str(delivery.id)
            )
            work.commit()
        return delivery_view(again)

    def recover(self, endpoint_id: str, since: datetime, merchant_id: MerchantId, actor: Actor) -> View:
        """Deliver what is missing from ``since`` on.

        Raises:
            NotFound, EndpointConflict: as ``resend``.
            ValidationFailed: ``since`` is too long ago, or yet to come.
        """
        now = self._clock.now()
        if not now - LONGEST_RECOVERY <= since <= now:
            problem = FieldError("/since", "must be a time of the last 30 days, such as 2026-01-15T10:00:00Z")
            raise ValidationFailed("Some fields are not acceptable.", problem)
        with self._unit_of_work() as work:
            endpoint = _listening(work, endpoint_id, merchant_id)
            done = recover(work, endpoint, since, now)
            facts = {"since": time_view(since), "recovered": done.count}
            record_endpoint_audit(work, endpoint, "webhook_endpoint.recovered", actor, now, **facts)
            work.commit()
        return {
            "recovered": done.count,
            "has_more": done.next_since is not None,
            "next_since": time_view(done.next_since),
        }


def delivery_view(delivery: Delivery) -> View:
    return {
        "id": str(delivery.id),
        "endpoint_id": str(delivery.endpoint_id),
        "event_id": str(delivery.event_id),
        "event_type": delivery.event_type,
        "state": delivery.state,
        "attempt_count": delivery.attempts,
        "next_try_at": time_view(delivery.next_try_at),
        "created_at": time_view(delivery.created_at),
        "updated_at": time_view(delivery.updated_at),
    }


def _attempt_view(attempt: DeliveryAttempt) -> View:
    return {
        "number": attempt.number,
        "kind": attempt.kind,
        "started_at": time_view(attempt.started_at),
        "milliseconds": attempt.milliseconds,
        "status": attempt.status,
        "response": attempt.response,
        "reason": attempt.reason,
        "detail": attempt.detail,
    }


def _own_delivery(work: UnitOfWork, delivery_id: str, merchant_id: MerchantId) -> Delivery:
    wanted = uuid_of(delivery_id)
    found = None if wanted is None else work.webhook_deliveries.find(wanted, merchant_id)
    if found is None:
        raise NotFound("There is no such delivery.")
    return found


def _listening(work: UnitOfWork, endpoint_id: str, merchant_id: MerchantId) -> WebhookEndpoint:
    """Locked: whoever records an attempt takes the endpoint's lock first, too."""
    endpoint = own_endpoint(work, endpoint_id, merchant_id, locked=True)
    if not endpoint.is_active:
        raise EndpointConflict("The endpoint is switched off. Switch it on first: PATCH it with is_active true.")
    return endpoint
