"""Switches a merchant's webhook endpoint off and on: audited, counted, and told elsewhere."""

from collections.abc import Mapping
from datetime import datetime

from shared.application.actor import Actor
from shared.application.webhook_fanout import ring, tell_others
from shared.domain.event_types import ENDPOINT_DISABLED
from shared.domain.webhook_endpoint import DisabledReason, WebhookEndpoint
from shared.persistence.audit_entry import AuditEntry
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.identifiers import new_id
from shared.runtime.metrics import ENDPOINTS_DISABLED


def switch_off(
    work: UnitOfWork, endpoint: WebhookEndpoint, reason: DisabledReason, actor: Actor, now: datetime
) -> WebhookEndpoint:
    """What waits for it stays waiting. The merchant's other endpoints are told; the caller holds the lock."""
    off = endpoint.switched_off(reason, now)
    work.webhook_endpoints.save(off)
    record_endpoint_audit(work, off, ENDPOINT_DISABLED, actor, now, reason=reason.value)
    notice = {"endpoint_id": str(off.id), "url": off.url, "reason": reason.value}
    tell_others(work, off, ENDPOINT_DISABLED, notice, now)
    ENDPOINTS_DISABLED.labels(reason=reason).inc()
    return off


def switch_on(work: UnitOfWork, endpoint: WebhookEndpoint, actor: Actor, now: datetime) -> WebhookEndpoint:
    """What waits goes on; what happened while it was off comes with a recovery. The caller holds the lock."""
    on = endpoint.switched_on(now)
    work.webhook_endpoints.save(on)
    record_endpoint_audit(work, on, "webhook_endpoint.enabled", actor, now)
    ring(work, on, now)
    return on


def record_endpoint_audit(
    work: UnitOfWork, endpoint: WebhookEndpoint, event_type: str, actor: Actor, now: datetime, **details: object
) -> None:
    """``details`` say what was done, never a secret."""
    facts: Mapping[str, object] = {"endpoint_id": str(endpoint.id), **details}
    work.audit_log.append(
        AuditEntry(
            id=new_id(),
            event_type=event_type,
            timestamp=now,
            merchant_id=endpoint.merchant_id,
            event_data=dict(facts),
            user_id=actor.user_id,
            ip_address=actor.ip_address,
            user_agent=actor.user_agent,
            request_id=actor.request_id,
        )
    )
