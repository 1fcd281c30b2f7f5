"""Comparing our books with a provider's: what is kept of it, and how a run goes."""

from datetime import timedelta
from typing import Any

import pytest

from shared.application.actor import process_actor
from shared.application.reconciliation_run import SILENCE, Reconcile, ReconciliationRunning
from shared.application.their_books import SKEW
from shared.domain.money import Money
from shared.domain.reconciliation import DifferenceKind
from shared.domain.refund_status import RefundStatus
from shared.persistence.reconciliations import Reconciliation, RunResult
from shared.provider_kit.provider import StatementUnavailable
from tests.fakes.books import Books
from tests.fakes.clock import FakeClock
from tests.fakes.makers import a_payment, a_refund
from tests.fakes.statements import ScriptedBooks, a_line
from tests.unit.shared.application.reconciling import (
    AFTERWARDS,
    WINDOW,
    completed,
    items_of,
    open_kinds,
    run_against,
    their_books,
)

D = DifferenceKind


def test_books_that_agree_leave_nothing_but_the_run() -> None:
    books, payment = Books(), completed("P1")
    refund = a_refund(payment, status=RefundStatus.SUCCEEDED, provider_refund_id="R1")
    books.put(payment, refund)

    run = run_against(books, a_line(payment), a_line(refund))

    assert (run.result, run.counts["lines"], run.counts["matched"]) == (RunResult.MATCHED, 2, 2)
    assert items_of(books) == []
    assert books.database.committed.reconciliations[run.id] == run


def test_a_line_is_found_by_our_id_or_by_their_reference() -> None:
    books, by_id, by_reference = Books(), completed("P1"), completed("P2")
    books.put(by_id)
    books.put(by_reference)

    run = run_against(books, a_line(by_id), a_line(by_reference, our_id=None))

    assert run.counts["matched"] == 2


@pytest.mark.parametrize("our_id", [None, "", "not-an-id", "5f0c2a52-0000-7000-8000-000000000000"])
def test_what_only_they_have_is_kept(our_id: str | None) -> None:
    books = Books()

    run = run_against(books, a_line(our_id=our_id))

    (item,) = items_of(books)
    assert (run.result, item.found.kind, item.found.reference) == (RunResult.DIFFERENCES, D.MISSING_OURS, "THEIRS-1")
    assert item.found.theirs is not None
    assert (item.found.theirs.status, item.found.theirs.amount) == ("Succeeded", Money(100_000, "KES"))


def test_another_providers_payment_is_not_theirs() -> None:
    books, payment = Books(), completed("P1", provider="mpesa")
    books.put(payment)

    run_against(books, a_line(payment))

    assert open_kinds(books) == ["missing_ours"]


def test_what_we_say_moved_and_they_do_not_have_is_kept() -> None:
    books, payment = Books(), completed("P1")
    refund = a_refund(payment, status=RefundStatus.SUCCEEDED)
    books.put(payment, refund)

    run = run_against(books)

    assert open_kinds(books) == ["missing_theirs", "missing_theirs"]
    assert run.counts["missing_theirs"] == 2
    assert books.payment(payment) == payment


@pytest.mark.parametrize(
    ("made_at", "expires_at", "missing"),
    [
        (WINDOW.since + SKEW, WINDOW.until - SKEW, True),
        (WINDOW.since + SKEW - timedelta(seconds=1), WINDOW.until - SKEW, False),
        (WINDOW.since + SKEW, WINDOW.until - SKEW + timedelta(seconds=1), False),
    ],
)
def test_what_they_may_have_put_down_outside_the_window_is_not_called_missing(
    made_at: Any, expires_at: Any, missing: bool
) -> None:
    books = Books()
    books.put(completed("P1", created_at=made_at, expires_at=expires_at))

    run_against(books)

    assert open_kinds(books) == (["missing_theirs"] if missing else [])


