"""A lock that one database session holds: it is gone with the session, however that ends."""

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from shared.persistence.errors import StorageUnavailable

# Both sides notice within seconds that the other has vanished; the holder before the server gives the lock away.
_CONNECT = {
    "connect_timeout": 3,
    "keepalives_idle": 3,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 7000,
    "options": "-c statement_timeout=3000 -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=3"
    " -c tcp_keepalives_count=3",
}

# The two halves of the key are told apart in pg_locks; ours fits into the second.
_HELD = text("""
    SELECT count(*) FROM pg_locks
    WHERE locktype = 'advisory' AND classid = 0 AND objid = :key AND objsubid = 1 AND granted AND pid = pg_backend_pid()
""")


class LockLost(Exception):
    """Somebody else may hold the lock by now."""


class SessionLock:
    """An advisory lock on a connection of its own, outside every pool and every transaction.

    It needs a session that is really ours: a PgBouncer in front must pool sessions, not transactions. One that pools
    transactions is noticed at the next ``check``, because the lock is then another session's.
    """

    def __init__(self, database_url: str, key: int, application_name: str) -> None:
        self._engine: Engine = create_engine(
            database_url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={**_CONNECT, "application_name": application_name},
        )
        self._key = key
        self._connection: Connection | None = None

    def acquire(self) -> bool:
        """Whether it is ours now; returns at once.

        Raises:
            StorageUnavailable: the database cannot be asked.
        """
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            statement = text("SELECT pg_try_advisory_lock(:key)")
            return bool(self._connection.execute(statement, {"key": self._key}).scalar_one())
        except DBAPIError as error:
            self.release()
            raise StorageUnavailable(type(error.orig).__name__) from error

    def check(self) -> None:
        """Return if the lock is certainly still ours.

        Raises:
            LockLost: it is not, or that cannot be told.
        """
        if self._connection is None:
            raise LockLost("not connected")
        try:
            held = self._connection.execute(_HELD, {"key": self._key}).scalar_one()
        except DBAPIError as error:
            raise LockLost(type(error.orig).__name__) from error
        if held != 1:
            raise LockLost("another session has it")

    def release(self) -> None:
        """End the session, and with it the lock."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
        self._connection = None
