"""audit seals"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from shared.persistence.tables import TransactionNumber

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

APPEND_ONLY = ("audit_seals", "audit_leaves")


def upgrade() -> None:
    # Rows that are there already have no MAC; they are the oldest, and the first seals take them as they are.
    op.add_column("audit_logs", sa.Column("mac", sa.LargeBinary(), nullable=True))
    op.add_column(
        "audit_logs",
        sa.Column("written_by", TransactionNumber(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
    )
    op.add_column("webhook_events", sa.Column("ip_address", sa.String(), nullable=True))
    op.add_column("webhook_events", sa.Column("user_agent", sa.String(), nullable=True))
    op.create_index("ix_audit_logs_sealing", "audit_logs", ["written_by", "id"], unique=False)
    op.create_table(
        "audit_seals",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("first_written_by", TransactionNumber(), nullable=False),
        sa.Column("first_id", sa.UUID(), nullable=False),
        sa.Column("last_written_by", TransactionNumber(), nullable=False),
        sa.Column("last_id", sa.UUID(), nullable=False),
        sa.Column("merkle_root", sa.LargeBinary(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("seal_hash", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_seals")),
    )
    op.create_table(
        "audit_leaves",
        sa.Column("seal_number", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("audit_id", sa.UUID(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["seal_number"], ["audit_seals.number"], name=op.f("fk_audit_leaves_seal_number_audit_seals")
        ),
        sa.ForeignKeyConstraint(["audit_id"], ["audit_logs.id"], name=op.f("fk_audit_leaves_audit_id_audit_logs")),
        sa.PrimaryKeyConstraint("seal_number", "position", name=op.f("pk_audit_leaves")),
        sa.UniqueConstraint("audit_id", name=op.f("uq_audit_leaves_audit_id")),
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_rows_stay BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_table_stays BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.drop_table("audit_leaves")
    op.drop_table("audit_seals")
    op.drop_column("webhook_events", "user_agent")
    op.drop_column("webhook_events", "ip_address")
    op.drop_index("ix_audit_logs_sealing", table_name="audit_logs")
    op.drop_column("audit_logs", "written_by")
    op.drop_column("audit_logs", "mac")
