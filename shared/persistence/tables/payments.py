"""Payments and what belongs to them: who may make them, what was done, what is to be sent, what was called back."""

from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from shared.domain.movement_status import UNFINISHED as UNFINISHED_MOVEMENTS
from shared.domain.movement_status import MovementStatus
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction import CaptureMethod, PaymentSource
from shared.domain.transaction_status import UNFINISHED, TransactionStatus
from shared.persistence.tables.columns import METADATA, TransactionNumber, one_of, time_column

_DECIMAL = "round((amount_minor)::numeric / (10)::numeric ^ (currency_exponent)::numeric, (currency_exponent)::integer)"


def _listed(statuses: Iterable[str]) -> str:
    return ", ".join(sorted(repr(str(status)) for status in statuses))


# What is due, and what is unfinished and has no time at which it is.
_DUE = "next_check_at IS NOT NULL OR status IN ({})"

# What retention lets go of, in the words of the indexes that find it.
HAS_PAYLOAD = "processed AND payload <> '{\"purged\": true}'::jsonb"
_ANSWER = "provider_response <> '{}'::jsonb AND provider_response <> '{\"purged\": true}'::jsonb"
HAS_ANSWER = f"next_check_at IS NULL AND {_ANSWER}"

# What belongs to a payment or to a payout.
_ONE_OWNER = "num_nonnulls(transaction_id, payout_id) = 1"

merchants = Table(
    "merchants",
    METADATA,
    Column("id", UUID(), primary_key=True),
    Column("name", String, nullable=False),
    Column("created_at", time_column(), nullable=False),
)

