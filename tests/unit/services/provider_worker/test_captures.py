"""Taking what is reserved, and asking about it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.application.commands import next_capture_command
from shared.domain.capture import Capture
from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import Authorized, InDoubt, NotSent, Pending, Succeeded
from shared.domain.transaction import CaptureMethod, Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.provider_kit.provider import CaptureQuery, CaptureRequest, PaymentRequest
from tests.fakes.clock import NOON
from tests.fakes.makers import a_capture, a_payment
from tests.fakes.worker import LEASE_SECONDS, WorkerOnFakes

M = MovementStatus
S = TransactionStatus
DONE = Succeeded(reference="C1")


def _accepted(status: M = M.PENDING, payment_status: S = S.AUTHORIZED) -> tuple[Transaction, Capture]:
    payment = a_payment(
        status=payment_status,
        capture_method=CaptureMethod.MANUAL,
        provider_transaction_id="P1",
        authorized=Money(100_000, "KES"),
        captured=Money(0, "KES"),
        capture_pending=Money(40_000, "KES"),
        version=3,
    )
    return payment, a_capture(payment, status=status, expires_at=NOON + timedelta(days=365))


def test_the_provider_is_told_at_the_start_that_the_payment_is_captured_by_hand() -> None:
    worker, payment = WorkerOnFakes(Authorized(reference="P1")), a_payment(capture_method=CaptureMethod.MANUAL)

    worker.start(payment)

    (asked,) = worker.provider.questions
    assert isinstance(asked, PaymentRequest)
    assert asked.capture_method is CaptureMethod.MANUAL
    assert worker.books.payment(payment).status is S.AUTHORIZED


def test_a_pending_capture_is_sent_and_succeeds() -> None:
    worker, (payment, capture) = WorkerOnFakes(DONE), _accepted()

    worker.capture(payment, capture)

    assert worker.books.capture(capture).status is M.SUCCEEDED
    assert worker.books.payment(payment).captured == Money(40_000, "KES")
    assert worker.books.event_types(payment) == [
        "capture.processing",
        "capture.completed",
        "payment.partially_captured",
    ]


def test_the_provider_is_asked_for_exactly_this_capture() -> None:
    worker, (payment, capture) = WorkerOnFakes(DONE), _accepted()

    worker.capture(payment, replace(capture, is_final=True))

    assert worker.provider.questions == [
        CaptureRequest(
            capture_id=capture.id,
            idempotency_key=f"capture.initialize:{capture.id}",
            payment_reference="P1",
            amount=capture.amount,
            is_final=True,
        )
    ]


def test_the_attempt_is_committed_and_no_transaction_open_when_the_provider_is_asked() -> None:
    worker, (payment, capture) = WorkerOnFakes(DONE), _accepted()
    worker.provider.witness = lambda: (
        [each.capture_id for each in worker.books.attempts(payment.id)],
        worker.books.capture(capture).status,
        worker.books.capture(capture).next_check_at,
        worker.books.database.open_transactions,
    )

    worker.capture(payment, capture)

    due = NOON + timedelta(seconds=LEASE_SECONDS + 5)
    assert [each.seen for each in worker.provider.asked] == [([capture.id], M.PROCESSING, due, 0)]


def test_a_command_that_comes_twice_is_done_once() -> None:
    worker, (payment, capture) = WorkerOnFakes(DONE), _accepted()

    command = worker.capture(payment, capture)
    worker.handle(command)

    assert len(worker.provider.asked) == 1
    assert worker.books.payment(payment).captured == Money(40_000, "KES")


@pytest.mark.parametrize("status", sorted(set(M) - {M.PENDING}))
def test_only_a_pending_capture_is_sent(status: M) -> None:
    worker, (payment, capture) = WorkerOnFakes(), _accepted(status)
    worker.books.put(payment, capture)

    worker.handle(next_capture_command(replace(capture, status=M.PENDING), NOON))

    assert worker.provider.asked == []


@pytest.mark.parametrize("status", [S.COMPLETED, S.EXPIRED, S.CANCELLED])
def test_a_capture_of_a_payment_that_was_closed_meanwhile_is_not_sent(status: S) -> None:
    worker, (payment, capture) = WorkerOnFakes(), _accepted(payment_status=status)

    worker.capture(payment, capture)

    after = worker.books.capture(capture)
    assert after.failure is not None
    assert (after.status, after.failure.code) == (M.FAILED, FailureCode.CAPTURE_NOT_POSSIBLE)
    assert worker.books.payment(payment).capture_pending == Money(0, "KES")


def test_a_command_that_comes_after_the_capture_has_expired_is_not_sent() -> None:
    worker, (payment, capture) = WorkerOnFakes(), _accepted()
    late = replace(capture, expires_at=NOON)

    worker.capture(payment, late)

    after = worker.books.capture(late)
    assert after.failure is not None
    assert (after.status, after.failure.code) == (M.FAILED, FailureCode.EXPIRED)


def test_a_check_asks_with_the_providers_reference() -> None:
    worker, (payment, capture) = WorkerOnFakes(Pending(reference="C1"), DONE), _accepted()
    worker.capture(payment, capture)

    worker.check_capture(capture)

    assert worker.provider.questions[-1] == CaptureQuery(
        capture_id=capture.id, payment_reference="P1", amount=capture.amount, reference="C1"
    )
    assert worker.books.capture(capture).status is M.SUCCEEDED


def test_no_capture_is_sent_twice_with_different_keys_whatever_the_provider_says_first() -> None:
    worker, (payment, capture) = WorkerOnFakes(InDoubt(reason="x"), NotSent(reason="not_found"), DONE), _accepted()
    worker.capture(payment, capture)
    worker.check_capture(capture)

    worker.handle(worker.books.commands[-1])

    sent = [each for each in worker.provider.questions if isinstance(each, CaptureRequest)]
    assert [each.idempotency_key for each in sent] == [f"capture.initialize:{capture.id}"] * 2
    assert worker.books.payment(payment).captured == Money(40_000, "KES")


def test_a_capture_whose_lease_ran_out_is_in_doubt_and_its_late_answer_moves_nothing() -> None:
    worker, (payment, capture) = WorkerOnFakes(DONE), _accepted()

    def freeze() -> None:
        worker.let_the_lease_run_out()
        assert worker.sweep_leases() == 1

    worker.provider.witness = freeze
    worker.capture(payment, capture)

    assert worker.books.capture(capture).status is M.IN_DOUBT
    assert worker.books.audit_types(payment)[-1] == "attempt.late_answer"


def test_a_retry_that_comes_when_the_provider_may_have_forgotten_the_key_is_set_aside() -> None:
    worker, (payment, capture) = WorkerOnFakes(NotSent(reason="ConnectError"), window_hours=24), _accepted()
    command = worker.capture(payment, capture)

    worker.clock.advance(23 * 3600)
    worker.handle(command)

    after = worker.books.capture(capture)
    assert (len(worker.provider.asked), after.status) == (1, M.PENDING)
    assert after.review_since == worker.clock.now()
