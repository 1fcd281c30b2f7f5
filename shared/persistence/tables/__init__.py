"""The tables, as SQLAlchemy sees them; ``migrations/`` makes them, and a test compares the two."""

from shared.persistence.tables.audit import AUDITED_PAYOUT, audit_leaves, audit_logs, audit_seals
from shared.persistence.tables.columns import METADATA, TransactionNumber
from shared.persistence.tables.dead_letters import dead_letters
from shared.persistence.tables.disputes import disputes
from shared.persistence.tables.event_log import event_log_state
from shared.persistence.tables.payments import (
    HAS_ANSWER,
    HAS_PAYLOAD,
    api_keys,
    attempts,
    captures,
    events,
    idempotency_keys,
    merchants,
    outbox,
    payouts,
    provider_configs,
    refunds,
    transactions,
    users,
    webhook_events,
)
from shared.persistence.tables.reconciliation import reconciliation_items, reconciliations
from shared.persistence.tables.webhooks import (
    webhook_deliveries,
    webhook_delivery_attempts,
    webhook_endpoint_tests,
    webhook_endpoints,
    webhook_feed,
    webhook_waiting_turns,
)

__all__ = [
    "AUDITED_PAYOUT",
    "HAS_ANSWER",
    "HAS_PAYLOAD",
    "METADATA",
    "TransactionNumber",
    "api_keys",
    "attempts",
    "audit_leaves",
    "audit_logs",
    "audit_seals",
    "captures",
    "dead_letters",
    "disputes",
    "event_log_state",
    "events",
    "idempotency_keys",
    "merchants",
    "outbox",
    "payouts",
    "provider_configs",
    "reconciliation_items",
    "reconciliations",
    "refunds",
    "transactions",
    "users",
    "webhook_deliveries",
    "webhook_delivery_attempts",
    "webhook_endpoint_tests",
    "webhook_endpoints",
    "webhook_events",
    "webhook_feed",
    "webhook_waiting_turns",
]
