"""callbacks that nobody has processed, found by an index of their own: few of them among many"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        "ix_webhook_events_unprocessed", "webhook_events", ["created_at"], postgresql_where=sa.text("NOT processed")
    )


def downgrade() -> None:
    op.drop_index("ix_webhook_events_unprocessed", table_name="webhook_events")
