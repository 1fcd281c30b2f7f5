"""events are delivered to the merchants' endpoints; each delivery and each attempt is kept"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("merchant_id", sa.UUID(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("event_types", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("secrets", postgresql.JSONB(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("listens_since", TIME, nullable=False),
        sa.Column("is_quick", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", TIME),
        sa.Column("failed_at", TIME),
        sa.Column("rests_until", TIME),
        sa.Column("disabled_at", TIME),
        sa.Column("disabled_reason", sa.String()),
        sa.Column("deleted_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.CheckConstraint(
            "disabled_reason IS NULL OR disabled_reason IN ('gone', 'failing', 'operator', 'merchant')",
            name=op.f("ck_webhook_endpoints_reason_known"),
        ),
        sa.CheckConstraint("deleted_at IS NULL OR NOT is_active", name=op.f("ck_webhook_endpoints_deleted_is_off")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchants.id"], name=op.f("fk_webhook_endpoints_merchant_id_merchants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoints")),
    )
    op.create_index(
        "uq_webhook_endpoints_merchant_id_url",
        "webhook_endpoints",
        ["merchant_id", "url"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("endpoint_id", sa.UUID(), nullable=False),
        sa.Column("merchant_id", sa.UUID(), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("event_type", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_kind", sa.String(), nullable=False),
        sa.Column("next_try_at", TIME),
        sa.Column("lease_until", TIME),
        sa.Column("notice", postgresql.JSONB()),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'delivered', 'failed')", name=op.f("ck_webhook_deliveries_state_known")
        ),
        sa.CheckConstraint(
            "(state = 'waiting') = (next_try_at IS NOT NULL)", name=op.f("ck_webhook_deliveries_waiting_has_a_time")
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoints.id"], name=op.f("fk_webhook_deliveries_endpoint_id_webhook_endpoints")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint("endpoint_id", "event_id", name=op.f("uq_webhook_deliveries_endpoint_id_event_id")),
    )
    op.create_index("ix_webhook_deliveries_event", "webhook_deliveries", ["event_id"])
    op.create_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["endpoint_id", "next_try_at"],
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_webhook_deliveries_leased",
        "webhook_deliveries",
        ["endpoint_id"],
        postgresql_where=sa.text("lease_until IS NOT NULL"),
    )
    op.create_index("ix_webhook_deliveries_of_endpoint", "webhook_deliveries", ["endpoint_id", "id"])
    op.create_table(
        "webhook_delivery_attempts",
        sa.Column("delivery_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("response", sa.Text()),
        sa.Column("reason", sa.String()),
        sa.Column("detail", sa.String()),
        sa.CheckConstraint(
            "kind IN ('schedule', 'resend', 'recover')", name=op.f("ck_webhook_delivery_attempts_kind_known")
        ),
        sa.CheckConstraint(
            "(status IS NULL) = (reason IS NOT NULL)", name=op.f("ck_webhook_delivery_attempts_answer_or_reason")
        ),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["webhook_deliveries.id"],
            name=op.f("fk_webhook_delivery_attempts_delivery_id_webhook_deliveries"),
        ),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("pk_webhook_delivery_attempts")),
    )
    op.create_table(
        "webhook_endpoint_tests",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("endpoint_id", sa.UUID(), nullable=False),
        sa.Column("merchant_id", sa.UUID(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("finished_at", TIME),
        sa.Column("cases", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoints.id"],
            name=op.f("fk_webhook_endpoint_tests_endpoint_id_webhook_endpoints"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint_tests")),
    )
    op.create_index(op.f("ix_webhook_endpoint_tests_endpoint_id"), "webhook_endpoint_tests", ["endpoint_id"])
    op.create_table(
        "webhook_feed",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_webhook_feed")),
    )
    # Nobody listened before: the sweep begins behind everything that is there.
    op.execute(
        "INSERT INTO webhook_feed SELECT 'webhook_delivery', pg_snapshot_xmin(pg_current_snapshot())::text"
        " || '.00000000-0000-0000-0000-000000000000'"
    )
    op.create_index("ix_events_feed", "events", ["written_by", "id"])
    op.create_index("ix_events_merchant_time", "events", ["merchant_id", "occurred_at"])


def downgrade() -> None:
    op.drop_index("ix_events_merchant_time", table_name="events")
    op.drop_index("ix_events_feed", table_name="events")
    for table in (
        "webhook_feed",
        "webhook_endpoint_tests",
        "webhook_delivery_attempts",
        "webhook_deliveries",
        "webhook_endpoints",
    ):
        op.drop_table(table)
