"""a provider may have an account of each merchant's beside the default one, and each payment says whose it went to"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# What is sent with an account, or came from one; NULL is the default account.
SENT = ("transactions", "payouts", "webhook_events")


def upgrade() -> None:
    op.add_column("provider_configs", sa.Column("merchant_id", sa.UUID(), nullable=True))
    op.create_foreign_key(
        op.f("fk_provider_configs_merchant_id_merchants"), "provider_configs", "merchants", ["merchant_id"], ["id"]
    )
    op.drop_constraint(op.f("uq_provider_configs_provider_name"), "provider_configs", type_="unique")
    op.create_unique_constraint(
        op.f("uq_provider_configs_provider_name_merchant_id"),
        "provider_configs",
        ["provider_name", "merchant_id"],
        postgresql_nulls_not_distinct=True,
    )
    for table in SENT:
        op.add_column(table, sa.Column("provider_config_id", sa.UUID(), nullable=True))
    op.drop_constraint(op.f("uq_webhook_events_provider_provider_event_id"), "webhook_events", type_="unique")
    op.create_unique_constraint(
        op.f("uq_webhook_events_provider_provider_event_id_provider_config_id"),
        "webhook_events",
        ["provider", "provider_event_id", "provider_config_id"],
        postgresql_nulls_not_distinct=True,
    )


def downgrade() -> None:
    op.drop_constraint(
        op.f("uq_webhook_events_provider_provider_event_id_provider_config_id"), "webhook_events", type_="unique"
    )
    # Before, an event's id was the provider's alone: of several with one id the oldest stays.
    op.execute(
        "DELETE FROM webhook_events AS later USING webhook_events AS earlier WHERE later.provider = earlier.provider"
        " AND later.provider_event_id = earlier.provider_event_id AND later.id > earlier.id"
    )
    op.create_unique_constraint(
        op.f("uq_webhook_events_provider_provider_event_id"), "webhook_events", ["provider", "provider_event_id"]
    )
    for table in SENT:
        op.drop_column(table, "provider_config_id")
    op.drop_constraint(op.f("uq_provider_configs_provider_name_merchant_id"), "provider_configs", type_="unique")
    op.execute("DELETE FROM provider_configs WHERE merchant_id IS NOT NULL")
    op.create_unique_constraint(op.f("uq_provider_configs_provider_name"), "provider_configs", ["provider_name"])
    op.drop_constraint(op.f("fk_provider_configs_merchant_id_merchants"), "provider_configs", type_="foreignkey")
    op.drop_column("provider_configs", "merchant_id")
