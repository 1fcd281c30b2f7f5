"""how often a callback came again, and when that last had it looked at"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("webhook_events", sa.Column("repeats", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("webhook_events", sa.Column("rung_at", sa.TIMESTAMP(timezone=True)))


def downgrade() -> None:
    op.drop_column("webhook_events", "rung_at")
    op.drop_column("webhook_events", "repeats")
