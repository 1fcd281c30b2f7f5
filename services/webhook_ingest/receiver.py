"""What happens to one callback: admit, verify, keep once together with its message, tell what became of it."""

from dataclasses import dataclass
from enum import StrEnum

import structlog

from services.webhook_ingest.admission import Admission
from services.webhook_ingest.keeping import CallbackKeeper
from services.webhook_ingest.known_accounts import FindProvider, OpenAccount, OpenProvider
from services.webhook_ingest.refusal_audit import RefusalAudit
from shared.application.actor import Actor
from shared.domain.errors import GatewayError, NotFound, WebhookRejected
from shared.domain.ids import WebhookEventId
from shared.persistence.webhook_events import Arrival, WebhookEvent
from shared.provider_kit.provider import AnswersWebhooks, VerifiedWebhook, WebhookAnswer, WebhookRequest
from shared.runtime.clock import Clock
from shared.runtime.crash_points import reach
from shared.runtime.identifiers import new_id
from shared.runtime.metrics import WEBHOOKS

log = structlog.get_logger()


class TooManyStrangers(GatewayError):
    """From this address nothing genuine has come yet, and too much else."""


class Verdict(StrEnum):
    ANSWERED = "answered"
    STORED = "stored"
    DUPLICATE = "duplicate"
    SPOOLED = "spooled"
    REJECTED = "rejected"
    THROTTLED = "throttled"


# What keeping it said; None: it is on the disk.
_VERDICTS = {
    Arrival.FIRST: Verdict.STORED,
    Arrival.REPEATED: Verdict.DUPLICATE,
    Arrival.UNHANDLED: Verdict.DUPLICATE,
    None: Verdict.SPOOLED,
}


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a callback, and what its provider wants to read; ``None``: anything."""

    verdict: Verdict
    answer: WebhookAnswer | None = None


class WebhookReceiver:
    def __init__(
        self,
        find_provider: FindProvider,
        keeper: CallbackKeeper,
        admission: Admission,
        clock: Clock,
        audit: RefusalAudit,
    ) -> None:
        self._find_provider, self._keeper, self._admission = find_provider, keeper, admission
        self._clock, self._audit = clock, audit

    def admit(self, address: str, sender: Actor) -> OpenProvider:
        """Whose callback it claims to be; cheap, and before anything of it is read.

        Raises:
            NotFound: there is no such provider.
            WebhookRejected: this provider sends nothing from there.
            TooManyStrangers: see there; it may be sent again a second later.
            StorageUnavailable: nobody knows whose signatures are good.
        """
        provider = self._find_provider(address)
        if provider is None:
            raise NotFound("there is no such provider")
        if not self._admission.is_at_home(provider.name, sender.ip_address):
            raise self._rejected(provider, WebhookRejected("sender"), sender)
        if not self._admission.may_be_verified(provider.name, sender.ip_address):
            WEBHOOKS.labels(provider=provider.name, verdict=Verdict.THROTTLED).inc()
            raise TooManyStrangers
        return provider

    def receive(self, provider: OpenProvider, request: WebhookRequest, sender: Actor) -> Received:
        """Keep a genuine callback; a repeated one is a duplicate and acts no second time. A question is only answered.

        Raises:
            WebhookRejected: not genuine, or stale; nothing is kept.
            StorageUnavailable: the provider must send it again.
        """
        account, verified = self._verified(provider, request, sender)
        self._admission.was_genuine(provider.name, sender.ip_address)
        reach("ingest.after_verify")
        verdict = Verdict.ANSWERED if verified.is_question else self._keep(provider, account, verified, sender)
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
        raise self._rejected(provider, rejected or WebhookRejected("account"), sender)

    def _rejected(self, provider: OpenProvider, error: WebhookRejected, sender: Actor) -> WebhookRejected:
        WEBHOOKS.labels(provider=provider.name, verdict=Verdict.REJECTED).inc()
        self._audit.refused(provider.name, error.reason, sender)
        return error

    def _keep(self, provider: OpenProvider, account: OpenAccount, verified: VerifiedWebhook, sender: Actor) -> Verdict:
        event = WebhookEvent(
            id=WebhookEventId(new_id()),
            provider=provider.name,
            provider_config_id=account.id,
            provider_event_id=verified.event_id,
            event_type=verified.event_type,
            signature=verified.signature,
            created_at=self._clock.now(),
            ip_address=sender.ip_address,
            user_agent=sender.user_agent,
            payload=verified.payload,
        )
        return _VERDICTS[self._keeper.keep(event)]
