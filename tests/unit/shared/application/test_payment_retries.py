"""What is not sent is sent again; what is in doubt is asked about, and never sent again blindly."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.application.outcome_context import OutcomeContext
from shared.application.resending import PARKED_GRACE
from shared.contracts.messages.commands import InitializePayment
from shared.domain.attempt import Operation
from shared.domain.failure import FailureCode
from shared.domain.outcome import InDoubt, NotSent, Outcome, Pending
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.messaging.retry_ladder import DEFAULT_DELAYS_MS
from tests.fakes.books import Books
from tests.fakes.clock import NOON
from tests.fakes.makers import a_context, a_payment

S = TransactionStatus
NOT_SENT = NotSent(reason="ConnectError")
SENT = a_context(Operation.INITIALIZE_PAYMENT)
CHECK = a_context(Operation.VERIFY_PAYMENT)
NEVER = NOON + timedelta(days=365)


def _applied(payment: Transaction, outcome: Outcome, context: OutcomeContext) -> Books:
    books = Books()
    books.put(payment)
    books.apply(payment, outcome, context=context)
    return books


def test_what_was_not_sent_waits_in_pending_and_tells_so() -> None:
    payment = a_payment(status=S.PROCESSING, expires_at=NEVER)

    books = _applied(payment, NOT_SENT, SENT)

    assert books.payment(payment).status is S.PENDING
    assert books.event_types(payment) == ["payment.retry_scheduled"]
    assert books.audit(payment)[0].event_data["reason"] == "ConnectError"


@pytest.mark.parametrize(("tries_made", "delay_ms"), list(enumerate(DEFAULT_DELAYS_MS, start=1)))
def test_every_further_try_waits_one_level_longer(tries_made: int, delay_ms: int) -> None:
    payment = a_payment(status=S.PROCESSING, expires_at=NEVER)

    books = _applied(payment, NOT_SENT, replace(SENT, tries_made=tries_made))

    (message,), (command,) = books.outgoing, books.commands
    assert (message.exchange, message.routing_key) == (f"gw.delay.{delay_ms}", "gw.q.cmd.cpay")
    assert isinstance(command, InitializePayment)
    assert command.transaction_id == payment.id
    due = NOON + timedelta(milliseconds=delay_ms)
    assert books.payment(payment).next_check_at == due + PARKED_GRACE


def test_the_ladder_is_one_minute_five_fifteen_one_hour_six_hours() -> None:
    assert [delay / 60_000 for delay in DEFAULT_DELAYS_MS] == [1, 5, 15, 60, 360]


def test_when_the_ladder_is_spent_the_payment_expires_as_never_sent() -> None:
    payment = a_payment(status=S.PROCESSING, expires_at=NEVER)

    books = _applied(payment, NOT_SENT, replace(SENT, tries_made=len(DEFAULT_DELAYS_MS) + 1))

    after = books.payment(payment)
    assert after.status is S.EXPIRED
    assert after.failure is not None
    assert (after.failure.code, after.failure.provider_message) == (FailureCode.PROVIDER_UNAVAILABLE, "ConnectError")
    assert books.event_types(payment) == ["payment.expired"]
    assert books.commands == []


@pytest.mark.parametrize(
    ("wish_seconds", "delay_ms"),
    [(1, 60_000), (60, 60_000), (61, 300_000), (1000, 3_600_000), (21_600, 21_600_000), (999_999, 21_600_000)],
)
def test_the_providers_wish_to_wait_longer_is_honoured(wish_seconds: int, delay_ms: int) -> None:
    payment = a_payment(status=S.PROCESSING, expires_at=NEVER)

    books = _applied(payment, NotSent(reason="throttled", retry_after_seconds=wish_seconds), SENT)

    assert [message.exchange for message in books.outgoing] == [f"gw.delay.{delay_ms}"]


def test_a_wish_never_shortens_the_wait() -> None:
    payment = a_payment(status=S.PROCESSING, expires_at=NEVER)

    books = _applied(payment, NotSent(reason="throttled", retry_after_seconds=1), replace(SENT, tries_made=3))

    assert [message.exchange for message in books.outgoing] == ["gw.delay.900000"]


@pytest.mark.parametrize(("left_seconds", "status"), [(60, S.EXPIRED), (61, S.PENDING)])
def test_a_retry_that_would_come_too_late_is_not_made(left_seconds: int, status: S) -> None:
    payment = a_payment(status=S.PROCESSING, expires_at=NOON + timedelta(seconds=left_seconds))

    assert _applied(payment, NOT_SENT, SENT).payment(payment).status is status


@pytest.mark.parametrize("status", [S.PENDING, S.REQUIRES_ACTION, S.AUTHORIZED, S.COMPLETED, S.FAILED])
def test_what_is_not_sent_moves_only_what_was_under_way(status: S) -> None:
    payment = a_payment(status=status, expires_at=NEVER)
    books = Books()
    books.put(payment)

    books.apply(payment, NOT_SENT, context=SENT)

    assert books.payment(payment).status is status
    assert books.outgoing == []


@pytest.mark.parametrize("operation", [Operation.INITIALIZE_PAYMENT, None])
def test_a_doubt_is_never_sent_again(operation: Operation | None) -> None:
    payment = a_payment(status=S.PROCESSING)

    books = _applied(payment, InDoubt(reason="ReadTimeout"), a_context(operation))

    assert books.payment(payment).status is S.IN_DOUBT
    assert books.commands == []


def test_a_doubt_is_asked_about_within_ten_seconds() -> None:
    payment = a_payment(status=S.PROCESSING)

    after = _applied(payment, InDoubt(reason="ReadTimeout"), SENT).payment(payment)

    assert after.next_check_at is not None
    assert after.next_check_at - NOON <= timedelta(seconds=10)


def test_a_check_that_proves_it_never_arrived_sends_it_again_at_once() -> None:
    payment = a_payment(status=S.IN_DOUBT, provider_transaction_id=None)

    books = _applied(payment, NotSent(reason="not_found"), CHECK)

    assert books.payment(payment).status is S.PENDING
    assert [(message.exchange, message.routing_key) for message in books.outgoing] == [
        ("gw.cmd", "cpay.payment.initialize.v1")
    ]
    assert books.event_types(payment) == ["payment.retry_scheduled"]


@pytest.mark.parametrize(
    ("status", "reference"),
    [
        (S.IN_DOUBT, "P1"),
        (S.PROCESSING, "P1"),
        (S.PROCESSING, None),
        (S.REQUIRES_ACTION, "P1"),
        (S.REQUIRES_ACTION, None),
        (S.AUTHORIZED, "P1"),
    ],
)
def test_a_check_that_finds_nothing_never_resends_what_the_provider_had_acknowledged(
    status: S, reference: str | None
) -> None:
    payment = a_payment(status=status, provider_transaction_id=reference)

    books = _applied(payment, NotSent(reason="not_found"), CHECK)

    after = books.payment(payment)
    assert (after.status, after.version) == (status, payment.version)
    assert (after.checks_made, after.next_check_at) == (1, NOON + timedelta(seconds=10))
    assert (books.outgoing, books.event_types(payment)) == ([], [])


@pytest.mark.parametrize("status", [S.PROCESSING, S.REQUIRES_ACTION, S.AUTHORIZED, S.IN_DOUBT])
def test_a_failed_check_changes_nothing_but_the_next_check(status: S) -> None:
    payment = a_payment(status=status, provider_response={"told": "old"}, next_check_at=NOON)

    books = _applied(payment, InDoubt(reason="ReadTimeout"), CHECK)

    assert books.payment(payment) == replace(payment, checks_made=1, next_check_at=NOON + timedelta(seconds=10))
    assert (books.outgoing, books.event_types(payment), books.audit_types(payment)) == ([], [], [])


@pytest.mark.parametrize("status", [S.COMPLETED, S.REFUNDED, S.FAILED, S.CANCELLED, S.EXPIRED])
@pytest.mark.parametrize("outcome", [InDoubt(reason="x"), NotSent(reason="x")], ids=["in doubt", "not sent"])
def test_a_check_that_failed_says_nothing_of_a_finished_payment(status: S, outcome: Outcome) -> None:
    payment = a_payment(status=status)

    assert _applied(payment, outcome, CHECK).payment(payment) == payment


@pytest.mark.parametrize(
    ("checks_made", "seconds"),
    list(enumerate([10, 20, 40, 60, 120, 300, 600, 1800, 3600, 3600, 3600])),
)
def test_checks_become_ever_rarer_and_never_stop(checks_made: int, seconds: int) -> None:
    payment = a_payment(status=S.PROCESSING, checks_made=checks_made)

    after = _applied(payment, Pending(reference="P1"), CHECK).payment(payment)

    assert after.next_check_at == NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize("status", [S.PROCESSING, S.REQUIRES_ACTION, S.AUTHORIZED, S.IN_DOUBT])
def test_what_is_still_pending_at_a_check_after_its_time_expires(status: S) -> None:
    payment = a_payment(status=status, expires_at=NOON)

    books = _applied(payment, Pending(reference="P1"), CHECK)

    after = books.payment(payment)
    assert (after.status, after.next_check_at) == (S.EXPIRED, None)
    assert after.failure is not None
    assert after.failure.code is FailureCode.EXPIRED
    assert books.event_types(payment) == ["payment.expired"]


@pytest.mark.parametrize("context", [SENT, a_context()], ids=["answer", "callback"])
def test_only_a_check_lets_a_payment_expire(context: OutcomeContext) -> None:
    payment = a_payment(status=S.PROCESSING, expires_at=NOON)

    assert _applied(payment, Pending(reference="P1"), context).payment(payment).status is S.PROCESSING


def test_what_is_in_doubt_after_its_time_stays_in_doubt_until_the_provider_has_spoken() -> None:
    payment = a_payment(status=S.IN_DOUBT, expires_at=NOON - timedelta(days=1))

    after = _applied(payment, InDoubt(reason="ReadTimeout"), CHECK).payment(payment)

    assert after.status is S.IN_DOUBT
    assert after.next_check_at is not None


def test_a_payment_that_waits_for_its_customer_expires_too() -> None:
    payment = a_payment(status=S.REQUIRES_ACTION, expires_at=NOON)
    waiting = Pending(reference="P1", next_action={"type": "redirect"})

    books = _applied(payment, waiting, a_context(Operation.VERIFY_PAYMENT))

    assert books.payment(payment).status is S.EXPIRED
