"""Works off what waits for one endpoint: claims, calls outside any transaction, records."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from services.webhook_delivery.claims import Claim, Claims
from services.webhook_delivery.record import Recorder
from services.webhook_delivery.verdict import Verdict, verdict_of
from shared.application.webhook_secrets import signed_headers, signing_secrets
from shared.domain.ids import EndpointId
from shared.domain.webhook_endpoint import Lane
from shared.egress.client import Answer, Failed
from shared.persistence.errors import StorageUnavailable
from shared.runtime.clock import Clock
from shared.runtime.crash_points import reach
from shared.runtime.crypto import CredentialCipher, CredentialUnreadable
from shared.runtime.metrics import WEBHOOK_ATTEMPTS, WEBHOOK_LATENCY, WEBHOOK_SECONDS

# So many deliveries to one endpoint, then it is the others' turn. A slow one holds its thread for long enough with one.
TURN = {Lane.FAST: 20, Lane.SLOW: 1}

USER_AGENT = "payment-gateway-webhooks/1"

Post = Callable[[str, bytes, Mapping[str, str]], Answer | Failed]

log = structlog.get_logger()


class Deliverer:
    """``stopping``: the process is to end, and begins no further call."""

    def __init__(
        self,
        claims: Claims,
        recorder: Recorder,
        post: Post,
        cipher: CredentialCipher,
        clock: Clock,
        stopping: threading.Event,
    ) -> None:
        self._claims, self._recorder, self._post = claims, recorder, post
        self._cipher, self._clock, self._stopping = cipher, clock, stopping

    def work_off(self, lane: Lane, endpoint_id: EndpointId) -> int:
        """Deliver what is due, up to a turn's worth, if this lane is the endpoint's; how many were sent."""
        sent = 0
        while sent < TURN[lane] and not self._stopping.is_set():
            claim = self._claims.next(lane, endpoint_id)
            if claim is None:
                return sent
            reach("delivery.after_claim")
            self._deliver(claim)
            sent += 1
        self._claims.pass_on(lane, endpoint_id)
        return sent

    def _deliver(self, claim: Claim) -> None:
        started_at = self._clock.now()
        try:
            headers = self._headers(claim, started_at)
        except CredentialUnreadable:
            self._recorder.put_off(claim.endpoint, claim.delivery)
            return
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
                self._recorder.record(claim.endpoint, claim.delivery, started_at, verdict)
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
