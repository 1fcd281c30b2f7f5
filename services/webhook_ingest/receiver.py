"""What happens to one callback: verify, store once together with its message, tell what became of it."""

from collections.abc import Callable, Mapping
from enum import StrEnum

import structlog

from services.webhook_ingest.refusal_audit import RefusalAudit
from shared.application.actor import Actor
from shared.application.addressing import provider_event_now
from shared.contracts.messages.events import ProviderEventReceived
from shared.domain.errors import NotFound, WebhookRejected
from shared.domain.ids import WebhookEventId
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.persistence.webhook_events import WebhookEvent
from shared.provider_kit.provider import PaymentProvider, VerifiedWebhook, WebhookRequest
from shared.runtime.clock import Clock
from shared.runtime.crash_points import reach
from shared.runtime.identifiers import new_id
from shared.runtime.metrics import WEBHOOKS

# Gives the adapter of an active provider, or None.
FindProvider = Callable[[str], PaymentProvider | None]

log = structlog.get_logger()


class Verdict(StrEnum):
    STORED = "stored"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


class WebhookReceiver:
    def __init__(
        self, find_provider: FindProvider, unit_of_work: UnitOfWorkFactory, clock: Clock, audit: RefusalAudit
    ) -> None:
        self._find_provider, self._unit_of_work, self._clock = find_provider, unit_of_work, clock
        self._audit = audit

    def receive(self, provider: str, headers: Mapping[str, str], body: bytes, sender: Actor) -> Verdict:
        """Store a genuine callback; a repeated one is a duplicate and acts no second time.

        Raises:
            NotFound: there is no such provider.
            WebhookRejected: not genuine, or stale; nothing was stored.
            StorageUnavailable: the provider must send it again.
        """
        adapter = self._find_provider(provider)
        if adapter is None:
            raise NotFound("there is no such provider")
        request = WebhookRequest(headers=headers, body=body, received_at=self._clock.now())
        try:
            verified = adapter.verify_webhook(request)
        except WebhookRejected as error:
            WEBHOOKS.labels(provider=provider, verdict=Verdict.REJECTED).inc()
            log.warning("webhook.rejected", provider=provider, reason=error.reason)
            self._audit.refused(provider, error.reason, sender)
            raise
        reach("ingest.after_verify")
        verdict = self._store(provider, verified, sender)
        reach("ingest.after_insert")
        WEBHOOKS.labels(provider=provider, verdict=verdict).inc()
        log.info("webhook.received", provider=provider, event_id=verified.event_id, verdict=verdict)
        return verdict

    def _store(self, provider: str, verified: VerifiedWebhook, sender: Actor) -> Verdict:
        event = WebhookEvent(
            id=WebhookEventId(new_id()),
            provider=provider,
            provider_event_id=verified.event_id,
            event_type=verified.event_type,
            signature=verified.signature,
            created_at=self._clock.now(),
            ip_address=sender.ip_address,
            user_agent=sender.user_agent,
            payload=verified.payload,
        )
        with self._unit_of_work() as work:
            if not work.webhook_events.add(event):
                return Verdict.DUPLICATE
            message = ProviderEventReceived(
                message_id=new_id(),
                occurred_at=event.created_at,
                correlation_id=event.id,
                webhook_event_id=event.id,
                provider=provider,
            )
            work.outbox.add(provider_event_now(message, event.event_type))
            work.commit()
        return Verdict.STORED
