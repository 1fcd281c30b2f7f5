"""Audits callbacks that were refused: who tried, and why it was no good."""

import structlog

from shared.application.actor import Actor
from shared.application.audit_writer import Offer
from shared.persistence.audit_entry import AuditEntry
from shared.runtime.allowance import Allowance
from shared.runtime.clock import Clock
from shared.runtime.identifiers import new_id
from shared.runtime.metrics import AUDIT_DROPPED

log = structlog.get_logger()


class RefusalAudit:
    """Anybody can send a forged callback, so there is a limit to how many are written down; all are counted."""

    def __init__(self, offer: Offer, clock: Clock, allowance: Allowance) -> None:
        self._offer, self._clock, self._allowance = offer, clock, allowance

    def refused(self, provider: str, reason: str, sender: Actor) -> None:
        if not self._allowance.take():
            AUDIT_DROPPED.labels(reason="too_many").inc()
            return
        log.warning("webhook.rejected", provider=provider, reason=reason)
        self._offer(
            AuditEntry(
                id=new_id(),
                event_type="webhook.refused",
                timestamp=self._clock.now(),
                event_data={"provider": provider, "reason": reason},
                ip_address=sender.ip_address,
                user_agent=sender.user_agent,
                request_id=sender.request_id,
            )
        )
