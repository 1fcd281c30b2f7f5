"""Calling payments off at their provider: claimed first, repeated without harm, and asked about until it is known."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.scheduler.recovery import RecoverySweep
from shared.application.commands import cancel_command
from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import Authorized, Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.domain.transaction import CaptureMethod, Transaction
from shared.domain.transaction_status import WITH_PROVIDER, TransactionStatus
from shared.provider_kit.provider import CancelRequest, PaymentQuery, PaymentReported
from tests.fakes.clock import NOON
from tests.fakes.makers import a_capture, a_payment
from tests.fakes.provider import Answer
from tests.fakes.worker import LEASE_SECONDS, WorkerOnFakes

S = TransactionStatus
DONE = Succeeded(reference="P1", captured=Money(0, "KES"))
TOO_LATE = Declined(code=FailureCode.PROVIDER_REFUSED, provider_code="invalid_state")
KEY = "payment.cancel:{}"


def _called_off(*answers: Answer, status: S = S.AUTHORIZED, **facts: Any) -> tuple[WorkerOnFakes, Transaction]:
    worker = WorkerOnFakes(*answers)
    given: dict[str, Any] = {
        "provider_transaction_id": "P1",
        "capture_method": CaptureMethod.MANUAL,
        "cancel_requested_at": NOON,
        "next_check_at": NOON + timedelta(seconds=30),
    }
    payment = a_payment(status=status, **(given | facts))
    worker.books.put(payment)
    return worker, payment


def _cancel(worker: WorkerOnFakes, payment: Transaction) -> None:
    worker.handle(cancel_command(payment, worker.clock.now()))


def _sweep(worker: WorkerOnFakes, seconds: float) -> None:
    """What is due after ``seconds`` is looked at by the worker, with all that follows at once."""
    worker.clock.advance(seconds)
    handled = len(worker.books.commands)
    RecoverySweep(worker.books.unit_of_work, worker.clock)()
    while len(worker.books.commands) > handled:
        handled += 1
        worker.handle(worker.books.commands[handled - 1])


def _keys(worker: WorkerOnFakes) -> list[str]:
    return [each.idempotency_key for each in worker.provider.questions if isinstance(each, CancelRequest)]


def test_the_provider_is_asked_to_cancel_exactly_this_payment() -> None:
    worker, payment = _called_off(DONE)

    _cancel(worker, payment)

    assert worker.provider.questions == [
        CancelRequest(
            transaction_id=payment.id,
            idempotency_key=f"payment.cancel:{payment.id}",
            payment_reference="P1",
            amount=payment.amount,
        )
    ]
    assert worker.books.payment(payment).status is S.CANCELLED


def test_the_attempt_is_committed_and_no_transaction_open_when_the_provider_is_asked() -> None:
    worker, payment = _called_off(DONE)
    worker.provider.witness = lambda: (
        [(each.operation.value, each.provider_key) for each in worker.books.attempts(payment.id)],
        worker.books.payment(payment).next_check_at,
        worker.books.database.open_transactions,
    )

    _cancel(worker, payment)

    due = NOON + timedelta(seconds=LEASE_SECONDS + 5)
    assert [each.seen for each in worker.provider.asked] == [([("payment.cancel", KEY.format(payment.id))], due, 0)]


@pytest.mark.parametrize("status", sorted(S))
def test_only_what_the_provider_has_and_has_not_taken_is_cancelled_there(status: S) -> None:
    worker, payment = _called_off(*([DONE] if status in WITH_PROVIDER else []), status=status)

    _cancel(worker, payment)

    assert len(worker.provider.asked) == (1 if status in WITH_PROVIDER else 0)
    assert worker.books.payment(payment).status is (S.CANCELLED if status in WITH_PROVIDER else status)


@pytest.mark.parametrize(
    "facts", [{"cancel_requested_at": None}, {"provider_transaction_id": None, "status": S.PROCESSING}], ids=str
)
def test_what_nobody_called_off_and_what_has_no_reference_yet_is_left_alone(facts: dict[str, Any]) -> None:
    worker, payment = _called_off(**facts)

    _cancel(worker, payment)

    assert (worker.provider.asked, worker.books.attempts(payment.id)) == ([], [])


def test_a_command_that_comes_again_after_the_end_asks_nobody() -> None:
    worker, payment = _called_off(DONE)

    _cancel(worker, payment)
    _cancel(worker, payment)

    assert len(worker.provider.asked) == 1
    assert worker.books.event_types(payment) == ["payment.cancelled"]


def test_a_command_that_comes_twice_at_once_asks_twice_and_cancels_once_under_one_key() -> None:
    worker, payment = _called_off(DONE, DONE)
    again = [lambda: _cancel(worker, payment)]
    worker.provider.witness = lambda: again.pop()() if again else None

    _cancel(worker, payment)

    assert _keys(worker) == [KEY.format(payment.id)] * 2
    assert worker.books.event_types(payment) == ["payment.cancelled"]


@pytest.mark.parametrize("lost", [InDoubt(reason="ReadTimeout"), NotSent(reason="ConnectError"), ValueError("bug")])
def test_after_no_answer_the_truth_is_asked_and_what_still_waits_is_cancelled_under_the_same_key(
    lost: Outcome | Exception,
) -> None:
    worker, payment = _called_off(lost, Authorized(reference="P1"), DONE)
    _cancel(worker, payment)

    _sweep(worker, 5)

    assert [type(each) for each in worker.provider.questions] == [CancelRequest, PaymentQuery, CancelRequest]
    assert _keys(worker) == [KEY.format(payment.id)] * 2
    assert worker.books.payment(payment).status is S.CANCELLED


def test_after_no_answer_the_truth_may_be_that_it_was_cancelled() -> None:
    worker, payment = _called_off(InDoubt(reason="x"), Declined(code="cancelled_by_customer", reference="P1"))
    _cancel(worker, payment)

    _sweep(worker, 5)

    after = worker.books.payment(payment)
    assert after.failure is not None
    assert (after.status, after.failure.code) == (S.CANCELLED, FailureCode.CANCELLED_BY_MERCHANT)


def test_a_command_that_was_lost_with_its_queue_costs_one_question() -> None:
    worker, payment = _called_off(Authorized(reference="P1"), DONE)

    _sweep(worker, 30)

    assert [type(each) for each in worker.provider.questions] == [PaymentQuery, CancelRequest]
    assert worker.books.payment(payment).status is S.CANCELLED


def test_a_worker_that_dies_after_the_call_leaves_a_question_and_no_guess() -> None:
    class Died(BaseException):
        """As the process ends."""

    worker, payment = _called_off(Declined(code="cancelled_by_customer", reference="P1"))

    def die() -> None:
        raise Died

    worker.provider.witness = die
    with pytest.raises(Died):
        _cancel(worker, payment)
    worker.provider.witness = lambda: None
    worker.let_the_lease_run_out()
    assert worker.sweep_leases() == 1
    assert worker.books.payment(payment).status is S.AUTHORIZED

    _sweep(worker, 5)

    assert worker.books.payment(payment).status is S.CANCELLED


def test_an_answer_after_the_lease_moves_nothing_and_has_the_truth_asked_now() -> None:
    worker, payment = _called_off(DONE)

    def freeze() -> None:
        worker.let_the_lease_run_out()
        assert worker.sweep_leases() == 1

    worker.provider.witness = freeze
    _cancel(worker, payment)

    after = worker.books.payment(payment)
    assert (after.status, after.next_check_at) == (S.AUTHORIZED, worker.clock.now())
    assert worker.books.audit_types(payment)[-1] == "attempt.late_answer"


def test_after_a_refusal_the_truth_is_asked_at_once_and_nothing_is_cancelled_again_unasked() -> None:
    worker, payment = _called_off(TOO_LATE, Authorized(reference="P1"))
    _cancel(worker, payment)

    _sweep(worker, 0)

    assert [type(each) for each in worker.provider.questions] == [CancelRequest, PaymentQuery]
    after = worker.books.payment(payment)
    assert (after.status, after.cancel_requested_at) == (S.AUTHORIZED, None)


def test_after_a_refusal_a_new_wish_has_a_new_key_since_the_old_one_would_repeat_the_refusal() -> None:
    worker, payment = _called_off(TOO_LATE, InDoubt(reason="x"), DONE)
    for _ in range(3):
        _want(worker, payment)
        _cancel(worker, payment)

    key = KEY.format(payment.id)
    assert _keys(worker) == [key, f"{key}:1", f"{key}:1"]
    assert {each.provider_key for each in worker.books.attempts(payment.id)} == {key}
    assert worker.books.payment(payment).status is S.CANCELLED


def _want(worker: WorkerOnFakes, payment: Transaction) -> None:
    with worker.books.unit_of_work() as work:
        stored = work.transactions.lock(payment.id)
        assert stored is not None
        work.transactions.save(replace(stored, cancel_requested_at=NOON))
        work.commit()


# --- what our clock expires ---


def test_a_reservation_that_our_clock_ends_is_released_at_the_provider_and_expired() -> None:
    worker, payment = _called_off(Authorized(reference="P1"), DONE, cancel_requested_at=None)

    _sweep(worker, 7200)

    assert [type(each) for each in worker.provider.questions] == [PaymentQuery, CancelRequest]
    assert worker.books.payment(payment).status is S.EXPIRED


def test_before_its_end_nobody_releases_it() -> None:
    worker, payment = _called_off(Authorized(reference="P1"), cancel_requested_at=None)

    _sweep(worker, 60)

    assert [type(each) for each in worker.provider.questions] == [PaymentQuery]
    assert worker.books.payment(payment).status is S.AUTHORIZED


def test_a_provider_that_never_lets_go_is_not_asked_for_ever() -> None:
    answers: list[Outcome] = [Authorized(reference="P1"), TOO_LATE] * 6
    worker, payment = _called_off(*answers, Authorized(reference="P1"), cancel_requested_at=None)

    _sweep(worker, 7200)
    for _ in range(6):
        _sweep(worker, 1)

    assert len(_keys(worker)) == 6
    assert worker.books.payment(payment).status is S.EXPIRED


def test_while_a_capture_is_under_way_nothing_is_released() -> None:
    worker, payment = _called_off(cancel_requested_at=None, expires_at=NOON, capture_pending=Money(40_000, "KES"))
    worker.books.do(lambda work: work.captures.add(a_capture(payment, status=MovementStatus.PROCESSING)))

    _cancel(worker, payment)

    assert worker.provider.asked == []


# --- callbacks ---


def _reported(payment: Transaction) -> PaymentReported:
    outcome = Declined(code=FailureCode.CANCELLED_BY_CUSTOMER, provider_code="cancelled", reference="P1")
    return PaymentReported(transaction_id=payment.id, reference="P1", amount=payment.amount, outcome=outcome)


@pytest.mark.parametrize("times", [1, 2])
def test_a_callback_that_overtakes_the_answer_ends_it_once(times: int) -> None:
    worker, payment = _called_off(DONE)
    messages = [worker.receive(_reported(payment)) for _ in range(times)]

    def overtake() -> None:
        for message in messages:
            worker.handle(message)

    worker.provider.witness = overtake
    _cancel(worker, payment)

    after = worker.books.payment(payment)
    assert after.failure is not None
    assert (after.status, after.failure.code) == (S.CANCELLED, FailureCode.CANCELLED_BY_MERCHANT)
    assert worker.books.event_types(payment) == ["payment.cancelled"]


@pytest.mark.parametrize("times", [1, 2])
def test_a_callback_after_the_answer_changes_nothing(times: int) -> None:
    worker, payment = _called_off(DONE)
    _cancel(worker, payment)

    for _ in range(times):
        worker.handle(worker.receive(_reported(payment)))

    assert worker.books.payment(payment).status is S.CANCELLED
    assert worker.books.event_types(payment) == ["payment.cancelled"]


def test_what_was_called_off_while_it_was_being_sent_is_cancelled_after_its_answer() -> None:
    worker = WorkerOnFakes(Pending(reference="P1"), DONE)
    payment = a_payment()
    worker.provider.witness = lambda: _want(worker, payment) if len(worker.provider.asked) == 0 else None

    worker.start(payment)
    worker.handle(worker.books.commands[-1])

    assert _keys(worker) == [KEY.format(payment.id)]
    assert worker.books.payment(payment).status is S.CANCELLED
