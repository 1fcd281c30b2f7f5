"""A broker that lost everything gets all its work back: a query wherever anything may have been sent."""

import pytest

from shared.application.actor import process_actor
from shared.application.rebuild_queues import BATCH, RebuildQueues, Rebuilt
from shared.contracts.messages.codec import decode
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
from shared.contracts.messages.events import ProviderEventReceived
from shared.domain.ids import WebhookEventId
from shared.domain.money import Money
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.unit_of_work import UnitOfWork
from shared.persistence.webhook_events import Arrival, WebhookEvent
from shared.runtime.identifiers import new_id
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import a_capture, a_payment, a_payout, a_refund

S = TransactionStatus
R = RefundStatus


def _rebuild(books: Books) -> Rebuilt:
    return RebuildQueues(books.unit_of_work, FakeClock())(process_actor("payctl"))


def _callback() -> WebhookEvent:
    return WebhookEvent(
        id=WebhookEventId(new_id()),
        provider="cpay",
        provider_event_id=str(new_id()),
        event_type="payment.succeeded",
        signature="v1,x",
        created_at=NOON,
    )


def _store(work: UnitOfWork, *events: WebhookEvent) -> None:
    for event in events:
        assert work.webhook_events.add(event)[0] is Arrival.FIRST


@pytest.mark.parametrize("status", sorted(S))
def test_every_unfinished_payment_gets_its_next_command_whether_or_not_it_is_due(status: S) -> None:
    books, payment = Books(), a_payment(status=status, next_check_at=None)
    books.put(payment)

    rebuilt = _rebuild(books)

    assert rebuilt.payments == int(payment.is_unfinished)
    kinds = [type(command) for command in books.commands]
    assert kinds == ([InitializePayment if status is S.PENDING else VerifyPayment] if payment.is_unfinished else [])


@pytest.mark.parametrize("status", sorted(R))
def test_every_unfinished_refund_gets_its_next_command(status: R) -> None:
    books, payment = Books(), a_payment(status=S.COMPLETED, refund_pending=Money(40_000, "KES"))
    refund = a_refund(payment, status=status, next_check_at=None)
    books.put(payment, refund)

    rebuilt = _rebuild(books)

    assert rebuilt.refunds == int(refund.is_unfinished)
    kinds = [type(command) for command in books.commands]
    assert kinds == ([RefundPayment if status is R.PENDING else VerifyRefund] if refund.is_unfinished else [])


@pytest.mark.parametrize("status", sorted(R))
def test_every_unfinished_capture_gets_its_next_command(status: R) -> None:
    part = Money(40_000, "KES")
    books, payment = Books(), a_payment(status=S.COMPLETED, authorized=part, capture_pending=part)
    capture = a_capture(payment, status=status, next_check_at=None)
    books.put(payment, capture)

    rebuilt = _rebuild(books)

    assert rebuilt.captures == int(capture.is_unfinished)
    kinds = [type(command) for command in books.commands]
    assert kinds == ([CapturePayment if status is R.PENDING else VerifyCapture] if capture.is_unfinished else [])


def test_a_stored_callback_that_nobody_processed_is_announced_again_and_a_processed_one_is_not() -> None:
    books, waiting, done = Books(), _callback(), _callback()
    books.do(lambda work: _store(work, waiting, done))
    books.do(lambda work: work.webhook_events.mark_processed(done.id, now=NOON, result="applied", transaction_id=None))

    rebuilt = _rebuild(books)

    (message,) = books.outgoing
    announced = decode(message.body)
    assert rebuilt.callbacks == 1
    assert isinstance(announced, ProviderEventReceived)
    assert announced.webhook_event_id == waiting.id
    assert (message.exchange, message.routing_key) == ("gw.hook", "cpay.payment.succeeded")


def test_more_than_one_batch_is_rebuilt_and_each_payment_once() -> None:
    books = Books()
    payments = [a_payment(status=S.PROCESSING) for _ in range(BATCH + 1)]
    for payment in payments:
        books.put(payment)

    assert _rebuild(books).payments == BATCH + 1
    assert {command.correlation_id for command in books.commands} == {payment.id for payment in payments}


@pytest.mark.parametrize("status", sorted(R))
def test_every_unfinished_payout_gets_its_next_command(status: R) -> None:
    books, payout = Books(), a_payout(status=status, next_check_at=None)
    books.put_payout(payout)

    rebuilt = _rebuild(books)

    assert rebuilt.payouts == int(payout.is_unfinished)
    kinds = [type(command) for command in books.commands]
    assert kinds == ([SendPayout if status is R.PENDING else VerifyPayout] if payout.is_unfinished else [])


def test_what_was_done_is_audited_with_its_counts() -> None:
    books = Books()
    books.put(a_payment(status=S.PENDING))

    _rebuild(books)

    (entry,) = [row for row in books.database.committed.audit_log.values() if row.event_type == "queues.rebuilt"]
    assert entry.user_id == "payctl"
    none = dict.fromkeys(["captures", "refunds", "payouts", "callbacks", "unpublished"], 0)
    assert entry.event_data == {**none, "payments": 1}


def test_repeating_it_sends_the_same_again_and_changes_no_payment() -> None:
    books, payment = Books(), a_payment(status=S.PENDING)
    books.put(payment)

    first, second = _rebuild(books), _rebuild(books)

    assert (first.payments, second.payments) == (1, 1)
    with books.unit_of_work() as work:
        assert work.transactions.find(payment.id) == payment
