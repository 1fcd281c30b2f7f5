"""One entry of the audit trail."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from shared.domain.ids import MerchantId, TransactionId


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what, when, from where. ``user_id`` names a user, or a process of ours (``provider_worker``)."""

    id: UUID
    event_type: str
    timestamp: datetime
    merchant_id: MerchantId | None = None
    transaction_id: TransactionId | None = None
    event_data: Mapping[str, object] = field(default_factory=dict)
    user_id: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
