"""what the clock's work needs"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

MOVEMENT_DUE = "next_check_at IS NOT NULL OR status IN ('in_doubt', 'pending', 'processing')"
ANSWER = (
    "next_check_at IS NULL AND provider_response <> '{}'::jsonb AND provider_response <> '{\"purged\": true}'::jsonb"
)
RETENTION = (
    ("ix_transactions_has_answer", "transactions", "updated_at", ANSWER),
    ("ix_captures_has_answer", "captures", "updated_at", ANSWER),
    ("ix_refunds_has_answer", "refunds", "updated_at", ANSWER),
    ("ix_outbox_published", "outbox", "published_at", "published_at IS NOT NULL"),
    ("ix_idempotency_keys_stored", "idempotency_keys", "created_at", "status IS NOT NULL"),
    (
        "ix_webhook_events_has_payload",
        "webhook_events",
        "processed_at",
        "processed AND payload <> '{\"purged\": true}'::jsonb",
    ),
)
UNFINISHED = "status IN ('authorized', 'in_doubt', 'pending', 'processing', 'requires_action')"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("outbox", sa.Column("failure", sa.String(), nullable=True))
    _ask_about_finished_ones_too()
    _pages_of_our_books()
    for name, table, column, where in RETENTION:
        op.create_index(name, table, [column], unique=False, postgresql_where=sa.text(where))
    _reconciliations()
    _reconciliation_items()


def _ask_about_finished_ones_too() -> None:
    op.drop_index("ix_transactions_due", table_name="transactions", postgresql_where=sa.text(UNFINISHED))
    op.create_index(
        "ix_transactions_due",
        "transactions",
        ["next_check_at"],
        unique=False,
        postgresql_where=sa.text(f"next_check_at IS NOT NULL OR {UNFINISHED}"),
    )
    for table in ("captures", "refunds"):
        op.drop_index(f"ix_{table}_due", table_name=table, postgresql_where=sa.text("next_check_at IS NOT NULL"))
        op.create_index(
            f"ix_{table}_due", table, ["next_check_at"], unique=False, postgresql_where=sa.text(MOVEMENT_DUE)
        )


def _pages_of_our_books() -> None:
    op.create_index("ix_transactions_created", "transactions", ["created_at", "id"], unique=False)
    op.create_index("ix_captures_created", "captures", ["created_at", "id"], unique=False)
    op.create_index("ix_captures_provider_capture_id", "captures", ["provider", "provider_capture_id"], unique=False)
    op.create_index("ix_refunds_created", "refunds", ["created_at", "id"], unique=False)
    op.create_index("ix_refunds_provider_refund_id", "refunds", ["provider", "provider_refund_id"], unique=False)


def _reconciliations() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "counts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.CheckConstraint("since < until", name=op.f("ck_reconciliations_window_not_empty")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliations")),
    )
    op.create_index("ix_reconciliations_provider", "reconciliations", ["provider", "started_at"], unique=False)


def _reconciliation_items() -> None:
    op.create_table(
        "reconciliation_items",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("reconciliation_id", sa.UUID(), nullable=False),
        sa.Column("last_seen_in", sa.UUID(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("our_id", sa.UUID(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("ours", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("theirs", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("difference_minor", sa.BigInteger(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("resolution", sa.String(), nullable=True),
        sa.Column("resolved_by", sa.String(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('open', 'resolved')", name=op.f("ck_reconciliation_items_state_known")),
        sa.CheckConstraint(
            "(state = 'resolved') = (resolved_at IS NOT NULL)",
            name=op.f("ck_reconciliation_items_resolved_has_a_time"),
        ),
        sa.ForeignKeyConstraint(
            ["reconciliation_id"],
            ["reconciliations.id"],
            name=op.f("fk_reconciliation_items_reconciliation_id_reconciliations"),
        ),
        sa.ForeignKeyConstraint(
            ["last_seen_in"], ["reconciliations.id"], name=op.f("fk_reconciliation_items_last_seen_in_reconciliations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_items")),
    )
    op.create_index(
        op.f("ix_reconciliation_items_reconciliation_id"), "reconciliation_items", ["reconciliation_id"], unique=False
    )
    op.create_index(
        op.f("ix_reconciliation_items_last_seen_in"), "reconciliation_items", ["last_seen_in"], unique=False
    )
    op.create_index(
        "uq_reconciliation_items_open",
        "reconciliation_items",
        ["provider", "kind", "subject", sa.text("COALESCE(our_id::text, '')"), sa.text("COALESCE(reference, '')")],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_reconciliation_items_our_id",
        "reconciliation_items",
        ["our_id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )


def downgrade() -> None:
    op.drop_table("reconciliation_items")
    op.drop_table("reconciliations")
    for name, table, _, where in RETENTION:
        op.drop_index(name, table_name=table, postgresql_where=sa.text(where))
    op.drop_index("ix_refunds_provider_refund_id", table_name="refunds")
    op.drop_index("ix_refunds_created", table_name="refunds")
    op.drop_index("ix_captures_provider_capture_id", table_name="captures")
    op.drop_index("ix_captures_created", table_name="captures")
    op.drop_index("ix_transactions_created", table_name="transactions")
    for table in ("captures", "refunds"):
        op.drop_index(f"ix_{table}_due", table_name=table)
        op.create_index(
            f"ix_{table}_due",
            table,
            ["next_check_at"],
            unique=False,
            postgresql_where=sa.text("next_check_at IS NOT NULL"),
        )
    op.drop_index("ix_transactions_due", table_name="transactions")
    op.create_index(
        "ix_transactions_due", "transactions", ["next_check_at"], unique=False, postgresql_where=sa.text(UNFINISHED)
    )
    op.drop_column("outbox", "failure")
    op.drop_column("outbox", "tries")
