"""What the event log knows of itself."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, String, Table, text
from sqlalchemy.dialects.postgresql import UUID

from shared.persistence.tables.columns import METADATA, TransactionNumber

# One row. ``base``: what is added to this cluster's transaction numbers, so that places go on where a restored log
# ended. ``history``: whose numbers they are. ``forgotten_…``: the last place of which an event was deleted; a trigger
# of ``events`` writes it, so that nobody deletes one without its being known.
event_log_state = Table(
    "event_log_state",
    METADATA,
    Column("only_one", Boolean, primary_key=True, server_default=text("true")),
    Column("base", BigInteger, nullable=False),
    Column("history", String, nullable=False),
    Column("forgotten_written_by", TransactionNumber(), nullable=False, server_default=text("'0'")),
    Column("forgotten_id", UUID(), nullable=False, server_default=text("'00000000-0000-0000-0000-000000000000'")),
    CheckConstraint("only_one", name="only_one"),
)
