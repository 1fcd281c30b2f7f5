"""Each day our books are compared with every provider's, however often the clock ticks."""

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from services.scheduler.reconciliation import ReconciliationIncomplete, ReconciliationSweep
from shared.application.reconciliation_run import Reconcile
from shared.application.their_books import SKEW, TheirBooks
from shared.persistence.reconciliations import RunResult
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.statements import ScriptedBooks

MIDNIGHT = datetime(2026, 1, 15, tzinfo=UTC)


class Sweeping:
    def __init__(self, *, reach: timedelta | None = None, **providers: ScriptedBooks) -> None:
        self.books, self.clock, self.providers = Books(), FakeClock(), providers
        self.tick = ReconciliationSweep(
            Reconcile(self.books.unit_of_work, self.clock),
            lambda: [TheirBooks(provider=name, statements=each, reach=reach) for name, each in self.providers.items()],
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


def test_what_cannot_be_asked_about_any_more_is_left_out_and_that_is_told_once() -> None:
    theirs = ScriptedBooks(breaks_after=0)
    sweeping = Sweeping(mpesa=theirs, reach=timedelta(hours=48))

    with capture_logs() as logs:
        for _ in range(2):
            with pytest.raises(ReconciliationIncomplete):
                sweeping.tick()

    askable = (NOON - timedelta(hours=48) + SKEW, MIDNIGHT)
    assert theirs.windows == [askable, askable]
    told = [each for each in logs if each["event"] == "reconciliation.window_shortened"]
    assert [(each["provider"], each["since"]) for each in told] == [("mpesa", askable[0].isoformat())]


def test_a_window_that_is_compared_as_far_as_it_can_be_is_not_compared_again_an_hour_later() -> None:
    theirs = ScriptedBooks()
    sweeping = Sweeping(mpesa=theirs, reach=timedelta(hours=48))

    assert sweeping.tick() == 1
    sweeping.clock.advance(3600)

    assert (sweeping.tick(), len(theirs.windows)) == (0, 1)


def test_a_window_that_is_too_old_to_be_asked_about_at_all_is_skipped_and_that_is_told_once() -> None:
    theirs = ScriptedBooks()
    sweeping = Sweeping(mpesa=theirs, reach=timedelta(hours=12))

    with capture_logs() as logs:
        assert [sweeping.tick() for _ in range(3)] == [0, 0, 0]
        sweeping.clock.set(NOON + timedelta(days=1))
        sweeping.tick()

    assert (theirs.windows, sweeping.results) == ([], [])
    missed = [each["until"] for each in logs if each["event"] == "reconciliation.window_missed"]
    assert missed == [MIDNIGHT.isoformat(), (MIDNIGHT + timedelta(days=1)).isoformat()]


def test_a_window_that_has_been_compared_is_not_called_missed_when_it_is_too_old() -> None:
    sweeping = Sweeping(mpesa=ScriptedBooks(), reach=timedelta(hours=18))
    sweeping.tick()

    with capture_logs() as logs:
        sweeping.clock.set(MIDNIGHT + timedelta(hours=23))
        sweeping.tick()

    assert logs == []
