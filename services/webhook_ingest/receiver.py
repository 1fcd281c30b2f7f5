"""What happens to one callback: verify, store once together with its message, tell what became of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import structlog

from services.webhook_ingest.refusal_audit import RefusalAudit
from shared.application.actor import Actor
from shared.application.addressing import provider_event_now
from shared.contracts.messages.events import ProviderEventReceived
from shared.domain.errors import NotFound, WebhookRejected
from shared.domain.ids import WebhookEventId
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.persistence.webhook_events import WebhookEvent
from shared.provider_kit.provider import (
    AnswersWebhooks,
    PaymentProvider,
    VerifiedWebhook,
    WebhookAnswer,
    WebhookRequest,
)
from shared.runtime.clock import Clock
from shared.runtime.crash_points import reach
from shared.runtime.identifiers import new_id
from shared.runtime.metrics import WEBHOOKS


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """An account at a provider, which believes what is signed with its own secrets."""

    id: UUID
    adapter: PaymentProvider


@dataclass(frozen=True, slots=True)
class OpenProvider:
    """A provider that is switched on, under its own name; its default account comes first."""

    name: str
    accounts: Sequence[OpenAccount]


# Gives the provider of a name in a callback's path, or None.
FindProvider = Callable[[str], OpenProvider | None]

log = structlog.get_logger()


class Verdict(StrEnum):
    ANSWERED = "answered"
    STORED = "stored"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a callback, and what its provider wants to read; ``None``: anything."""

    verdict: Verdict
    answer: WebhookAnswer | None = None


class WebhookReceiver:
    def __init__(
        self, find_provider: FindProvider, unit_of_work: UnitOfWorkFactory, clock: Clock, audit: RefusalAudit
    ) -> None:
        self._find_provider, self._unit_of_work, self._clock = find_provider, unit_of_work, clock
        self._audit = audit

    def receive(self, address: str, request: WebhookRequest, sender: Actor) -> Received:
        """Store a genuine callback; a repeated one is a duplicate and acts no second time. A question is only answered.

        Raises:
            NotFound: there is no such provider.
            WebhookRejected: not genuine, or stale; nothing was stored.
            StorageUnavailable: the provider must send it again.
        """
        provider = self._find_provider(address)
        if provider is None:
            raise NotFound("there is no such provider")
        account, verified = self._verified(provider, request, sender)
        reach("ingest.after_verify")
        verdict = Verdict.ANSWERED if verified.is_question else self._store(provider.name, account, verified, sender)
        reach("ingest.after_insert")
        WEBHOOKS.labels(provider=provider.name, verdict=verdict).inc()
        log.info("webhook.received", provider=provider.name, event_id=verified.event_id, verdict=verdict)
        adapter = account.adapter
        return Received(verdict, adapter.answer_webhook(verified) if isinstance(adapter, AnswersWebhooks) else None)

    def _verified(
        self, provider: OpenProvider, request: WebhookRequest, sender: Actor
    ) -> tuple[OpenAccount, VerifiedWebhook]:
        """The first account that believes it. The reason that is told is the first account's."""
        rejected: WebhookRejected | None = None
        for account in provider.accounts:
            try:
                return account, account.adapter.verify_webhook(request)
            except WebhookRejected as error:
                rejected = rejected or error
        if rejected is None:
            raise NotFound("there is no such provider")
        WEBHOOKS.labels(provider=provider.name, verdict=Verdict.REJECTED).inc()
        log.warning("webhook.rejected", provider=provider.name, reason=rejected.reason)
        self._audit.refused(provider.name, rejected.reason, sender)
        raise rejected

    def _store(self, provider: str, account: OpenAccount, verified: VerifiedWebhook, sender: Actor) -> Verdict:
        event = WebhookEvent(
            id=WebhookEventId(new_id()),
            provider=provider,
            provider_config_id=account.id,
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
