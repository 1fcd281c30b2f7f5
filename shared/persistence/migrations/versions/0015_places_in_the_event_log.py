"""event_log_state: places in the event log outlive restores, and the log knows how much of it is gone"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from shared.persistence.tables import TransactionNumber

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_STATE = """
INSERT INTO event_log_state (base, history)
SELECT 0, system_identifier || '.' || timeline_id || '.0' FROM pg_control_system(), pg_control_checkpoint()"""

# VOLATILE: an insert that has waited for the table's lock sees the base as it has become.
_PLACE = """
CREATE FUNCTION event_log_place() RETURNS xid8 LANGUAGE sql VOLATILE AS $$
    SELECT (pg_current_xact_id()::text::bigint + base)::text::xid8 FROM public.event_log_state
$$"""

_FORGET = """
CREATE FUNCTION event_log_forget() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE public.event_log_state
    SET forgotten_written_by = last.written_by, forgotten_id = last.id
    FROM (SELECT written_by, id FROM gone ORDER BY written_by DESC, id DESC LIMIT 1) AS last
    WHERE (forgotten_written_by, forgotten_id) < (last.written_by, last.id);
    RETURN NULL;
END
$$"""

_FORGETS = """
CREATE TRIGGER event_log_forgets AFTER DELETE ON events REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION event_log_forget()"""


def upgrade() -> None:
    op.create_table(
        "event_log_state",
        sa.Column("only_one", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("history", sa.String(), nullable=False),
        sa.Column("forgotten_written_by", TransactionNumber(), server_default=sa.text("'0'"), nullable=False),
        sa.Column(
            "forgotten_id",
            sa.UUID(),
            server_default=sa.text("'00000000-0000-0000-0000-000000000000'"),
            nullable=False,
        ),
        sa.CheckConstraint("only_one", name=op.f("ck_event_log_state_only_one")),
        sa.PrimaryKeyConstraint("only_one", name=op.f("pk_event_log_state")),
    )
    for statement in (_STATE, _PLACE, _FORGET, _FORGETS):
        op.execute(statement)
    op.alter_column("events", "written_by", server_default=sa.text("event_log_place()"))


def downgrade() -> None:
    op.alter_column("events", "written_by", server_default=sa.text("pg_current_xact_id()"))
    op.execute("DROP TRIGGER event_log_forgets ON events")
    op.execute("DROP FUNCTION event_log_forget(), event_log_place()")
    op.drop_table("event_log_state")
