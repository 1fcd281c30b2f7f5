"""What customers' banks ask back."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, String, Table, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from shared.domain.dispute_status import DisputeFunds, DisputeStatus
from shared.persistence.tables.columns import METADATA, one_of, time_column

disputes = Table(
    "disputes",
    METADATA,
    Column("id", UUID(), primary_key=True),
    Column("transaction_id", UUID(), ForeignKey("transactions.id"), nullable=False, index=True),
    Column("merchant_id", UUID(), ForeignKey("merchants.id"), nullable=False),
    Column("provider", String, nullable=False),
    Column("provider_dispute_id", String, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("status", String, nullable=False),
    Column("funds", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("evidence_due_at", time_column()),
    Column("provider_response", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("created_at", time_column(), nullable=False),
    Column("updated_at", time_column(), nullable=False),
    UniqueConstraint("provider", "provider_dispute_id"),
    CheckConstraint(one_of("status", DisputeStatus), name="status_known"),
    CheckConstraint(one_of("funds", DisputeFunds), name="funds_known"),
)
