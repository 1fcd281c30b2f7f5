"""what a provider gives beside its reference (the receipt), and what a card payment brings along (token, return URL)"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    for name in ("payment_method_token", "return_url", "provider_receipt"):
        op.add_column("transactions", sa.Column(name, sa.String))
    op.create_index(
        "uq_transactions_provider_receipt",
        "transactions",
        ["provider", "provider_receipt"],
        unique=True,
        postgresql_where=sa.text("provider_receipt IS NOT NULL"),
    )
    op.create_index("ix_transactions_short_reference", "transactions", [sa.text('"right"(CAST(id AS VARCHAR), 12)')])


def downgrade() -> None:
    op.drop_index("ix_transactions_short_reference", table_name="transactions")
    op.drop_index("uq_transactions_provider_receipt", table_name="transactions")
    for name in ("provider_receipt", "return_url", "payment_method_token"):
        op.drop_column("transactions", name)
