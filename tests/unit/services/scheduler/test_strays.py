"""Nothing unfinished is without a time at which it is looked at."""

from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from services.scheduler.strays import FAR, StraySweep
from shared.domain.money import Money
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction_status import TransactionStatus
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import a_payment, a_payout, a_refund


def _sweep(books: Books) -> int:
    return StraySweep(books.unit_of_work, FakeClock())()


@pytest.mark.parametrize("status", sorted(TransactionStatus))
def test_every_unfinished_payment_without_a_next_check_gets_one(status: TransactionStatus) -> None:
    books, payment = Books(), a_payment(status=status)
    books.put(payment)

    assert _sweep(books) == int(payment.is_unfinished)
    assert books.payment(payment).next_check_at == (NOON if payment.is_unfinished else None)


@pytest.mark.parametrize(
    ("next_check_at", "after"),
    [
        (NOON + FAR, NOON + FAR),
        (NOON + FAR + timedelta(seconds=1), NOON),
        (NOON + timedelta(days=36_500), NOON),
        (NOON - timedelta(days=1), NOON - timedelta(days=1)),
    ],
)
def test_a_next_check_that_is_absurdly_far_away_is_none(next_check_at: datetime, after: datetime) -> None:
    books, payment = Books(), a_payment(status=TransactionStatus.PROCESSING, next_check_at=next_check_at)
    books.put(payment)

    _sweep(books)

    assert books.payment(payment).next_check_at == after


def test_a_refund_is_no_exception() -> None:
    books = Books()
    payment = a_payment(status=TransactionStatus.COMPLETED, refund_pending=Money(40_000, "KES"))
    refund = a_refund(payment, status=RefundStatus.IN_DOUBT)
    books.put(payment, refund)

    assert (_sweep(books), _sweep(books)) == (1, 0)
    assert books.refund(refund).next_check_at == NOON


def test_nor_is_a_payout() -> None:
    books, payout = Books(), a_payout(status=RefundStatus.PROCESSING)
    books.put_payout(payout)

    assert (_sweep(books), _sweep(books)) == (1, 0)
    assert books.payout(payout).next_check_at == NOON


def test_each_is_an_alert() -> None:
    books, payment = Books(), a_payment()
    books.put(payment)

    with capture_logs() as logs:
        _sweep(books)

    assert [(each["log_level"], each["event"], each["id"]) for each in logs] == [
        ("error", "stray.found", str(payment.id))
    ]
