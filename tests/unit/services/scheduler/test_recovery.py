"""What is unfinished and due is looked at: nothing waits for ever."""

from datetime import timedelta

import pytest

from services.scheduler.recovery import BATCH, PATIENCE, RecoverySweep
from shared.contracts.messages.commands import (
    CapturePayment,
    InitializePayment,
    RefundPayment,
    SendPayout,
    VerifyCapture,
    VerifyPayment,
    VerifyPayout,
    VerifyRefund,
)
from shared.domain.money import Money
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction_status import TransactionStatus
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import a_capture, a_payment, a_payout, a_refund

S = TransactionStatus
R = RefundStatus


def _sweep(books: Books) -> int:
    return RecoverySweep(books.unit_of_work, FakeClock())()


@pytest.mark.parametrize("status", sorted(S))
def test_every_payment_that_is_due_gets_the_command_that_fits_it(status: S) -> None:
    books, payment = Books(), a_payment(status=status, next_check_at=NOON)
    books.put(payment)

    _sweep(books)

    (command,) = books.commands
    assert type(command) is (InitializePayment if status is S.PENDING else VerifyPayment)
    assert command.transaction_id == payment.id
    assert [(message.exchange, message.routing_key) for message in books.outgoing] == [
        ("gw.cmd" if status is S.PENDING else "gw.check", f"cpay.{command.type}")
    ]


@pytest.mark.parametrize("status", [R.PENDING, R.PROCESSING, R.IN_DOUBT])
def test_every_unfinished_refund_that_is_due_gets_the_command_that_fits_it(status: R) -> None:
    books, payment = Books(), a_payment(status=S.COMPLETED, refund_pending=Money(40_000, "KES"))
    refund = a_refund(payment, status=status, next_check_at=NOON)
    books.put(payment, refund)

    assert _sweep(books) == 1

    (command,) = books.commands
    assert isinstance(command, RefundPayment if status is R.PENDING else VerifyRefund)
    assert isinstance(command, RefundPayment | VerifyRefund)
    assert command.refund_id == refund.id


@pytest.mark.parametrize("status", [R.PENDING, R.PROCESSING, R.IN_DOUBT])
def test_every_unfinished_capture_that_is_due_gets_the_command_that_fits_it(status: R) -> None:
    books, payment = Books(), a_payment(status=S.AUTHORIZED, capture_pending=Money(40_000, "KES"))
    capture = a_capture(payment, status=status, next_check_at=NOON)
    books.put(payment, capture)

    assert (_sweep(books), _sweep(books)) == (1, 0)

    (command,) = books.commands
    assert isinstance(command, CapturePayment if status is R.PENDING else VerifyCapture)
    assert isinstance(command, CapturePayment | VerifyCapture)
    assert command.capture_id == capture.id


@pytest.mark.parametrize("status", sorted(R))
def test_every_payout_that_is_due_gets_the_command_that_fits_it(status: R) -> None:
    books, payout = Books(), a_payout(status=status, next_check_at=NOON)
    books.put_payout(payout)

    assert (_sweep(books), _sweep(books)) == (1, 0)

    (command,) = books.commands
    assert type(command) is (SendPayout if status is R.PENDING else VerifyPayout)
    assert isinstance(command, SendPayout | VerifyPayout)
    assert command.payout_id == payout.id


@pytest.mark.parametrize("next_check_at", [NOON + timedelta(milliseconds=1), None])
def test_what_is_not_due_is_left_alone(next_check_at: object) -> None:
    books, payment = Books(), a_payment(status=S.PROCESSING, next_check_at=next_check_at)
    books.put(payment)

    assert _sweep(books) == 0


def test_the_same_payment_is_not_swept_again_before_its_worker_had_time() -> None:
    books, payment = Books(), a_payment(status=S.PROCESSING, next_check_at=NOON)
    books.put(payment)

    assert (_sweep(books), _sweep(books)) == (1, 0)
    assert books.payment(payment).next_check_at == NOON + PATIENCE


def test_a_sweep_moves_no_payment() -> None:
    books, payment = Books(), a_payment(status=S.IN_DOUBT, next_check_at=NOON, version=4)
    books.put(payment)

    _sweep(books)

    after = books.payment(payment)
    assert (after.status, after.version, after.checks_made) == (S.IN_DOUBT, 4, 0)
    assert books.event_types(payment) == []


def test_the_longest_overdue_come_first() -> None:
    books = Books()
    payments = [a_payment(status=S.PROCESSING, next_check_at=NOON - timedelta(seconds=each)) for each in range(3)]
    for payment in payments:
        books.put(payment)

    _sweep(books)

    assert [command.correlation_id for command in books.commands] == [payment.id for payment in reversed(payments)]


def test_one_sweep_takes_one_batch_and_leaves_the_rest_due() -> None:
    books = Books()
    with books.unit_of_work() as work:
        for _ in range(BATCH + 1):
            work.transactions.add(a_payment(status=S.PROCESSING, next_check_at=NOON))
        work.commit()

    assert (_sweep(books), _sweep(books)) == (BATCH, 1)


def test_commands_are_handed_to_the_publisher_only_after_the_commit() -> None:
    books = Books()
    books.put(a_payment(status=S.PROCESSING, next_check_at=NOON))

    _sweep(books)

    assert [message.type for message in books.handed_over] == ["payment.verify.v1"]
