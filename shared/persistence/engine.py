"""Connects to PostgreSQL so that nothing waits for ever.

Repositories hand values to ``execute`` and not to ``.values()``: SQLAlchemy then finds the compiled statement by its
columns, which halves what an INSERT costs.
"""

import json
import re
import time

from psycopg2.errors import ReadOnlySqlTransaction
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

# An escaped NUL, unless its backslash is itself an escaped one.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")

# After a crash of the server, connections that idled for less fail once; SQLAlchemy then replaces all of them.
IDLE_SECONDS = 1

_LIMITS = {
    "statement_timeout": "5000",
    "lock_timeout": "2000",
    "idle_in_transaction_session_timeout": "10000",
    "timezone": "UTC",
}


def build_engine(database_url: str, *, pool_size: int, application_name: str) -> Engine:
    """An engine whose statements end after 5 s and whose lock waits end after 2 s.

    ``pool_size`` is the most connections that it opens; who waits longer than 2 s for one is told that none is free.
    """
    options = " ".join(f"-c {name}={value}" for name, value in _LIMITS.items())
    engine = create_engine(
        database_url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=2,
        connect_args={"connect_timeout": 3, "options": options, "application_name": application_name},
        json_serializer=storable_json,
    )
    _check_idle_connections(engine)
    _leave_a_standby(engine)
    return engine


def _check_idle_connections(engine: Engine) -> None:
    """Ask a connection that has been idle whether it still lives; one just used need not pay a round trip for that."""

    @event.listens_for(engine, "checkin")
    def used(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def check(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        if time.monotonic() - record.info.get("used_at", 0) < IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            # The pool makes a new one and asks again.
            raise DisconnectionError from error


def _leave_a_standby(engine: Engine) -> None:
    """In a failover the address leads to a standby for a while: connections to it are given up, not used again."""

    @event.listens_for(engine, "handle_error")
    def leave(context: ExceptionContext) -> None:
        if isinstance(context.original_exception, ReadOnlySqlTransaction):
            context.is_disconnect = True


def storable_json(value: object) -> str:
    """JSON that JSONB takes: a provider may sign a NUL or half a surrogate pair, which PostgreSQL cannot store."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return _NUL.sub(r"\1\\ufffd", text.encode("utf-8", "replace").decode())


def check_database(engine: Engine) -> None:
    """Raises unless the database answers."""
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
