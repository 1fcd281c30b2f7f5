"""Each day our books are compared with every provider's, however often the clock ticks."""

from datetime import UTC, datetime, timedelta

import pytest

from services.scheduler.reconciliation import ReconciliationIncomplete, ReconciliationSweep
from shared.application.reconciliation_run import Reconcile
from shared.application.their_books import TheirBooks
from shared.persistence.reconciliations import RunResult
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.statements import ScriptedBooks

MIDNIGHT = datetime(2026, 1, 15, tzinfo=UTC)


class Sweeping:
    def __init__(self, **providers: ScriptedBooks) -> None:
        self.books, self.clock, self.providers = Books(), FakeClock(), providers
        self.tick = ReconciliationSweep(
            Reconcile(self.books.unit_of_work, self.clock),
            lambda: [TheirBooks(provider=name, statements=each) for name, each in self.providers.items()],
            self.clock,
            period=timedelta(hours=24),
            lookback=timedelta(hours=72),
        )

    @property
    def results(self) -> list[tuple[str, RunResult]]:
        return [(row.provider, row.result) for row in self.books.database.committed.reconciliations.values()]


def test_the_three_days_before_midnight_are_compared() -> None:
    theirs = ScriptedBooks()

    assert Sweeping(cpay=theirs).tick() == 1

    assert theirs.windows == [(MIDNIGHT - timedelta(days=3), MIDNIGHT)]


def test_a_tick_that_comes_again_compares_nothing_again() -> None:
    theirs = ScriptedBooks()
    sweeping = Sweeping(cpay=theirs)

    assert [sweeping.tick() for _ in range(3)] == [1, 0, 0]
    assert len(theirs.windows) == 1


def test_each_day_has_its_own_comparison_however_late_the_tick() -> None:
    theirs = ScriptedBooks()
    sweeping = Sweeping(cpay=theirs)
    sweeping.tick()

    sweeping.clock.set(NOON + timedelta(hours=35, minutes=59))
    sweeping.tick()

    assert [until for _, until in theirs.windows] == [MIDNIGHT, MIDNIGHT + timedelta(days=1)]


def test_one_providers_trouble_is_not_the_others_and_is_tried_again() -> None:
    ill = ScriptedBooks(breaks_after=0)
    sweeping = Sweeping(cpay=ill, mpesa=ScriptedBooks())

    with pytest.raises(ReconciliationIncomplete, match="cpay"):
        sweeping.tick()
    ill.breaks_after = None
    sweeping.tick()

    assert sweeping.results == [
        ("cpay", RunResult.FAILED),
        ("mpesa", RunResult.MATCHED),
        ("cpay", RunResult.MATCHED),
    ]
