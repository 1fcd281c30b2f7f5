"""Leases, held outcomes and late answers."""

import threading

import pytest

from shared.application.commands import next_payment_command
from shared.domain.attempt import Attempt, Operation
from shared.domain.outcome import Pending, Succeeded
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus, TransactionTrigger
from shared.persistence.errors import StorageUnavailable
from tests.fakes.makers import a_payment
from tests.fakes.worker import WorkerOnFakes

S = TransactionStatus
DONE = Succeeded(reference="P1")


def _claimed(worker: WorkerOnFakes, payment: Transaction) -> Attempt:
    """The attempt of a worker that was frozen right after its claim."""
    worker.books.put(payment)
    with worker.books.unit_of_work() as work:
        locked = work.transactions.lock(payment.id)
        assert locked is not None
        submitted, _ = locked.on(TransactionTrigger.SUBMIT, worker.clock.now())
        work.transactions.save(submitted)
        attempt = worker.attempts.begin(work, submitted, Operation.INITIALIZE_PAYMENT)
        work.commit()
    return attempt


def _freeze(worker: WorkerOnFakes) -> None:
    """What happens while the provider is asked: the lease ends, and the relay takes the attempt over."""
    worker.let_the_lease_run_out()
    assert worker.sweep_leases() == 1


def test_a_worker_that_was_frozen_past_its_lease_sends_nothing() -> None:
    worker, payment = WorkerOnFakes(), a_payment()
    attempt = _claimed(worker, payment)
    worker.let_the_lease_run_out()

    worker.attempts.call(attempt, lambda: worker.provider.initialize_payment(pytest.fail("was sent")))

    assert worker.books.attempts(payment.id)[0].outcome == "NotSent"
    assert worker.books.payment(payment).status is S.PENDING


def test_a_worker_within_its_lease_sends() -> None:
    worker, payment = WorkerOnFakes(), a_payment()
    attempt = _claimed(worker, payment)
    worker.clock.advance(29.9)

    worker.attempts.call(attempt, lambda: DONE)

    assert worker.books.payment(payment).status is S.COMPLETED


def test_a_lease_that_ran_out_leaves_the_payment_in_doubt() -> None:
    worker, payment = WorkerOnFakes(DONE), a_payment()
    worker.provider.witness = lambda: _freeze(worker)

    worker.start(payment)

    (attempt,) = worker.books.attempts(payment.id)
    assert (attempt.outcome, attempt.reason) == ("InDoubt", "lease_expired")
    assert worker.books.payment(payment).status is S.IN_DOUBT


def test_an_answer_that_comes_after_its_lease_was_swept_is_noted_and_moves_nothing() -> None:
    worker, payment = WorkerOnFakes(DONE), a_payment()
    worker.provider.witness = lambda: _freeze(worker)

    worker.start(payment)

    assert worker.books.event_types(payment) == ["payment.processing", "payment.in_doubt"]
    note = worker.books.audit(payment)[-1]
    assert note.event_type == "attempt.late_answer"
    assert note.event_data == {"attempt": 1, "operation": "payment.initialize", "outcome": "Succeeded"}


def test_after_a_late_answer_the_provider_is_asked_again_at_once() -> None:
    worker, payment = WorkerOnFakes(DONE, DONE), a_payment()
    worker.provider.witness = lambda: _freeze(worker)
    worker.start(payment)
    assert worker.books.payment(payment).next_check_at == worker.clock.now()

    worker.provider.witness = lambda: None
    worker.check(payment)

    assert worker.books.payment(payment).status is S.COMPLETED


def test_a_late_answer_to_a_finished_payment_leaves_it_finished() -> None:
    worker, payment = WorkerOnFakes(Pending(reference="P1")), a_payment()

    def freeze_and_complete() -> None:
        _freeze(worker)
        worker.books.apply(payment, DONE, context=worker.attempts.context(None))

    worker.provider.witness = freeze_and_complete
    worker.start(payment)

    after = worker.books.payment(payment)
    assert (after.status, after.next_check_at) == (S.COMPLETED, None)


def test_a_swept_payment_is_never_sent_again_before_the_provider_was_asked() -> None:
    worker, payment = WorkerOnFakes(DONE), a_payment()
    worker.provider.witness = lambda: _freeze(worker)
    command = worker.start(payment)

    worker.handle(command)

    assert len(worker.provider.asked) == 1


def test_an_outcome_is_held_while_the_database_is_away_and_then_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    worker, payment = WorkerOnFakes(DONE, record_seconds=60), a_payment()
    database, pauses = worker.books.database, []

    def goes_away() -> None:
        database.is_away = True

    def comes_back(seconds: float) -> None:
        pauses.append(seconds)
        database.is_away = len(pauses) < 3

    worker.provider.witness = goes_away
    monkeypatch.setattr("services.provider_worker.attempts.time.sleep", comes_back)
    worker.start(payment)

    assert pauses == [0.5, 0.5, 0.5]
    assert worker.books.payment(payment).status is S.COMPLETED
    assert len(worker.provider.asked) == 1


@pytest.mark.parametrize("applied", [True, False])
def test_a_commit_that_breaks_while_an_outcome_is_recorded_loses_and_doubles_nothing(
    applied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.provider_worker.attempts.time.sleep", lambda _seconds: None)
    worker, payment = WorkerOnFakes(DONE, record_seconds=60), a_payment()
    worker.provider.witness = lambda: worker.books.database.break_next_commit(applied=applied)

    worker.start(payment)

    assert worker.books.payment(payment).status is S.COMPLETED
    assert worker.books.event_types(payment) == ["payment.processing", "payment.completed"]
    assert len(worker.provider.asked) == 1


def test_an_outcome_that_cannot_be_recorded_in_time_is_left_to_the_lease_sweep() -> None:
    worker, payment = WorkerOnFakes(DONE, record_seconds=-1), a_payment()

    def goes_away() -> None:
        worker.books.database.is_away = True

    worker.provider.witness = goes_away
    with pytest.raises(StorageUnavailable):
        worker.start(payment)

    worker.books.database.is_away = False
    worker.let_the_lease_run_out()
    assert worker.sweep_leases() == 1
    assert worker.books.payment(payment).status is S.IN_DOUBT


@pytest.mark.parametrize("applied", [True, False])
def test_when_the_claims_commit_breaks_nothing_is_sent(applied: bool) -> None:
    worker, payment = WorkerOnFakes(), a_payment()
    worker.books.put(payment)
    worker.books.database.break_next_commit(applied=applied)

    with pytest.raises(StorageUnavailable):
        worker.handle(next_payment_command(payment, worker.clock.now()))

    assert worker.provider.asked == []
    assert worker.books.payment(payment).status is (S.PROCESSING if applied else S.PENDING)


def test_of_many_workers_with_one_command_exactly_one_asks_the_provider() -> None:
    worker, payment = WorkerOnFakes(*[DONE] * 8), a_payment()
    worker.books.put(payment)
    command = next_payment_command(payment, worker.clock.now())
    together = threading.Barrier(8)

    def run() -> None:
        together.wait()
        worker.handle(command)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(worker.provider.asked) == 1
    assert worker.books.event_types(payment) == ["payment.processing", "payment.completed"]
