"""Callbacks that nobody has processed are found by an index of their own: there are few of them among many.

Revision ID: 0016
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_webhook_events_unprocessed", "webhook_events", ["created_at"], postgresql_where=sa.text("NOT processed")
    )


def downgrade() -> None:
    op.drop_index("ix_webhook_events_unprocessed", table_name="webhook_events")
