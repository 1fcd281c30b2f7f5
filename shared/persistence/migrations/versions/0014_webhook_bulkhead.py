"""merchants: none holds more of the threads that deliver than it may; the sweep knows whom it has rung for"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("webhook_endpoints", sa.Column("rung_at", TIME))
    op.add_column("webhook_deliveries", sa.Column("leased_lane", sa.String()))
    op.create_check_constraint(
        op.f("ck_webhook_deliveries_lane_known"),
        "webhook_deliveries",
        "leased_lane IS NULL OR leased_lane IN ('fast', 'slow')",
    )
    op.create_index(
        "ix_webhook_deliveries_in_flight",
        "webhook_deliveries",
        ["merchant_id"],
        postgresql_where=sa.text("lease_until IS NOT NULL"),
    )
    op.create_index(
        "ix_webhook_delivery_attempts_has_response",
        "webhook_delivery_attempts",
        ["started_at"],
        postgresql_where=sa.text("response IS NOT NULL"),
    )
    op.create_table(
        "webhook_waiting_turns",
        sa.Column("endpoint_id", sa.UUID(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("merchant_id", sa.UUID(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.CheckConstraint("lane IN ('fast', 'slow')", name=op.f("ck_webhook_waiting_turns_lane_known")),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoints.id"],
            name=op.f("fk_webhook_waiting_turns_endpoint_id_webhook_endpoints"),
        ),
        sa.PrimaryKeyConstraint("endpoint_id", "lane", name=op.f("pk_webhook_waiting_turns")),
    )
    op.create_index(op.f("ix_webhook_waiting_turns_merchant_id"), "webhook_waiting_turns", ["merchant_id"])


def downgrade() -> None:
    op.drop_table("webhook_waiting_turns")
    op.drop_index("ix_webhook_delivery_attempts_has_response", "webhook_delivery_attempts")
    op.drop_index("ix_webhook_deliveries_in_flight", "webhook_deliveries")
    op.drop_constraint(op.f("ck_webhook_deliveries_lane_known"), "webhook_deliveries")
    op.drop_column("webhook_deliveries", "leased_lane")
    op.drop_column("webhook_endpoints", "rung_at")
