"""payouts: money sent out, with no payment behind it; and who started a payment"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

ANSWER = (
    "next_check_at IS NULL AND provider_response <> '{}'::jsonb AND provider_response <> '{\"purged\": true}'::jsonb"
)
DUE = "next_check_at IS NOT NULL OR status IN ('in_doubt', 'pending', 'processing')"
ONE_OWNER = "num_nonnulls(transaction_id, payout_id) = 1"
AUDITED_PAYOUT = "(event_data ->> 'payout_id'::text)"


def upgrade() -> None:
    source = sa.Column("source", sa.String(), server_default=sa.text("'merchant'"), nullable=False)
    op.add_column("transactions", source)
    op.create_check_constraint(
        op.f("ck_transactions_source_known"), "transactions", "source IN ('merchant', 'customer')"
    )
    _payouts()
    _indexes()
    for table in ("attempts", "events"):
        op.alter_column(table, "transaction_id", nullable=True)
        op.add_column(table, sa.Column("payout_id", sa.UUID(), nullable=True))
        op.create_foreign_key(op.f(f"fk_{table}_payout_id_payouts"), table, "payouts", ["payout_id"], ["id"])
        op.create_check_constraint(op.f(f"ck_{table}_one_owner"), table, ONE_OWNER)
    op.create_index(
        "ix_attempts_payout",
        "attempts",
        ["payout_id", "started_at"],
        unique=False,
        postgresql_where=sa.text("payout_id IS NOT NULL"),
    )
    op.create_unique_constraint(op.f("uq_events_payout_id_sequence"), "events", ["payout_id", "sequence"])
    op.create_index(
        "ix_audit_logs_payout",
        "audit_logs",
        [sa.text(AUDITED_PAYOUT)],
        unique=False,
        postgresql_where=sa.text(f"{AUDITED_PAYOUT} IS NOT NULL"),
    )


def _payouts() -> None:
    op.create_table(
        "payouts",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("merchant_id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=True),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("recipient", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("provider_payout_id", sa.String(), nullable=True),
        sa.Column(
            "provider_response",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("failure", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checks_made", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("review_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'processing', 'in_doubt', 'succeeded', 'failed')",
            name=op.f("ck_payouts_status_known"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payouts_amount_positive")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_payouts_merchant_id_merchants")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_payouts_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payouts")),
        sa.UniqueConstraint("merchant_id", "idempotency_key", name=op.f("uq_payouts_merchant_id_idempotency_key")),
    )


def _indexes() -> None:
    newest: list[str | sa.TextClause] = ["merchant_id", sa.text("created_at DESC"), sa.text("id DESC")]
    op.create_index("ix_payouts_merchant_newest", "payouts", newest, unique=False)
    op.create_index("ix_payouts_created", "payouts", ["created_at", "id"], unique=False)
    op.create_index("ix_payouts_has_answer", "payouts", ["updated_at"], unique=False, postgresql_where=sa.text(ANSWER))
    op.create_index("ix_payouts_due", "payouts", ["next_check_at"], unique=False, postgresql_where=sa.text(DUE))
    op.create_index(
        "uq_payouts_provider_payout_id",
        "payouts",
        ["provider", "provider_payout_id"],
        unique=True,
        postgresql_where=sa.text("provider_payout_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_audit_logs_payout", table_name="audit_logs")
    for table in ("events", "attempts"):
        # Without the table of payouts nobody could tell whose these were.
        op.execute(f"DELETE FROM {table} WHERE payout_id IS NOT NULL")  # noqa: S608 - names of our own tables
        op.drop_column(table, "payout_id")
        op.alter_column(table, "transaction_id", nullable=False)
    op.drop_table("payouts")
    op.drop_constraint(op.f("ck_transactions_source_known"), "transactions", type_="check")
    op.drop_column("transactions", "source")
