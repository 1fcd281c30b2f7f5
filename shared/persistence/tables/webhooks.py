"""Merchants' webhook endpoints, what is to be delivered to them, and every attempt."""

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text, text
from sqlalchemy import UniqueConstraint as Unique
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from shared.domain.webhook_delivery import AttemptKind, DeliveryState
from shared.domain.webhook_endpoint import DisabledReason, Lane
from shared.persistence.tables.columns import METADATA, one_of, time_column

# ``secrets``: [{"ciphertext": …, "until": …}], the newest first. ``rung_at``: when the sweep last had somebody come.
webhook_endpoints = Table(
    "webhook_endpoints",
    METADATA,
    Column("id", UUID(), primary_key=True),
    Column("merchant_id", UUID(), ForeignKey("merchants.id"), nullable=False),
    Column("url", String, nullable=False),
    Column("description", String, nullable=False),
    Column("event_types", ARRAY(String), nullable=False),
    Column("secrets", JSONB, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("listens_since", time_column(), nullable=False),
    Column("is_quick", Boolean, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", time_column()),
    Column("failed_at", time_column()),
    Column("rests_until", time_column()),
    Column("rung_at", time_column()),
    Column("disabled_at", time_column()),
    Column("disabled_reason", String),
    Column("deleted_at", time_column()),
    Column("created_at", time_column(), nullable=False),
    Column("updated_at", time_column(), nullable=False),
    CheckConstraint(f"disabled_reason IS NULL OR {one_of('disabled_reason', DisabledReason)}", name="reason_known"),
    CheckConstraint("deleted_at IS NULL OR NOT is_active", name="deleted_is_off"),
    Index(
        "uq_webhook_endpoints_merchant_id_url",
        "merchant_id",
        "url",
        unique=True,
        postgresql_where=text("deleted_at IS NULL"),
    ),
)

# ``notice``: what it says, where that is no event of the log. ``lease_until``: a thread of ``leased_lane`` sends it.
webhook_deliveries = Table(
    "webhook_deliveries",
    METADATA,
    Column("id", UUID(), primary_key=True),
    Column("endpoint_id", UUID(), ForeignKey("webhook_endpoints.id"), nullable=False),
    Column("merchant_id", UUID(), nullable=False),
    Column("event_id", UUID(), nullable=False),
    Column("event_type", String, nullable=False),
    Column("state", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_kind", String, nullable=False),
    Column("next_try_at", time_column()),
    Column("lease_until", time_column()),
    Column("leased_lane", String),
    Column("notice", JSONB(none_as_null=True)),
    Column("created_at", time_column(), nullable=False),
    Column("updated_at", time_column(), nullable=False),
    Unique("endpoint_id", "event_id"),
    CheckConstraint(one_of("state", DeliveryState), name="state_known"),
    CheckConstraint(f"leased_lane IS NULL OR {one_of('leased_lane', Lane)}", name="lane_known"),
    CheckConstraint("(state = 'waiting') = (next_try_at IS NOT NULL)", name="waiting_has_a_time"),
    Index("ix_webhook_deliveries_due", "endpoint_id", "next_try_at", postgresql_where=text("state = 'waiting'")),
    Index("ix_webhook_deliveries_leased", "endpoint_id", postgresql_where=text("lease_until IS NOT NULL")),
    Index("ix_webhook_deliveries_in_flight", "merchant_id", postgresql_where=text("lease_until IS NOT NULL")),
    Index("ix_webhook_deliveries_of_endpoint", "endpoint_id", "id"),
    Index("ix_webhook_deliveries_event", "event_id"),
)

webhook_delivery_attempts = Table(
    "webhook_delivery_attempts",
    METADATA,
    Column("delivery_id", UUID(), ForeignKey("webhook_deliveries.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("started_at", time_column(), nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Column("status", Integer),
    Column("response", Text),
    Column("reason", String),
    Column("detail", String),
    CheckConstraint(one_of("kind", AttemptKind), name="kind_known"),
    CheckConstraint("(status IS NULL) = (reason IS NOT NULL)", name="answer_or_reason"),
    Index("ix_webhook_delivery_attempts_has_response", "started_at", postgresql_where=text("response IS NOT NULL")),
)

# What "test my endpoint" sent, and how the endpoint took it; ``cases`` is filled in at the end.
webhook_endpoint_tests = Table(
    "webhook_endpoint_tests",
    METADATA,
    Column("id", UUID(), primary_key=True),
    Column("endpoint_id", UUID(), ForeignKey("webhook_endpoints.id"), nullable=False, index=True),
    Column("merchant_id", UUID(), nullable=False),
    Column("created_at", time_column(), nullable=False),
    Column("finished_at", time_column()),
    Column("cases", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
)

# Endpoints that had to leave because their merchant had as many calls under way as one may have.
webhook_waiting_turns = Table(
    "webhook_waiting_turns",
    METADATA,
    Column("endpoint_id", UUID(), ForeignKey("webhook_endpoints.id"), primary_key=True),
    Column("lane", String, primary_key=True),
    Column("merchant_id", UUID(), nullable=False, index=True),
    Column("since", time_column(), nullable=False),
    CheckConstraint(one_of("lane", Lane), name="lane_known"),
)

# How far the sweep over the event log has come.
webhook_feed = Table(
    "webhook_feed",
    METADATA,
    Column("name", String, primary_key=True),
    Column("cursor", String, nullable=False),
)
