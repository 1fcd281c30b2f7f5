"""Lets a process die at a chosen step: what it had not committed is gone, and nobody hears of it."""

from enum import StrEnum

from tests.fakes.books import Books
from tests.fakes.persistence.session import Database
from tests.fakes.persistence.tables import Tables
from tests.fakes.persistence.unit_of_work import in_memory


class Crash(BaseException):
    """Not an ``Exception``: a process that is killed handles nothing."""


class CrashPoint(StrEnum):
    """Where a process dies; not every one passes every point."""

    BEFORE_FIRST_COMMIT = "before its first commit"
    AFTER_FIRST_COMMIT = "after its first commit"
    BEFORE_CALL = "before the provider is called"
    AFTER_CALL = "after the call, before recording"
    BEFORE_SECOND_COMMIT = "before its second commit"
    AFTER_SECOND_COMMIT = "after its second commit, before acknowledging"
    BEFORE_PUBLISHING = "before publishing"
    BEFORE_MARKING = "after publishing, before marking"


_BEFORE = {1: CrashPoint.BEFORE_FIRST_COMMIT, 2: CrashPoint.BEFORE_SECOND_COMMIT}
_AFTER = {1: CrashPoint.AFTER_FIRST_COMMIT, 2: CrashPoint.AFTER_SECOND_COMMIT}


class Crashes:
    """At most one process dies in one step, at the point that was planned."""

    def __init__(self) -> None:
        self._planned: CrashPoint | None = None
        self._commits = 0

    def plan(self, point: CrashPoint | None) -> None:
        self._planned, self._commits = point, 0

    def reach(self, point: CrashPoint | None) -> None:
        """Raises ``Crash`` where that was planned."""
        if point is not None and point is self._planned:
            self._planned = None
            raise Crash(point)

    def before_commit(self) -> None:
        self._commits += 1
        self.reach(_BEFORE.get(self._commits))

    def after_commit(self) -> None:
        self.reach(_AFTER.get(self._commits))


class CrashableDatabase(Database):
    """Commits are where a crash makes a difference."""

    def __init__(self, crashes: Crashes) -> None:
        super().__init__()
        self._crashes = crashes

    def make_true(self, tables: Tables) -> None:
        self._crashes.before_commit()
        super().make_true(tables)
        self._crashes.after_commit()


class CrashableBooks(Books):
    def __init__(self, crashes: Crashes) -> None:
        super().__init__()
        self.database = CrashableDatabase(crashes)
        self.unit_of_work = in_memory(self.database, self.handed_over.extend)
