"""captures, and what somebody must look at"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NEW_CHECKS = {
    "authorized_within_amount": "authorized_minor >= 0 AND authorized_minor <= amount_minor",
    "captures_not_negative": "capture_pending_minor >= 0",
    "captures_within_authorized": (
        "capture_method = 'automatic' OR captured_minor + capture_pending_minor <= authorized_minor"
    ),
    "capture_method_known": "capture_method IN ('automatic', 'manual')",
}


def upgrade() -> None:
    _add_sums()
    _add_captures()
    for table in ("transactions", "refunds"):
        op.add_column(table, sa.Column("review_since", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_transactions_review",
        "transactions",
        ["review_since"],
        unique=False,
        postgresql_where=sa.text("review_since IS NOT NULL"),
    )
    for table in ("attempts", "events"):
        op.add_column(table, sa.Column("capture_id", sa.UUID(), nullable=True))
        op.create_foreign_key(op.f(f"fk_{table}_capture_id_captures"), table, "captures", ["capture_id"], ["id"])


def _add_sums() -> None:
    method = sa.Column("capture_method", sa.String(), server_default=sa.text("'automatic'"), nullable=False)
    op.add_column("transactions", method)
    for name in ("authorized_minor", "capture_pending_minor"):
        column = sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)
        op.add_column("transactions", column)
    # What was taken before there were captures had been reserved by the same call.
    op.execute("UPDATE transactions SET authorized_minor = captured_minor WHERE captured_minor > 0")
    for name, condition in NEW_CHECKS.items():
        op.create_check_constraint(op.f(f"ck_transactions_{name}"), "transactions", condition)


def _add_captures() -> None:
    op.create_table(
        "captures",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("transaction_id", sa.UUID(), nullable=False),
        sa.Column("merchant_id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=True),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("is_final", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("provider_capture_id", sa.String(), nullable=True),
        sa.Column(
            "provider_response",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("failure", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checks_made", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("review_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'processing', 'in_doubt', 'succeeded', 'failed')",
            name=op.f("ck_captures_status_known"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_captures_amount_positive")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_captures_merchant_id_merchants")),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["transactions.id"], name=op.f("fk_captures_transaction_id_transactions")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_captures_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_captures")),
        sa.UniqueConstraint("merchant_id", "idempotency_key", name=op.f("uq_captures_merchant_id_idempotency_key")),
    )
    op.create_index(
        "ix_captures_due",
        "captures",
        ["next_check_at"],
        unique=False,
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_captures_transaction_id"), "captures", ["transaction_id"], unique=False)


def downgrade() -> None:
    for table in ("events", "attempts"):
        op.drop_constraint(op.f(f"fk_{table}_capture_id_captures"), table, type_="foreignkey")
        op.drop_column(table, "capture_id")
    op.drop_table("captures")
    op.drop_index("ix_transactions_review", table_name="transactions")
    for table in ("refunds", "transactions"):
        op.drop_column(table, "review_since")
    for name in NEW_CHECKS:
        op.drop_constraint(op.f(f"ck_transactions_{name}"), "transactions", type_="check")
    for name in ("capture_pending_minor", "authorized_minor", "capture_method"):
        op.drop_column("transactions", name)