users = Table(
    "users",
    METADATA,
    Column("id", UUID(), primary_key=True),
    Column("merchant_id", UUID(), ForeignKey("merchants.id")),
    Column("email", String, nullable=False, unique=True),
    Column("password_hash", String, nullable=False),
    Column("role", String, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("created_at", time_column(), nullable=False),
)

api_keys = Table(
    "api_keys",
    METADATA,
    Column("id", String, primary_key=True),
    Column("merchant_id", UUID(), ForeignKey("merchants.id"), nullable=False),
    Column("user_id", UUID(), ForeignKey("users.id"), nullable=False),
    Column("secret_hash", String, nullable=False),
    Column("revoked_at", time_column()),
    Column("created_at", time_column(), nullable=False),
)

provider_configs = Table(
    "provider_configs",
    METADATA,
    Column("id", UUID(), primary_key=True),
    Column("provider_name", String, nullable=False),
    # Whose account it is; the default one is nobody's.
    Column("merchant_id", UUID(), ForeignKey("merchants.id")),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("api_key", String),
    Column("api_secret", String),
    Column("webhook_secret", String),
    Column("config", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("created_at", time_column(), nullable=False),
    Column("updated_at", time_column(), nullable=False),
    UniqueConstraint("provider_name", "merchant_id", postgresql_nulls_not_distinct=True),
)

# Accounts are never deleted, so provider_config_id has no foreign key: its check would have all concurrent payments
# share a lock on one row.
transactions = Table(
    "transactions",
    METADATA,
    Column("id", UUID(), primary_key=True),
    Column("merchant_id", UUID(), ForeignKey("merchants.id"), nullable=False),
    Column("user_id", UUID(), ForeignKey("users.id")),
    Column("idempotency_key", String, nullable=False),
    Column("provider", String, nullable=False),
    Column("provider_config_id", UUID()),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("currency_exponent", SmallInteger, nullable=False),
    Column("amount", Numeric, Computed(_DECIMAL, persisted=True)),
    Column("status", String, nullable=False),
    Column("customer", JSONB, nullable=False),
    Column("customer_id", String),
    Column("payment_method", String),
    Column("metadata", JSONB, nullable=False, key="metadata_"),
    Column("payment_method_token", String),
    Column("return_url", String),
    Column("provider_transaction_id", String),
    Column("provider_receipt", String),
    Column("provider_response", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("next_action", JSONB(none_as_null=True)),
    Column("failure", JSONB(none_as_null=True)),
    Column("capture_method", String, nullable=False, server_default=text("'automatic'")),
    Column("source", String, nullable=False, server_default=text("'merchant'")),
    Column("authorized_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("capture_pending_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("captured_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("refunded_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("refund_pending_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("late", Boolean, nullable=False, server_default=text("false")),
    Column("cancel_requested_at", time_column()),
    Column("version", Integer, nullable=False),
    Column("expires_at", time_column(), nullable=False),
    Column("next_check_at", time_column()),
    Column("checks_made", Integer, nullable=False, server_default=text("0")),
    Column("review_since", time_column()),
    Column("created_at", time_column(), nullable=False),
    Column("updated_at", time_column(), nullable=False),
    UniqueConstraint("merchant_id", "idempotency_key"),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("captured_minor >= 0 AND captured_minor <= amount_minor", name="captured_within_amount"),
    CheckConstraint("authorized_minor >= 0 AND authorized_minor <= amount_minor", name="authorized_within_amount"),
    CheckConstraint("capture_pending_minor >= 0", name="captures_not_negative"),
    # An automatic payment may be taken without ever having been reserved.
    CheckConstraint(
        "capture_method = 'automatic' OR captured_minor + capture_pending_minor <= authorized_minor",
        name="captures_within_authorized",
    ),
    CheckConstraint(one_of("capture_method", CaptureMethod), name="capture_method_known"),
    CheckConstraint(one_of("source", PaymentSource), name="source_known"),
    CheckConstraint("refunded_minor >= 0 AND refund_pending_minor >= 0", name="refunds_not_negative"),
    CheckConstraint("refunded_minor + refund_pending_minor <= captured_minor", name="refunds_within_captured"),
    CheckConstraint(one_of("status", TransactionStatus), name="status_known"),
    Index("ix_transactions_merchant_newest", "merchant_id", text("created_at DESC"), text("id DESC")),
    Index("ix_transactions_merchant_customer", "merchant_id", "customer_id"),
    Index("ix_transactions_created", "created_at", "id"),
    Index("ix_transactions_has_answer", "updated_at", postgresql_where=text(HAS_ANSWER)),
    Index(
        "uq_transactions_provider_transaction_id",
        "provider",
        "provider_transaction_id",
        unique=True,
        postgresql_where=text("provider_transaction_id IS NOT NULL"),
    ),
    Index(
        "uq_transactions_provider_receipt",
        "provider",
        "provider_receipt",
        unique=True,
        postgresql_where=text("provider_receipt IS NOT NULL"),
    ),
    # As shared.domain.ids.short_reference makes it, in lower case.
    Index("ix_transactions_short_reference", text('"right"(CAST(id AS VARCHAR), 12)')),
    Index("ix_transactions_review", "review_since", postgresql_where=text("review_since IS NOT NULL")),
    Index("ix_transactions_due", "next_check_at", postgresql_where=text(_DUE.format(_listed(UNFINISHED)))),
)

refunds = Table(
    "refunds",
    METADATA,
    Column("id", UUID(), primary_key=True),
    Column("transaction_id", UUID(), ForeignKey("transactions.id"), nullable=False, index=True),
    Column("merchant_id", UUID(), ForeignKey("merchants.id"), nullable=False),
    Column("user_id", UUID(), ForeignKey("users.id")),
    Column("idempotency_key", String, nullable=False),
    Column("provider", String, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("reason", String, nullable=False),
    Column("status", String, nullable=False),
    Column("provider_refund_id", String),
    Column("provider_response", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("failure", JSONB(none_as_null=True)),
    Column("expires_at", time_column(), nullable=False),
    Column("next_check_at", time_column()),
    Column("checks_made", Integer, nullable=False, server_default=text("0")),
    Column("review_since", time_column()),
    Column("created_at", time_column(), nullable=False),
    Column("updated_at", time_column(), nullable=False),
    UniqueConstraint("merchant_id", "idempotency_key"),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint(one_of("status", RefundStatus), name="status_known"),
    Index("ix_refunds_created", "created_at", "id"),
    Index("ix_refunds_has_answer", "updated_at", postgresql_where=text(HAS_ANSWER)),
    Index("ix_refunds_provider_refund_id", "provider", "provider_refund_id"),
    Index("ix_refunds_due", "next_check_at", postgresql_where=text(_DUE.format(_listed(UNFINISHED_MOVEMENTS)))),
)

captures = Table(
    "captures",
    METADATA,
    Column("id", UUID(), primary_key=True),
    Column("transaction_id", UUID(), ForeignKey("transactions.id"), nullable=False, index=True),
    Column("merchant_id", UUID(), ForeignKey("merchants.id"), nullable=False),
    Column("user_id", UUID(), ForeignKey("users.id")),
    Column("idempotency_key", String, nullable=False),
    Column("provider", String, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("is_final", Boolean, nullable=False),
    Column("status", String, nullable=False),
    Column("provider_capture_id", String),
    Column("provider_response", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("failure", JSONB(none_as_null=True)),
    Column("expires_at", time_column(), nullable=False),
    Column("next_check_at", time_column()),
    Column("checks_made", Integer, nullable=False, server_default=text("0")),
    Column("review_since", time_column()),
    Column("created_at", time_column(), nullable=False),
    Column("updated_at", time_column(), nullable=False),
    UniqueConstraint("merchant_id", "idempotency_key"),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint(one_of("status", MovementStatus), name="status_known"),
    Index("ix_captures_created", "created_at", "id"),
    Index("ix_captures_has_answer", "updated_at", postgresql_where=text(HAS_ANSWER)),
    Index("ix_captures_provider_capture_id", "provider", "provider_capture_id"),
    Index("ix_captures_due", "next_check_at", postgresql_where=text(_DUE.format(_listed(UNFINISHED_MOVEMENTS)))),
)

payouts = Table(
    "payouts",
    METADATA,
    Column("id", UUID(), primary_key=True),
    Column("merchant_id", UUID(), ForeignKey("merchants.id"), nullable=False),
    Column("user_id", UUID(), ForeignKey("users.id")),
    Column("idempotency_key", String, nullable=False),
    Column("provider", String, nullable=False),
    Column("provider_config_id", UUID()),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("recipient", JSONB, nullable=False),
    Column("reason", String, nullable=False),
    Column("metadata", JSONB, nullable=False, key="metadata_"),
    Column("status", String, nullable=False),
    Column("provider_payout_id", String),
    Column("provider_response", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("failure", JSONB(none_as_null=True)),
    Column("version", Integer, nullable=False),
    Column("expires_at", time_column(), nullable=False),
    Column("next_check_at", time_column()),
    Column("checks_made", Integer, nullable=False, server_default=text("0")),
    Column("review_since", time_column()),
    Column("created_at", time_column(), nullable=False),
    Column("updated_at", time_column(), nullable=False),
    UniqueConstraint("merchant_id", "idempotency_key"),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint(one_of("status", MovementStatus), name="status_known"),
    Index("ix_payouts_merchant_newest", "merchant_id", text("created_at DESC"), text("id DESC")),
    Index("ix_payouts_created", "created_at", "id"),
    Index("ix_payouts_has_answer", "updated_at", postgresql_where=text(HAS_ANSWER)),
    Index(
        "uq_payouts_provider_payout_id",
        "provider",
        "provider_payout_id",
        unique=True,
        postgresql_where=text("provider_payout_id IS NOT NULL"),
    ),
    Index("ix_payouts_due", "next_check_at", postgresql_where=text(_DUE.format(_listed(UNFINISHED_MOVEMENTS)))),
)

# From here on merchant_id and user_id have no foreign key of their own: their owner's has been checked, and a check on
# every row would have all concurrent payments of a merchant share a lock on the merchant's row.
attempts = Table(
    "attempts",
    METADATA,
    Column("id", UUID(), primary_key=True),
    Column("merchant_id", UUID(), nullable=False),
    Column("transaction_id", UUID(), ForeignKey("transactions.id")),
    Column("refund_id", UUID(), ForeignKey("refunds.id")),
    Column("capture_id", UUID(), ForeignKey("captures.id")),
    Column("payout_id", UUID(), ForeignKey("payouts.id")),
    Column("provider", String, nullable=False),
    Column("operation", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("provider_key", String, nullable=False),
    Column("started_at", time_column(), nullable=False),
    Column("lease_until", time_column(), nullable=False),
    Column("finished_at", time_column()),
    Column("outcome", String),
    Column("reason", String),
    UniqueConstraint("provider_key", "number"),
    CheckConstraint(_ONE_OWNER, name="one_owner"),
    Index("ix_attempts_transaction", "transaction_id", "started_at"),
    Index("ix_attempts_payout", "payout_id", "started_at", postgresql_where=text("payout_id IS NOT NULL")),
    Index("ix_attempts_leased", "lease_until", postgresql_where=text("finished_at IS NULL")),
)

events = Table(
    "events",
    METADATA,
    Column("id", UUID(), primary_key=True),
    Column("merchant_id", UUID(), nullable=False),
    Column("user_id", UUID()),
    Column("transaction_id", UUID(), ForeignKey("transactions.id")),
    Column("refund_id", UUID(), ForeignKey("refunds.id")),
    Column("capture_id", UUID(), ForeignKey("captures.id")),
    Column("payout_id", UUID(), ForeignKey("payouts.id")),
    Column("sequence", Integer, nullable=False),
    Column("event_type", String, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("occurred_at", time_column(), nullable=False),
    Column("written_by", TransactionNumber(), nullable=False, server_default=text("event_log_place()")),
    UniqueConstraint("transaction_id", "sequence"),
    UniqueConstraint("payout_id", "sequence"),
    CheckConstraint(_ONE_OWNER, name="one_owner"),
    Index("ix_events_feed", "written_by", "id"),
    Index("ix_events_merchant_time", "merchant_id", "occurred_at"),
    Index("ix_events_merchant_feed", "merchant_id", "written_by", "id"),
    Index("ix_events_user_feed", "user_id", "written_by", "id"),
)

outbox = Table(
    "outbox",
    METADATA,
    Column("message_id", UUID(), primary_key=True),
    Column("exchange", String, nullable=False),
    Column("routing_key", String, nullable=False),
    Column("type", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("correlation_id", String, nullable=False),
    Column("occurred_at", time_column(), nullable=False),
    Column("available_at", time_column(), nullable=False),
    Column("published_at", time_column()),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("failure", String),
    Index("ix_outbox_correlation", "correlation_id", "occurred_at"),
    Index("ix_outbox_published", "published_at", postgresql_where=text("published_at IS NOT NULL")),
    Index("ix_outbox_unpublished", "available_at", postgresql_where=text("published_at IS NULL")),
)

idempotency_keys = Table(
    "idempotency_keys",
    METADATA,
    Column("merchant_id", UUID(), primary_key=True),
    Column("key", String, primary_key=True),
    Column("endpoint", String, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("resource_id", UUID(), nullable=False),
    Column("status", SmallInteger),
    Column("body", LargeBinary),
    Column("created_at", time_column(), nullable=False),
    Index("ix_idempotency_keys_stored", "created_at", postgresql_where=text("status IS NOT NULL")),
)

webhook_events = Table(
    "webhook_events",
    METADATA,
    Column("id", UUID(), primary_key=True),
    Column("transaction_id", UUID(), ForeignKey("transactions.id"), index=True),
    Column("provider", String, nullable=False),
    Column("provider_config_id", UUID()),
    Column("provider_event_id", String, nullable=False),
    Column("event_type", String, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("signature", String, nullable=False),
    Column("verified", Boolean, nullable=False),
    Column("processed", Boolean, nullable=False, server_default=text("false")),
    Column("result", String),
    Column("ip_address", String),
    Column("user_agent", String),
    Column("retry_count", Integer, nullable=False, server_default=text("0")),
    Column("repeats", Integer, nullable=False, server_default=text("0")),
    Column("rung_at", time_column()),
    Column("created_at", time_column(), nullable=False),
    Column("processed_at", time_column()),
    UniqueConstraint("provider", "provider_event_id", "provider_config_id", postgresql_nulls_not_distinct=True),
    Index("ix_webhook_events_unprocessed", "created_at", postgresql_where=text("NOT processed")),
    Index("ix_webhook_events_has_payload", "processed_at", postgresql_where=text(HAS_PAYLOAD)),
)
