"""The rows of all tables, by primary key."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from uuid import UUID

from shared.contracts.messages.envelope import OutgoingMessage
from shared.domain.attempt import Attempt
from shared.domain.capture import Capture
from shared.domain.dispute import Dispute
from shared.domain.ids import EndpointId, MerchantId
from shared.domain.payout import Payout
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.domain.webhook_delivery import Delivery, DeliveryAttempt
from shared.domain.webhook_endpoint import Lane, WebhookEndpoint
from shared.persistence.accounts import Account
from shared.persistence.audit_entry import AuditEntry
from shared.persistence.audit_seals import Leaf, Seal
from shared.persistence.dead_letters import DeadLetter
from shared.persistence.event_log import LoggedEvent
from shared.persistence.idempotency import IdempotencyClaim
from shared.persistence.provider_configs import StoredProviderConfig
from shared.persistence.reconciliations import Reconciliation, ReconciliationItem
from shared.persistence.webhook_endpoint_tests import EndpointTest
from shared.persistence.webhook_events import WebhookEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    message: OutgoingMessage
    available_at: datetime
    published_at: datetime | None = None
    tries: int = 0
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """``written_by`` is the number of the writing transaction."""

    event: LoggedEvent
    written_by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRow:
    user_id: UUID
    merchant_id: UUID | None
    secret_hash: str
    is_revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    account: Account
    email: str
    is_active: bool = True


@dataclass(slots=True)
class Tables:
    transactions: dict[UUID, Transaction] = field(default_factory=dict)
    captures: dict[UUID, Capture] = field(default_factory=dict)
    refunds: dict[UUID, Refund] = field(default_factory=dict)
    disputes: dict[UUID, Dispute] = field(default_factory=dict)
    payouts: dict[UUID, Payout] = field(default_factory=dict)
    attempts: dict[UUID, Attempt] = field(default_factory=dict)
    events: dict[UUID, EventRow] = field(default_factory=dict)
    event_places: dict[UUID, tuple[int, UUID]] = field(default_factory=dict)
    outbox: dict[UUID, OutboxRow] = field(default_factory=dict)
    audit_log: dict[UUID, AuditEntry] = field(default_factory=dict)
    audit_seals: dict[int, Seal] = field(default_factory=dict)
    audit_leaves: dict[UUID, Leaf] = field(default_factory=dict)
    dead_letters: dict[UUID, DeadLetter] = field(default_factory=dict)
    webhook_events: dict[UUID, WebhookEvent] = field(default_factory=dict)
    webhook_endpoints: dict[UUID, WebhookEndpoint] = field(default_factory=dict)
    webhook_deliveries: dict[UUID, Delivery] = field(default_factory=dict)
    webhook_delivery_attempts: dict[tuple[UUID, int], DeliveryAttempt] = field(default_factory=dict)
    webhook_endpoint_tests: dict[UUID, EndpointTest] = field(default_factory=dict)
    webhook_feed: dict[str, str] = field(default_factory=dict)
    webhook_rung: dict[UUID, datetime] = field(default_factory=dict)
    webhook_leased_lanes: dict[UUID, Lane] = field(default_factory=dict)
    webhook_waiting_turns: dict[tuple[EndpointId, Lane], tuple[datetime, MerchantId]] = field(default_factory=dict)
    idempotency_keys: dict[tuple[UUID, str], IdempotencyClaim] = field(default_factory=dict)
    reconciliations: dict[UUID, Reconciliation] = field(default_factory=dict)
    reconciliation_items: dict[UUID, ReconciliationItem] = field(default_factory=dict)
    merchants: dict[UUID, str] = field(default_factory=dict)
    users: dict[UUID, UserRow] = field(default_factory=dict)
    api_keys: dict[str, ApiKeyRow] = field(default_factory=dict)
    provider_configs: dict[UUID, StoredProviderConfig] = field(default_factory=dict)

    def copy(self) -> "Tables":
        return Tables(**{each.name: dict(getattr(self, each.name)) for each in fields(self)})

    def count(self) -> int:
        """How many rows there are, in all tables together."""
        return sum(len(getattr(self, each.name)) for each in fields(self))
