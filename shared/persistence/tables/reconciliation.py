"""Comparisons of our books with a provider's, and what differed."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from shared.persistence.tables.columns import METADATA, time_column

# One comparison of our books with a provider's. Counts are by what was found; ``result`` says how it ended.
reconciliations = Table(
    "reconciliations",
    METADATA,
    Column("id", UUID(), primary_key=True),
    Column("provider", String, nullable=False),
    Column("since", time_column(), nullable=False),
    Column("until", time_column(), nullable=False),
    Column("started_by", String, nullable=False),
    Column("started_at", time_column(), nullable=False),
    Column("touched_at", time_column(), nullable=False),
    Column("finished_at", time_column()),
    Column("counts", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("result", String, nullable=False),
    Column("reason", String),
    CheckConstraint("since < until", name="window_not_empty"),
    Index("ix_reconciliations_provider", "provider", "started_at"),
)

# Only what differs. An item is found once, however often it is seen; the run that saw it last is beside it.
reconciliation_items = Table(
    "reconciliation_items",
    METADATA,
    Column("id", UUID(), primary_key=True),
    Column("reconciliation_id", UUID(), ForeignKey("reconciliations.id"), nullable=False, index=True),
    Column("last_seen_in", UUID(), ForeignKey("reconciliations.id"), nullable=False, index=True),
    Column("provider", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("our_id", UUID()),
    Column("reference", String),
    Column("ours", JSONB(none_as_null=True)),
    Column("theirs", JSONB(none_as_null=True)),
    Column("difference_minor", BigInteger),
    Column("occurred_at", time_column(), nullable=False),
    Column("state", String, nullable=False),
    Column("resolution", String),
    Column("resolved_by", String),
    Column("resolved_at", time_column()),
    CheckConstraint("state IN ('open', 'resolved')", name="state_known"),
    CheckConstraint("(state = 'resolved') = (resolved_at IS NOT NULL)", name="resolved_has_a_time"),
    Index(
        "uq_reconciliation_items_open",
        "provider",
        "kind",
        "subject",
        text("COALESCE(our_id::text, '')"),
        text("COALESCE(reference, '')"),
        unique=True,
        postgresql_where=text("state = 'open'"),
    ),
    Index("ix_reconciliation_items_our_id", "our_id", postgresql_where=text("state = 'open'")),
)
