"""A simulator's memory: one SQLite file that a SIGKILL cannot make forget what it has answered."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class LedgerFile:
    """Transactions one after another, each on disk before it is over."""

    def __init__(self, path: Path, *schemas: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        for schema in schemas:
            self._connection.executescript(schema)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or, if anything raises, nothing; other threads wait."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A look at what is committed; other threads wait, nothing is written."""
        with self._lock:
            yield self._connection

    def forget_everything(self) -> None:
        """Empty every table; AUTOINCREMENT ids go on, so that no row is taken for one of before."""
        with self.transaction() as connection:
            tables = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            ).fetchall()
            for table in tables:
                connection.execute(f'DELETE FROM "{table["name"]}"')  # noqa: S608 - a name from the schema itself

    def close(self) -> None:
        with self._lock:
            self._connection.close()