def test_a_difference_that_is_seen_again_stays_one_item() -> None:
    books = Books()

    first, second = run_against(books, a_line()), run_against(books, a_line())

    (item,) = items_of(books)
    assert (item.reconciliation_id, item.last_seen_in) == (first.id, second.id)


def test_a_duplicate_is_not_settled_by_the_line_that_matches() -> None:
    books, payment = Books(), completed("P1")
    books.put(payment)
    lines = [a_line(payment), a_line(payment, reference="P2")]

    run_against(books, *lines)
    run_against(books, *lines)

    assert open_kinds(books) == ["duplicate"]


def test_kinds_that_nobody_keeps_books_of_are_counted_and_not_compared() -> None:
    run = run_against(Books(), a_line(kind="dispute"))

    assert (run.result, run.counts["not_compared"]) == (RunResult.MATCHED, 1)


@pytest.mark.parametrize("page", [1, 2, 3, 500])
def test_the_size_of_a_page_changes_nothing(page: int) -> None:
    books, payments = Books(), [completed(f"P{each}") for each in range(5)]
    for payment in payments:
        books.put(payment)
    lines = [a_line(each) for each in payments[:4]]

    run = run_against(books, *lines, a_line(payments[0], reference="X"), a_line(reference="Y"), page=page)

    found = {name: count for name, count in run.counts.items() if count}
    assert found == {"lines": 6, "matched": 4, "duplicate": 1, "missing_ours": 1, "missing_theirs": 1}


def test_books_that_cannot_be_read_to_their_end_say_nothing_of_what_is_missing() -> None:
    books = Books()
    books.put(completed("P1"))

    with pytest.raises(StatementUnavailable):
        run_against(books, a_line(), page=1, breaks_after=1)

    (run,) = books.database.committed.reconciliations.values()
    assert (run.result, run.reason) == (RunResult.FAILED, "StatementUnavailable")
    assert open_kinds(books) == ["missing_ours"]


def test_every_run_is_audited_also_one_that_failed() -> None:
    books = Books()
    run_against(books, a_line())
    with pytest.raises(StatementUnavailable):
        run_against(books, breaks_after=0)

    trail = list(books.database.committed.audit_log.values())

    assert [(each.event_type, each.user_id, each.event_data["result"]) for each in trail] == [
        ("reconciliation.ended", "test", "differences"),
        ("reconciliation.ended", "test", "failed"),
    ]


def _begun(books: Books, *, touched_at: Any) -> Reconciliation:
    from_before = Reconciliation(
        id=a_payment().id,
        provider="cpay",
        since=WINDOW.since,
        until=WINDOW.until,
        started_by="test",
        started_at=touched_at,
        touched_at=touched_at,
    )
    books.do(lambda work: work.reconciliations.add(from_before))
    return from_before


def test_two_runs_with_one_provider_never_run_at_once() -> None:
    books = Books()
    _begun(books, touched_at=AFTERWARDS - SILENCE + timedelta(seconds=1))

    with pytest.raises(ReconciliationRunning):
        run_against(books)


def test_a_run_whose_process_died_is_abandoned_and_made_again() -> None:
    books = Books()
    died = _begun(books, touched_at=AFTERWARDS - SILENCE)

    run = run_against(books)

    assert run.result is RunResult.MATCHED
    assert books.database.committed.reconciliations[died.id].result is RunResult.ABANDONED


def test_their_books_are_read_outside_of_any_transaction() -> None:
    books = Books()
    looks: list[int] = []

    class Watching(ScriptedBooks):
        def statement(self, since: Any, until: Any) -> Any:
            for line in super().statement(since, until):
                looks.append(books.database.open_transactions)
                yield line

    Reconcile(books.unit_of_work, FakeClock(AFTERWARDS), page=1).run(
        their_books(Watching(a_line(), a_line(reference="B"))), WINDOW, process_actor("test")
    )

    assert looks == [0, 0]
