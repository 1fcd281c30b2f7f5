"""Audits changes of the providers' configurations: which fields, never what they say."""

from collections.abc import Collection
from datetime import datetime

from shared.application.actor import Actor
from shared.domain.ids import MerchantId
from shared.persistence.audit_entry import AuditEntry
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.identifiers import new_id


def record_configuration_change(
    work: UnitOfWork,
    provider_name: str,
    changed_fields: Collection[str],
    actor: Actor,
    now: datetime,
    merchant_id: MerchantId | None = None,
) -> None:
    """Of the account of ``merchant_id``, or of the default one. Nothing is recorded where nothing changed."""
    if not changed_fields:
        return
    work.audit_log.append(
        AuditEntry(
            id=new_id(),
            event_type="configuration.changed",
            timestamp=now,
            merchant_id=merchant_id,
            event_data={
                "provider": provider_name,
                "account": account_name(merchant_id),
                "changed_fields": sorted(changed_fields),
            },
            user_id=actor.user_id,
            ip_address=actor.ip_address,
            user_agent=actor.user_agent,
            request_id=actor.request_id,
        )
    )


def record_key_rotation(
    work: UnitOfWork, provider_name: str, merchant_id: MerchantId | None, actor: Actor, now: datetime
) -> None:
    """The secrets of the account were encrypted by another key; they are what they were."""
    work.audit_log.append(
        AuditEntry(
            id=new_id(),
            event_type="configuration.key_rotated",
            timestamp=now,
            merchant_id=merchant_id,
            event_data={"provider": provider_name, "account": account_name(merchant_id)},
            user_id=actor.user_id,
        )
    )


def account_name(merchant_id: MerchantId | None) -> str:
    return "default" if merchant_id is None else str(merchant_id)
