"""Messages that nobody could handle, and what was decided about them."""

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Integer, String, Table, text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from shared.persistence.tables.columns import METADATA, time_column

# A letter is about anything, also about what does not exist: nothing here has a foreign key.
dead_letters = Table(
    "dead_letters",
    METADATA,
    Column("id", UUID(), primary_key=True),
    Column("message_id", UUID(), nullable=False, unique=True),
    Column("merchant_id", UUID()),
    Column("transaction_id", UUID()),
    Column("subject_kind", String),
    Column("subject_id", UUID()),
    Column("provider", String),
    Column("queue", String, nullable=False),
    Column("exchange", String, nullable=False),
    Column("routing_key", String, nullable=False),
    Column("message_type", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("first_error", JSONB(none_as_null=True)),
    Column("last_error", JSONB(none_as_null=True)),
    Column("tries", Integer, nullable=False),
    Column("deaths", Integer, nullable=False, server_default=text("1")),
    Column("headers", JSONB, nullable=False),
    Column("body", String, nullable=False),
    Column("body_bytes", Integer, nullable=False),
    Column("is_exact", Boolean, nullable=False),
    Column("first_died_at", time_column(), nullable=False),
    Column("last_died_at", time_column(), nullable=False),
    Column("state", String, nullable=False, server_default=text("'waiting'")),
    Column("decided_by", String),
    Column("decided_at", time_column()),
    Column("decision", String),
    CheckConstraint("state IN ('waiting', 'replayed', 'skipped', 'discarded')", name="state_known"),
    CheckConstraint("(state = 'waiting') = (decided_at IS NULL)", name="decided_has_a_time"),
    Index("ix_dead_letters_waiting", "last_died_at", postgresql_where=text("state = 'waiting'")),
    Index("ix_dead_letters_subject", "subject_id"),
)
