"""what the clock's work needs"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("outbox", sa.Column("failure", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("outbox", "failure")
    op.drop_column("outbox", "tries")
