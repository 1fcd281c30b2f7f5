"""What a comparison of our books with theirs has them asked about, and what comes of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.scheduler.recovery import RecoverySweep
from shared.domain.money import Money
from shared.domain.outcome import Declined, InDoubt, NotSent, Pending, Succeeded
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.reconciliations import RunResult
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import a_payment, a_refund
from tests.fakes.statements import a_line
from tests.fakes.worker import WorkerOnFakes
from tests.unit.shared.application.reconciling import AFTERWARDS, completed, open_kinds, run_against

S = TransactionStatus


def test_late_success_after_failed_is_found_asked_about_and_completed_by_the_normal_road() -> None:
    worker = WorkerOnFakes(Succeeded(reference="P1"))
    books, failed = worker.books, a_payment(status=S.FAILED, provider_transaction_id="P1")
    books.put(failed)

    run = run_against(books, a_line(failed))
    assert (run.counts["status"], run.counts["asked"]) == (1, 1)
    assert books.payment(failed) == replace(failed, next_check_at=AFTERWARDS)
    RecoverySweep(books.unit_of_work, FakeClock(AFTERWARDS))()
    worker.handle(books.commands[-1])

    after = books.payment(failed)
    assert (after.status, after.late, after.next_check_at) == (S.COMPLETED, True, None)
    again = run_against(books, a_line(failed))
    assert (again.result, again.counts["settled"], open_kinds(books)) == (RunResult.MATCHED, 1, [])


def test_of_a_success_that_they_deny_they_are_asked_and_their_answer_is_audited_and_changes_nothing() -> None:
    denial = Declined(code="declined", reference="P1")
    worker = WorkerOnFakes(denial)
    books, payment = worker.books, completed("P1")
    books.put(payment)

    run_against(books, a_line(payment, outcome=denial))
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
    worker, payment = WorkerOnFakes(), completed("P1")
    worker.books.put(payment)

    worker.check(payment)

    assert worker.provider.questions == []


def test_a_refund_that_they_say_failed_is_asked_about_and_the_money_is_ours_again() -> None:
    worker = WorkerOnFakes(Declined(code="refund_not_possible", reference="R1"))
    books = worker.books
    payment = replace(completed("P1"), status=S.PARTIALLY_REFUNDED, refunded=Money(40_000, "KES"))
    refund = a_refund(payment, status=RefundStatus.SUCCEEDED, provider_refund_id="R1")
    books.put(payment, refund)

    run_against(books, a_line(payment), a_line(refund, outcome=Declined(code="refund_not_possible")))
    worker.check_refund(refund)

    assert books.refund(refund).status is RefundStatus.FAILED
    assert books.payment(payment).status is S.COMPLETED


def test_what_is_unfinished_and_decided_at_theirs_is_asked_about_at_once() -> None:
    books, payment = Books(), a_payment(status=S.IN_DOUBT, next_check_at=AFTERWARDS + timedelta(hours=1))
    books.put(payment)

    run_against(books, a_line(payment))

    assert books.payment(payment) == replace(payment, next_check_at=AFTERWARDS)


def test_what_is_unfinished_and_that_they_should_have_and_do_not_is_asked_about_at_once() -> None:
    books, payment = Books(), a_payment(status=S.PROCESSING)
    books.put(payment)

    run = run_against(books)

    assert (run.result, run.counts["asked"]) == (RunResult.MATCHED, 1)
    assert books.payment(payment).next_check_at == AFTERWARDS


def test_what_both_hold_for_unfinished_is_left_to_its_schedule() -> None:
    books, payment = Books(), a_payment(status=S.PROCESSING, provider_transaction_id="P1", next_check_at=NOON)
    books.put(payment)

    run = run_against(books, a_line(payment, outcome=Pending(reference="P1")))

    assert (run.result, run.counts["asked"]) == (RunResult.MATCHED, 0)
