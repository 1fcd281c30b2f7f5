"""A database in memory, and one transaction on it."""

import threading
from uuid import UUID

from shared.persistence.errors import StorageBusy, StorageUnavailable
from tests.fakes.persistence.tables import Tables


class Database:
    """Reads see what is committed (read committed). The first write or lock takes the one lock of the database, for
    which another waits up to ``lock_timeout_seconds``; so nothing is ever lost between two writers.

    Coarser than PostgreSQL, which locks rows. Not kept: foreign keys to merchants and users.
    """

    def __init__(self) -> None:
        self.committed = Tables()
        self.is_away = False
        self.lock_timeout_seconds = 2.0
        self.open_transactions = 0
        self.history = "1.1"
        self._writer = threading.Lock()
        self._last_number = 100
        self._broken_commits: list[bool] = []

    def break_next_commit(self, *, applied: bool) -> None:
        """The connection breaks at COMMIT; ``applied``: after the server had carried it out."""
        self._broken_commits.append(applied)

    @property
    def next_number(self) -> int:
        return self._last_number + 1

    def begin_writing(self) -> int:
        """The number of the transaction. Raises ``StorageBusy``."""
        if not self._writer.acquire(timeout=self.lock_timeout_seconds):
            raise StorageBusy("LockNotAvailable")
        self._last_number += 1
        return self._last_number

    def end_writing(self) -> None:
        self._writer.release()

    def make_true(self, tables: Tables) -> None:
        """Raises ``StorageUnavailable``, where ``break_next_commit`` said so."""
        applied = self._broken_commits.pop(0) if self._broken_commits else None
        if applied is not False:
            self.committed = tables
        if applied is not None:
            raise StorageUnavailable("the connection broke at COMMIT")


class Session:
    """One transaction: what it has written it alone sees, until it commits."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.number = 0
        self.locked: set[UUID] = set()
        self._own: Tables | None = None
        self._is_over = False

    @property
    def rows(self) -> Tables:
        """What this transaction sees."""
        self._check_usable()
        return self.database.committed if self._own is None else self._own

    @property
    def own_rows(self) -> Tables:
        """The same, for writing. Raises ``StorageBusy``."""
        self._check_usable()
        if self._own is None:
            self.number = self.database.begin_writing()
            self._own = self.database.committed.copy()
        return self._own

    def commit(self) -> None:
        self._check_usable()
        self._is_over = True
        if self._own is not None:
            self.database.make_true(self._own)

    def close(self) -> None:
        """Undo what is not committed."""
        self._is_over = True
        if self._own is not None:
            self._own = None
            self.database.end_writing()

    def _check_usable(self) -> None:
        assert not self._is_over, "commit comes once, as the last thing in the block"
        if self.database.is_away:
            raise StorageUnavailable("OperationalError")
