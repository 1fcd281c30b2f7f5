"""Comparing our books with a provider's: what is kept, what is asked about, and that nothing is mended."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.scheduler.recovery import RecoverySweep
from shared.application.actor import process_actor
from shared.application.reconciliation_run import SILENCE, Reconcile, ReconciliationRunning
from shared.application.their_books import SKEW, TheirBooks, Window
from shared.domain.ids import short_reference
from shared.domain.money import Money
from shared.domain.outcome import Declined, InDoubt, NotSent, Pending, Succeeded
from shared.domain.reconciliation import DifferenceKind
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.reconciliations import Reconciliation, ReconciliationItem, RunResult
from shared.provider_kit.provider import GivesStatements, StatementLine, StatementUnavailable
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import a_payment, a_refund
from tests.fakes.statements import ScriptedBooks, a_line
from tests.fakes.worker import WorkerOnFakes

S, D = TransactionStatus, DifferenceKind
WINDOW = Window(since=NOON - timedelta(days=1), until=NOON + timedelta(days=2))
AFTERWARDS = WINDOW.until + timedelta(hours=1)


def _run(books: Books, *lines: StatementLine, page: int = 500, **books_facts: Any) -> Reconciliation:
    reconcile = Reconcile(books.unit_of_work, FakeClock(AFTERWARDS), page=page)
    return reconcile.run(_theirs(ScriptedBooks(*lines, **books_facts)), WINDOW, process_actor("test"))


def _theirs(statements: GivesStatements, **facts: Any) -> TheirBooks:
    return TheirBooks(provider="cpay", statements=statements, **facts)


def _items(books: Books) -> Sequence[ReconciliationItem]:
    return list(books.database.committed.reconciliation_items.values())


def _kinds(books: Books) -> list[str]:
    return sorted(item.found.kind.value for item in _items(books) if item.is_open)


def _completed(reference: str, **facts: Any) -> Transaction:
    return a_payment(status=S.COMPLETED, provider_transaction_id=reference, **facts)


def test_books_that_agree_leave_nothing_but_the_run() -> None:
    books, payment = Books(), _completed("P1")
    refund = a_refund(payment, status=RefundStatus.SUCCEEDED, provider_refund_id="R1")
    books.put(payment, refund)

    run = _run(books, a_line(payment), a_line(refund))

    assert (run.result, run.counts["lines"], run.counts["matched"]) == (RunResult.MATCHED, 2, 2)
    assert _items(books) == []
    assert books.database.committed.reconciliations[run.id] == run


def test_a_line_is_found_by_our_id_or_by_their_reference() -> None:
    books, by_id, by_reference = Books(), _completed("P1"), _completed("P2")
    books.put(by_id)
    books.put(by_reference)

    run = _run(books, a_line(by_id), a_line(by_reference, our_id=None))

    assert run.counts["matched"] == 2


@pytest.mark.parametrize("our_id", [None, "", "not-an-id", "5f0c2a52-0000-7000-8000-000000000000"])
def test_what_only_they_have_is_kept(our_id: str | None) -> None:
    books = Books()

    run = _run(books, a_line(our_id=our_id))

    (item,) = _items(books)
    assert (run.result, item.found.kind, item.found.reference) == (RunResult.DIFFERENCES, D.MISSING_OURS, "THEIRS-1")
    assert item.found.theirs is not None
    assert (item.found.theirs.status, item.found.theirs.amount) == ("Succeeded", Money(100_000, "KES"))


def test_another_providers_payment_is_not_theirs() -> None:
    books, payment = Books(), _completed("P1", provider="mpesa")
    books.put(payment)

    _run(books, a_line(payment))

    assert _kinds(books) == ["missing_ours"]


def test_what_we_say_moved_and_they_do_not_have_is_kept() -> None:
    books, payment = Books(), _completed("P1")
    refund = a_refund(payment, status=RefundStatus.SUCCEEDED)
    books.put(payment, refund)

    run = _run(books)

    assert _kinds(books) == ["missing_theirs", "missing_theirs"]
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
    books.put(_completed("P1", created_at=made_at, expires_at=expires_at))

    _run(books)

    assert _kinds(books) == (["missing_theirs"] if missing else [])


def test_late_success_after_failed_is_found_asked_about_and_completed_by_the_normal_road() -> None:
    worker = WorkerOnFakes(Succeeded(reference="P1"))
    books, failed = worker.books, a_payment(status=S.FAILED, provider_transaction_id="P1")
    books.put(failed)

    run = _run(books, a_line(failed))
    assert (run.counts["status"], run.counts["asked"]) == (1, 1)
    assert books.payment(failed) == replace(failed, next_check_at=AFTERWARDS)
    RecoverySweep(books.unit_of_work, FakeClock(AFTERWARDS))()
    worker.handle(books.commands[-1])

    after = books.payment(failed)
    assert (after.status, after.late, after.next_check_at) == (S.COMPLETED, True, None)
    again = _run(books, a_line(failed))
    assert (again.result, again.counts["settled"], _kinds(books)) == (RunResult.MATCHED, 1, [])


def test_of_a_success_that_they_deny_they_are_asked_and_their_answer_is_audited_and_changes_nothing() -> None:
    denial = Declined(code="declined", reference="P1")
    worker = WorkerOnFakes(denial)
    books, payment = worker.books, _completed("P1")
    books.put(payment)

    _run(books, a_line(payment, outcome=denial))
    worker.check(payment)

    assert books.payment(payment) == replace(payment, checks_made=1)
    assert "outcome.refused" in books.audit_types(payment)


@pytest.mark.parametrize(
    ("answer", "asked_again"), [(InDoubt(reason="ReadTimeout"), True), (NotSent(reason="unknown here"), False)]
)
def test_a_finished_payment_is_asked_about_until_there_is_an_answer(answer: Any, asked_again: bool) -> None:
    worker = WorkerOnFakes(answer)
    payment = a_payment(status=S.FAILED, next_check_at=NOON)
    worker.books.put(payment)

    worker.check(payment)

    after = worker.books.payment(payment)
    assert after.status is S.FAILED
    assert (after.next_check_at is not None) is asked_again


def test_a_finished_payment_that_nothing_contradicts_is_not_asked_about() -> None:
    worker, payment = WorkerOnFakes(), _completed("P1")
    worker.books.put(payment)

    worker.check(payment)

    assert worker.provider.questions == []


def test_a_refund_that_they_say_failed_is_asked_about_and_the_money_is_ours_again() -> None:
    worker = WorkerOnFakes(Declined(code="refund_not_possible", reference="R1"))
    books = worker.books
    payment = replace(_completed("P1"), status=S.PARTIALLY_REFUNDED, refunded=Money(40_000, "KES"))
    refund = a_refund(payment, status=RefundStatus.SUCCEEDED, provider_refund_id="R1")
    books.put(payment, refund)

    _run(books, a_line(payment), a_line(refund, outcome=Declined(code="refund_not_possible")))
    worker.check_refund(refund)

    assert books.refund(refund).status is RefundStatus.FAILED
    assert books.payment(payment).status is S.COMPLETED


def test_what_is_unfinished_and_decided_at_theirs_is_asked_about_at_once() -> None:
    books, payment = Books(), a_payment(status=S.IN_DOUBT, next_check_at=AFTERWARDS + timedelta(hours=1))
    books.put(payment)

    _run(books, a_line(payment))

    assert books.payment(payment) == replace(payment, next_check_at=AFTERWARDS)


def test_what_is_unfinished_and_that_they_should_have_and_do_not_is_asked_about_at_once() -> None:
    books, payment = Books(), a_payment(status=S.PROCESSING)
    books.put(payment)

    run = _run(books)

    assert (run.result, run.counts["asked"]) == (RunResult.MATCHED, 1)
    assert books.payment(payment).next_check_at == AFTERWARDS


def test_what_both_hold_for_unfinished_is_left_to_its_schedule() -> None:
    books, payment = Books(), a_payment(status=S.PROCESSING, provider_transaction_id="P1", next_check_at=NOON)
    books.put(payment)

    run = _run(books, a_line(payment, outcome=Pending(reference="P1")))

    assert (run.result, run.counts["asked"]) == (RunResult.MATCHED, 0)


def test_a_difference_that_is_seen_again_stays_one_item() -> None:
    books = Books()

    first, second = _run(books, a_line()), _run(books, a_line())

    (item,) = _items(books)
    assert (item.reconciliation_id, item.last_seen_in) == (first.id, second.id)


def test_a_duplicate_is_not_settled_by_the_line_that_matches() -> None:
    books, payment = Books(), _completed("P1")
    books.put(payment)
    lines = [a_line(payment), a_line(payment, reference="P2")]

    _run(books, *lines)
    _run(books, *lines)

    assert _kinds(books) == ["duplicate"]


def test_kinds_that_nobody_keeps_books_of_are_counted_and_not_compared() -> None:
    run = _run(Books(), a_line(kind="dispute"))

    assert (run.result, run.counts["not_compared"]) == (RunResult.MATCHED, 1)


@pytest.mark.parametrize("page", [1, 2, 3, 500])
def test_the_size_of_a_page_changes_nothing(page: int) -> None:
    books, payments = Books(), [_completed(f"P{each}") for each in range(5)]
    for payment in payments:
        books.put(payment)
    lines = [a_line(each) for each in payments[:4]]

    run = _run(books, *lines, a_line(payments[0], reference="X"), a_line(reference="Y"), page=page)

    found = {name: count for name, count in run.counts.items() if count}
    assert found == {"lines": 6, "matched": 4, "duplicate": 1, "missing_ours": 1, "missing_theirs": 1}


def test_books_that_cannot_be_read_to_their_end_say_nothing_of_what_is_missing() -> None:
    books = Books()
    books.put(_completed("P1"))

    with pytest.raises(StatementUnavailable):
        _run(books, a_line(), page=1, breaks_after=1)

    (run,) = books.database.committed.reconciliations.values()
    assert (run.result, run.reason) == (RunResult.FAILED, "StatementUnavailable")
    assert _kinds(books) == ["missing_ours"]


def test_every_run_is_audited_also_one_that_failed() -> None:
    books = Books()
    _run(books, a_line())
    with pytest.raises(StatementUnavailable):
        _run(books, breaks_after=0)

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
        _run(books)


def test_a_run_whose_process_died_is_abandoned_and_made_again() -> None:
    books = Books()
    died = _begun(books, touched_at=AFTERWARDS - SILENCE)

    run = _run(books)

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
        _theirs(Watching(a_line(), a_line(reference="B"))), WINDOW, process_actor("test")
    )

    assert looks == [0, 0]


def _pulled(payment: Transaction, receipt: str, **facts: Any) -> StatementLine:
    """As M-Pesa's statement names a payment: by its receipt, and the account that it was asked for with."""
    return a_line(payment, **({"reference": receipt, "our_id": short_reference(payment.id)} | facts))


