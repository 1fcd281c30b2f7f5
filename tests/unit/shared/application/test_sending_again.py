"""What the provider proves not to have is sent again: at once the first time, then ever later, and not for ever."""

from datetime import timedelta

import pytest

from shared.domain.attempt import Attempt, Operation, provider_key
from shared.domain.failure import FailureCode
from shared.domain.ids import AttemptId
from shared.domain.money import Money
from shared.domain.outcome import NotSent
from shared.domain.refund import Refund
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.runtime.identifiers import new_id
from tests.fakes.books import Books
from tests.fakes.clock import NOON
from tests.fakes.makers import a_context, a_payment, a_refund

NOTHING_THERE = NotSent(reason="not_found")
NEVER = NOON + timedelta(days=365)

# How often it was sent, and where it goes next; None: it is given up.
LEVELS = [
    (1, "gw.cmd"),
    (2, "gw.delay.60000"),
    (3, "gw.delay.300000"),
    (6, "gw.delay.21600000"),
    (7, None),
]


def _sent(books: Books, times: int, operation: Operation, payment: Transaction, refund: Refund | None = None) -> None:
    """``times`` attempts that may have been lost on the way."""
    for number in range(1, times + 1):
        attempt = Attempt(
            id=AttemptId(new_id()),
            merchant_id=payment.merchant_id,
            transaction_id=payment.id,
            refund_id=None if refund is None else refund.id,
            provider="cpay",
            operation=operation,
            number=number,
            provider_key=provider_key(operation, payment.id if refund is None else refund.id),
            started_at=NOON,
            lease_until=NOON,
        )
        books.do(lambda work, row=attempt: work.attempts.add(row))  # type: ignore[misc] # bound now


@pytest.mark.parametrize(("times", "exchange"), LEVELS)
def test_a_payment_that_never_arrives_is_sent_ever_later_and_expires_in_the_end(
    times: int, exchange: str | None
) -> None:
    books, payment = Books(), a_payment(status=TransactionStatus.IN_DOUBT, expires_at=NEVER)
    books.put(payment)
    _sent(books, times, Operation.INITIALIZE_PAYMENT, payment)

    books.apply(payment, NOTHING_THERE, context=a_context(Operation.VERIFY_PAYMENT))

    after = books.payment(payment)
    assert after.status is (TransactionStatus.EXPIRED if exchange is None else TransactionStatus.PENDING)
    assert [message.exchange for message in books.outgoing] == ([] if exchange is None else [exchange])
    if exchange is None:
        assert after.failure is not None
        assert after.failure.code is FailureCode.PROVIDER_UNAVAILABLE


@pytest.mark.parametrize(("times", "exchange"), LEVELS)
def test_a_refund_that_never_arrives_is_sent_ever_later_and_fails_in_the_end(times: int, exchange: str | None) -> None:
    books = Books()
    payment = a_payment(status=TransactionStatus.COMPLETED, refund_pending=Money(40_000, "KES"))
    refund = a_refund(payment, status=RefundStatus.IN_DOUBT, expires_at=NEVER)
    books.put(payment, refund)
    _sent(books, times, Operation.INITIALIZE_REFUND, payment, refund)

    books.apply(refund, NOTHING_THERE, context=a_context(Operation.VERIFY_REFUND))

    after = books.refund(refund)
    assert after.status is (RefundStatus.FAILED if exchange is None else RefundStatus.PENDING)
    assert [message.exchange for message in books.outgoing] == ([] if exchange is None else [exchange])
    assert books.payment(payment).refund_pending == Money(0 if exchange is None else 40_000, "KES")


@pytest.mark.parametrize(("left_seconds", "is_sent"), [(61, True), (60, False), (0, False), (-5, False)])
def test_a_payment_is_not_sent_again_when_its_time_would_be_over(left_seconds: int, is_sent: bool) -> None:
    expires_at = NOON + timedelta(seconds=left_seconds)
    books, payment = Books(), a_payment(status=TransactionStatus.IN_DOUBT, expires_at=expires_at)
    books.put(payment)
    _sent(books, 2, Operation.INITIALIZE_PAYMENT, payment)

    books.apply(payment, NOTHING_THERE, context=a_context(Operation.VERIFY_PAYMENT))

    assert bool(books.commands) is is_sent
    assert books.payment(payment).status is (TransactionStatus.PENDING if is_sent else TransactionStatus.EXPIRED)
