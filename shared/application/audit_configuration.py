"""Audits changes of the providers' configurations: which fields, never what they say."""

from collections.abc import Collection
from datetime import datetime

from shared.application.actor import Actor
from shared.persistence.audit_entry import AuditEntry
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.identifiers import new_id


def record_configuration_change(
    work: UnitOfWork, provider_name: str, changed_fields: Collection[str], actor: Actor, now: datetime
) -> None:
    """Nothing is recorded where nothing changed."""
    if not changed_fields:
        return
    work.audit_log.append(
        AuditEntry(
            id=new_id(),
            event_type="configuration.changed",
            timestamp=now,
            event_data={"provider": provider_name, "changed_fields": sorted(changed_fields)},
            user_id=actor.user_id,
            ip_address=actor.ip_address,
            user_agent=actor.user_agent,
            request_id=actor.request_id,
        )
    )
