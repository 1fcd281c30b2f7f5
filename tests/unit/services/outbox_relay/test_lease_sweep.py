"""Attempts whose worker never said what came of them are in doubt."""

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.outbox_relay import lease_sweep
from services.outbox_relay.lease_sweep import LeaseSweep
from shared.application.apply_outcome import apply_outcome
from shared.application.check_schedule import CheckSchedule
from shared.application.subjects import Owner, Subject
from shared.domain.attempt import Attempt, Operation, provider_key
from shared.domain.ids import AttemptId
from shared.domain.money import Money
from shared.domain.outcome import InDoubt
from shared.domain.refund import Refund
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.messaging.retry_ladder import RetryLadder
from shared.persistence.errors import StorageUnavailable
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.identifiers import new_id
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import a_capture, a_payment, a_refund
from tests.fakes.worker import WorkerOnFakes

S = TransactionStatus


def _left(books: Books, payment: Transaction, operation: Operation, refund: Refund | None = None) -> Attempt:
    """An attempt whose lease ended a second ago."""
    attempt = Attempt(
        id=AttemptId(new_id()),
        merchant_id=payment.merchant_id,
        transaction_id=payment.id,
        refund_id=None if refund is None else refund.id,
        provider="cpay",
        operation=operation,
        number=1,
        provider_key=provider_key(operation, payment.id if refund is None else refund.id),
        started_at=NOON - timedelta(seconds=31),
        lease_until=NOON - timedelta(seconds=1),
    )
    books.do(lambda work: work.attempts.add(attempt))
    return attempt


def _sweep(books: Books) -> int:
    return LeaseSweep(books.unit_of_work, FakeClock(), RetryLadder(), CheckSchedule())()


def test_a_payment_whose_worker_died_is_in_doubt_and_soon_asked_about() -> None:
    books, payment = Books(), a_payment(status=S.PROCESSING)
    books.put(payment)
    _left(books, payment, Operation.INITIALIZE_PAYMENT)

    assert _sweep(books) == 1

    after = books.payment(payment)
    assert (after.status, after.next_check_at) == (S.IN_DOUBT, NOON + timedelta(seconds=5))
    assert books.audit(payment)[0].user_id == "outbox_relay"
    assert books.outgoing == []


def test_an_attempt_is_taken_over_once() -> None:
    books, payment = Books(), a_payment(status=S.PROCESSING)
    books.put(payment)
    attempt = _left(books, payment, Operation.INITIALIZE_PAYMENT)

    assert (_sweep(books), _sweep(books)) == (1, 0)

    (after,) = books.attempts(payment.id)
    assert after == replace(attempt, finished_at=NOON, outcome="InDoubt", reason="lease_expired")


@pytest.mark.parametrize("lease_until", [NOON, NOON + timedelta(seconds=1)])
def test_an_attempt_within_its_lease_is_its_workers(lease_until: object) -> None:
    books, payment = Books(), a_payment(status=S.PROCESSING)
    books.put(payment)
    attempt = _left(books, payment, Operation.INITIALIZE_PAYMENT)
    books.database.committed.attempts[attempt.id] = replace(attempt, lease_until=lease_until)  # type: ignore[arg-type] # a time

    assert _sweep(books) == 0


def test_a_refund_whose_worker_died_is_in_doubt() -> None:
    books = Books()
    payment = a_payment(status=S.COMPLETED, refund_pending=Money(40_000, "KES"))
    refund = a_refund(payment, status=RefundStatus.PROCESSING)
    books.put(payment, refund)
    _left(books, payment, Operation.INITIALIZE_REFUND, refund)

    assert _sweep(books) == 1
    assert books.refund(refund).status is RefundStatus.IN_DOUBT


def test_a_capture_whose_worker_died_is_in_doubt() -> None:
    worker = WorkerOnFakes(InDoubt(reason="never told"))
    payment = a_payment(status=S.AUTHORIZED, capture_pending=Money(40_000, "KES"))
    capture = a_capture(payment)
    taken: list[int] = []

    def die() -> None:
        worker.let_the_lease_run_out()
        taken.append(worker.sweep_leases())

    worker.provider.witness = die
    worker.capture(payment, capture)

    assert taken == [1]
    assert worker.books.capture(capture).status is RefundStatus.IN_DOUBT


def test_a_check_that_nobody_finished_only_puts_off_the_next_one() -> None:
    books, payment = Books(), a_payment(status=S.PROCESSING, version=4)
    books.put(payment)
    _left(books, payment, Operation.VERIFY_PAYMENT)

    assert _sweep(books) == 1

    after = books.payment(payment)
    assert (after.status, after.version) == (S.PROCESSING, 4)
    assert after.next_check_at == NOON + timedelta(seconds=10)


def test_a_payment_that_a_callback_completed_meanwhile_stays_completed() -> None:
    books, payment = Books(), a_payment(status=S.COMPLETED)
    books.put(payment)
    _left(books, payment, Operation.INITIALIZE_PAYMENT)

    assert _sweep(books) == 1
    assert books.payment(payment).status is S.COMPLETED
    assert books.event_types(payment) == []


def test_an_attempt_that_its_worker_finishes_at_the_last_moment_stays_its_workers() -> None:
    books, payment = Books(), a_payment(status=S.PROCESSING, version=4)
    books.put(payment)
    attempt = _left(books, payment, Operation.INITIALIZE_PAYMENT)
    looks = []

    def unit_of_work() -> AbstractContextManager[UnitOfWork]:
        looks.append(1)
        if len(looks) == 2:  # the sweep has seen the attempt, and not yet taken it
            books.do(lambda work: _finish(work, attempt))
        return books.unit_of_work()

    assert LeaseSweep(unit_of_work, FakeClock(), RetryLadder(), CheckSchedule())() == 0

    assert books.payment(payment) == payment
    assert [each.outcome for each in books.attempts(payment.id)] == ["Pending"]


def _finish(work: UnitOfWork, attempt: Attempt) -> None:
    assert work.attempts.finish(attempt.id, now=NOON, outcome="Pending", reason=None)


def test_an_attempt_that_cannot_be_taken_over_keeps_no_other_in_its_workers_hands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    books, first, second = Books(), a_payment(status=S.PROCESSING), a_payment(status=S.PROCESSING)
    for payment in (first, second):
        books.put(payment)
        _left(books, payment, Operation.INITIALIZE_PAYMENT)

    def fail_for_the_first(work: UnitOfWork, owner: Owner, subject: Subject, *outcome: Any) -> None:
        if owner.id == first.id:
            raise ArithmeticError
        apply_outcome(work, owner, subject, *outcome)

    monkeypatch.setattr(lease_sweep, "apply_outcome", fail_for_the_first)

    assert _sweep(books) == 1
    assert [books.payment(each).status for each in (first, second)] == [S.PROCESSING, S.IN_DOUBT]


def test_with_the_database_away_no_attempt_after_another_waits_for_it() -> None:
    books = Books()
    for _ in range(3):
        payment = a_payment(status=S.PROCESSING)
        books.put(payment)
        _left(books, payment, Operation.INITIALIZE_PAYMENT)
    looks = []

    def unit_of_work() -> AbstractContextManager[UnitOfWork]:
        looks.append(1)
        books.database.is_away = len(looks) > 1
        return books.unit_of_work()

    with pytest.raises(StorageUnavailable):
        LeaseSweep(unit_of_work, FakeClock(), RetryLadder(), CheckSchedule())()
    assert len(looks) == 2