def _prompted(number: int, receipt: str | None = None, **facts: Any) -> Transaction:
    return _completed(f"ws_CO_{number}", provider_receipt=receipt, **facts)


def test_a_line_is_found_by_the_receipt_or_by_the_short_reference() -> None:
    books, by_receipt, by_short = Books(), _prompted(1, "SAA1"), _prompted(2)
    books.put(by_receipt)
    books.put(by_short)
    typed = short_reference(by_short.id).lower()

    run = _run(books, _pulled(by_receipt, "SAA1", our_id="rent"), _pulled(by_short, "SAA2", our_id=typed))

    assert (run.result, run.counts["matched"]) == (RunResult.MATCHED, 2)


def test_two_receipts_for_one_payment_of_ours_are_a_duplicate() -> None:
    books, payment = Books(), _prompted(1, "SAA1")
    books.put(payment)

    _run(books, _pulled(payment, "SAA1"), _pulled(payment, "SAA2"))

    (item,) = _items(books)
    assert (item.found.kind, item.found.our_id, item.found.reference) == (D.DUPLICATE, payment.id, "SAA2")


def test_what_was_paid_again_to_an_account_of_ours_and_taken_in_is_that_payment() -> None:
    books, payment, by_hand = Books(), _prompted(1, "SAA1"), _completed("SAA2")
    books.put(payment)
    books.put(by_hand)

    run = _run(books, _pulled(payment, "SAA1"), _pulled(payment, "SAA2"))

    assert (run.result, run.counts["matched"]) == (RunResult.MATCHED, 2)


