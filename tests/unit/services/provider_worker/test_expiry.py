"""A payment past its life is asked about before it expires: what the provider says counts, its silence does not."""

import pytest

from services.scheduler.recovery import RecoverySweep
from shared.domain.outcome import Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from tests.fakes.clock import FakeClock
from tests.fakes.makers import a_payment
from tests.fakes.worker import WorkerOnFakes

S = TransactionStatus
TWO_HOURS = 7200


def _overdue(worker: WorkerOnFakes, status: S) -> Transaction:
    """A payment past its life whose check is due, after the sweep has found it and the worker has asked."""
    payment = a_payment(status=status, next_check_at=worker.clock.now(), provider_transaction_id="P1")
    worker.books.put(payment)
    worker.clock.advance(TWO_HOURS)
    RecoverySweep(worker.books.unit_of_work, FakeClock(worker.clock.now()))()
    (command,) = worker.books.commands
    worker.handle(command)
    return worker.books.payment(payment)


WAITING = [S.PROCESSING, S.REQUIRES_ACTION]


@pytest.mark.parametrize("status", [*WAITING, S.IN_DOUBT, S.AUTHORIZED])
def test_overdue_and_they_say_that_it_succeeded_is_completed(status: S) -> None:
    worker = WorkerOnFakes(Succeeded(reference="P1"))

    after = _overdue(worker, status)

    assert (after.status, after.late, len(worker.provider.questions)) == (S.COMPLETED, False, 1)


@pytest.mark.parametrize("status", WAITING)
@pytest.mark.parametrize("next_action", [None, {"type": "confirm_on_phone"}])
def test_overdue_and_still_pending_with_them_is_expired(status: S, next_action: dict[str, str] | None) -> None:
    worker = WorkerOnFakes(Pending(reference="P1", next_action=next_action))

    after = _overdue(worker, status)

    assert (after.status, after.next_check_at, len(worker.provider.questions)) == (S.EXPIRED, None, 1)


@pytest.mark.parametrize("status", [*WAITING, S.IN_DOUBT])
@pytest.mark.parametrize("silence", [InDoubt(reason="ReadTimeout"), NotSent(reason="ConnectError")])
def test_overdue_and_no_answer_is_not_expired_and_asked_again(status: S, silence: Outcome) -> None:
    worker = WorkerOnFakes(silence)

    after = _overdue(worker, status)

    assert after.status is status
    assert after.next_check_at is not None
    assert after.next_check_at > worker.clock.now()


def test_overdue_and_declined_is_failed_for_their_reason() -> None:
    worker = WorkerOnFakes(Declined(code="insufficient_funds", reference="P1"))

    after = _overdue(worker, S.PROCESSING)

    assert after.status is S.FAILED
    assert after.failure is not None
    assert after.failure.code == "insufficient_funds"


def test_money_that_comes_after_the_expiry_is_taken_late() -> None:
    worker = WorkerOnFakes(Pending(reference="P1"))
    expired = _overdue(worker, S.PROCESSING)

    worker.books.apply(expired, Succeeded(reference="P1"), context=worker.attempts.context(None))

    after = worker.books.payment(expired)
    assert (after.status, after.late) == (S.COMPLETED, True)
