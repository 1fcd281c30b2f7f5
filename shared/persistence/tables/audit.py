"""The audit trail, and the seals on it."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from shared.persistence.tables.columns import METADATA, TransactionNumber, time_column

# Where an audit entry names its payout: a column of its own would be no part of what is signed.
AUDITED_PAYOUT = "(event_data ->> 'payout_id'::text)"

audit_logs = Table(
    "audit_logs",
    METADATA,
    Column("id", UUID(), primary_key=True),
    Column("merchant_id", UUID()),
    Column("transaction_id", UUID(), ForeignKey("transactions.id"), index=True),
    Column("event_type", String, nullable=False),
    Column("event_data", JSONB, nullable=False),
    Column("user_id", String),
    Column("ip_address", String),
    Column("user_agent", String),
    Column("request_id", String),
    Column("timestamp", time_column(), nullable=False),
    Column("mac", LargeBinary),
    Column("written_by", TransactionNumber(), nullable=False, server_default=text("pg_current_xact_id()")),
    Index("ix_audit_logs_sealing", "written_by", "id"),
    Index("ix_audit_logs_payout", text(AUDITED_PAYOUT), postgresql_where=text(f"{AUDITED_PAYOUT} IS NOT NULL")),
)

audit_seals = Table(
    "audit_seals",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("row_count", Integer, nullable=False),
    Column("first_written_by", TransactionNumber(), nullable=False),
    Column("first_id", UUID(), nullable=False),
    Column("last_written_by", TransactionNumber(), nullable=False),
    Column("last_id", UUID(), nullable=False),
    Column("merkle_root", LargeBinary, nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("seal_hash", LargeBinary, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    Column("sealed_at", time_column(), nullable=False),
)

audit_leaves = Table(
    "audit_leaves",
    METADATA,
    Column("seal_number", BigInteger, ForeignKey("audit_seals.number"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("audit_id", UUID(), ForeignKey("audit_logs.id"), nullable=False, unique=True),
    Column("leaf_hash", LargeBinary, nullable=False),
)