def test_another_amount_paid_to_an_account_of_ours_is_another_payment() -> None:
    books, payment = Books(), _prompted(1, "SAA1")
    books.put(payment)

    run = _run(books, _pulled(payment, "SAA1"), _pulled(payment, "SAA2", amount=Money(5_000, "KES")))

    (item,) = _items(books)
    assert (item.found.kind, item.found.reference, run.counts["matched"]) == (D.MISSING_OURS, "SAA2", 1)


def test_a_receipt_under_two_payments_is_the_ones_whose_receipt_it_is_and_the_other_is_missed() -> None:
    books, payment, again = Books(), _prompted(1, "SAA1"), _completed("SAA1")
    books.put(payment)
    books.put(again)

    _run(books, _pulled(payment, "SAA1"))

    (item,) = _items(books)
    assert (item.found.kind, item.found.our_id) == (D.MISSING_THEIRS, again.id)


def test_a_failed_prompt_whose_money_is_in_the_statement_is_asked_about() -> None:
    books, failed = Books(), a_payment(status=S.FAILED, provider_transaction_id="ws_CO_1")
    books.put(failed)

    run = _run(books, _pulled(failed, "SAA1"))

    assert (_kinds(books), run.counts["asked"]) == (["status"], 1)
    assert books.payment(failed).next_check_at == AFTERWARDS


def test_what_a_statement_does_not_cover_is_not_missed_in_it() -> None:
    books, payment, unfinished = Books(), _prompted(1, "SAA1"), a_payment()
    done = a_refund(payment, status=RefundStatus.SUCCEEDED)
    books.put(payment, done)
    books.put(unfinished, a_refund(unfinished))
    theirs = _theirs(ScriptedBooks(), kinds=frozenset({"payment"}))

    run = Reconcile(books.unit_of_work, FakeClock(AFTERWARDS)).run(theirs, WINDOW, process_actor("test"))

    (item,) = _items(books)
    assert (item.found.kind, item.found.our_id) == (D.MISSING_THEIRS, payment.id)
    assert run.counts["asked"] == 1  # the unfinished payment; no refund
    assert books.payment(unfinished).next_check_at == AFTERWARDS
