"""Works off what waits for one endpoint: claims, calls outside any transaction, records."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from services.webhook_delivery.record import Recorder
from services.webhook_delivery.verdict import Verdict, verdict_of
from shared.application.event_frame import event_body, notice_body
from shared.application.webhook_fanout import ring
from shared.application.webhook_secrets import signed_headers, signing_secrets
from shared.domain.ids import EndpointId
from shared.domain.webhook_delivery import Delivery
from shared.domain.webhook_endpoint import Lane, WebhookEndpoint
from shared.egress.client import Answer, Failed
from shared.persistence.errors import StorageUnavailable
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.runtime.clock import Clock
from shared.runtime.crash_points import reach
from shared.runtime.crypto import CredentialCipher
from shared.runtime.metrics import WEBHOOK_ATTEMPTS, WEBHOOK_LATENCY, WEBHOOK_SECONDS

# How long a delivery belongs to who claimed it: more than twice what a call may take.
LEASE = timedelta(seconds=40)

# So many deliveries to one endpoint, then it is the others' turn.
TURN = 20

USER_AGENT = "payment-gateway-webhooks/1"

Post = Callable[[str, bytes, Mapping[str, str]], Answer | Failed]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is sent, by whom nobody else sends it until ``lease_until``; ``occurred_at``: when it happened."""

    endpoint: WebhookEndpoint
    delivery: Delivery
    body: bytes
    occurred_at: datetime
    lease_until: datetime


class Deliverer:
    def __init__(
        self, unit_of_work: UnitOfWorkFactory, post: Post, cipher: CredentialCipher, clock: Clock, recorder: Recorder
    ) -> None:
        self._unit_of_work, self._post, self._cipher, self._clock = unit_of_work, post, cipher, clock
        self._recorder = recorder

    def work_off(self, lane: Lane, endpoint_id: EndpointId) -> int:
        """Deliver what is due, up to a turn's worth, if this lane is the endpoint's; how many were sent.

        Whoever finds as many at it as an endpoint may have leaves at once: those look again before they leave.
        """
        for sent in range(TURN):
            claim = self._claim(lane, endpoint_id)
            if claim is None:
                return sent
            reach("delivery.after_claim")
            self._deliver(claim)
        self._go_on_later(endpoint_id)
        return TURN

    def _claim(self, lane: Lane, endpoint_id: EndpointId) -> Claim | None:
        with self._unit_of_work() as work:
            claim = self._claimed(work, lane, endpoint_id, self._clock.now())
            work.commit()
        return claim

    def _claimed(self, work: UnitOfWork, lane: Lane, endpoint_id: EndpointId, now: datetime) -> Claim | None:
        endpoint = work.webhook_endpoints.lock(endpoint_id)
        if endpoint is None or not endpoint.may_be_called(now):
            return None
        if endpoint.lane is not lane:
            ring(work, endpoint, now)
            return None
        delivery = work.webhook_deliveries.lease_next(endpoint.id, endpoint.most_in_flight, now, now + LEASE)
        return None if delivery is None else _claim_of(work, endpoint, delivery, now)

    def _deliver(self, claim: Claim) -> None:
        started_at = self._clock.now()
        headers = self._headers(claim, started_at)
        verdict = verdict_of(self._post(claim.endpoint.url, claim.body, headers), self._clock.now())
        reach("delivery.after_call")
        self._record(claim, started_at, verdict)
        self._measure(claim, verdict)

    def _headers(self, claim: Claim, sent_at: datetime) -> Mapping[str, str]:
        secrets = signing_secrets(claim.endpoint, self._cipher, sent_at)
        return {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            **signed_headers(claim.delivery.event_id, claim.body, secrets, sent_at),
        }

    def _record(self, claim: Claim, started_at: datetime, verdict: Verdict) -> None:
        """Tried for as long as the delivery is ours: what is not recorded is sent once more."""
        while True:
            try:
                self._recorder.record(claim.endpoint.id, claim.delivery, started_at, verdict)
            except StorageUnavailable:
                if self._clock.now() >= claim.lease_until:
                    raise
                time.sleep(0.5)
            else:
                return

    def _measure(self, claim: Claim, verdict: Verdict) -> None:
        lane = claim.endpoint.lane
        WEBHOOK_ATTEMPTS.labels(lane=lane, result=verdict.result).inc()
        WEBHOOK_SECONDS.labels(lane=lane).observe(verdict.milliseconds / 1000)
        if verdict.is_taken and claim.delivery.attempts == 0:
            WEBHOOK_LATENCY.observe(max(0.0, (self._clock.now() - claim.occurred_at).total_seconds()))
        log.info(
            "webhook.attempted",
            delivery_id=claim.delivery.id,
            endpoint_id=claim.endpoint.id,
            result=verdict.result,
            status=verdict.status,
            milliseconds=verdict.milliseconds,
        )

    def _go_on_later(self, endpoint_id: EndpointId) -> None:
        with self._unit_of_work() as work:
            endpoint = work.webhook_endpoints.find(endpoint_id)
            if endpoint is not None:
                ring(work, endpoint, self._clock.now())
            work.commit()


def _claim_of(work: UnitOfWork, endpoint: WebhookEndpoint, delivery: Delivery, now: datetime) -> Claim:
    occurred_at, body = delivery.created_at, b""
    if delivery.notice is not None:
        body = notice_body(delivery)
    else:
        event = work.event_log.find(delivery.event_id)
        assert event is not None, "the log is never shortened while something of it waits"
        occurred_at, body = event.occurred_at, event_body(event)
    return Claim(endpoint=endpoint, delivery=delivery, body=body, occurred_at=occurred_at, lease_until=now + LEASE)
