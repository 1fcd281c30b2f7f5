"""Brings a database to the newest schema, and gives the application's role exactly what it needs."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, make_url, text

# Any number, as long as it stays: two deployments that migrate at once wait for one another here.
ADVISORY_LOCK = 7_264_001

_FOLDER = Path(__file__).parent / "migrations"
_APPEND_ONLY = "audit_logs, audit_seals, audit_leaves"

# The only table that the services delete from: messages that were published long ago.
_DELETED = "outbox, webhook_waiting_turns"


def alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config


def migrate(owner_engine: Engine, application_url: str) -> None:
    """Upgrade to the newest revision. Repeating it, also from two places at once, is harmless.

    ``application_url`` names the role that the services use; where it is not the owner, it may read and write rows,
    may delete only messages and turns, may only add to the audit trail, and can change no table.
    """
    with owner_engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '60s'; SET statement_timeout = '120s'"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
        connection.commit()
        command.upgrade(alembic_config(connection), "head")
        _grant(connection, make_url(application_url).username)
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK})
        connection.commit()


def _grant(connection: Connection, role: str | None) -> None:
    owner = connection.execute(text("SELECT current_user")).scalar_one()
    if role is None or role == owner:
        return
    quoted = connection.dialect.identifier_preparer.quote(role)
    for statement in (
        f"GRANT USAGE ON SCHEMA public TO {quoted}",
        f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {quoted}",
        f"REVOKE DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public FROM {quoted}",
        f"GRANT DELETE ON {_DELETED} TO {quoted}",
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {_APPEND_ONLY} FROM {quoted}",
        f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {quoted}",
    ):
        connection.execute(text(statement))
