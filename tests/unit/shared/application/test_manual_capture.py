"""Payments captured by hand: what payment-level reports do beside the captures' own words, in every order."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from shared.domain.attempt import Operation
from shared.domain.capture import Capture
from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import Authorized, Declined, Outcome, Pending, Succeeded
from shared.domain.transaction import CaptureMethod, Transaction
from shared.domain.transaction_status import TransactionStatus
from tests.fakes.books import Books
from tests.fakes.clock import NOON
from tests.fakes.makers import a_capture, a_context, a_payment

M = MovementStatus
S = TransactionStatus
CHECK = a_context(Operation.VERIFY_PAYMENT)
EXPIRED = Declined(code=FailureCode.EXPIRED)
CANCELLED = Declined(code=FailureCode.CANCELLED_BY_CUSTOMER)


def _kes(shillings: int) -> Money:
    return Money(shillings * 100, "KES")


def _manual(status: S = S.AUTHORIZED, *shillings: int, captured: int = 0) -> tuple[Books, Transaction, list[Capture]]:
    """A payment of KES 1000 with captures under way, each asked about in five minutes."""
    later = NOON + timedelta(minutes=5)
    payment = a_payment(
        status=status,
        capture_method=CaptureMethod.MANUAL,
        authorized=_kes(0 if status is S.PROCESSING else 1000),
        captured=_kes(captured),
        capture_pending=_kes(sum(shillings)),
        expires_at=NOON + timedelta(days=7),
        next_check_at=later,
    )
    captures = [
        a_capture(payment, amount=_kes(each), status=M.PROCESSING, is_final=True, next_check_at=later)
        for each in shillings
    ]
    books = Books()
    books.put(payment, *captures)
    return books, payment, captures


def _sums(books: Books, payment: Transaction) -> tuple[int, int, str]:
    after = books.payment(payment)
    return after.captured.amount_minor_units // 100, after.capture_pending.amount_minor_units // 100, after.status.value


def test_what_is_reserved_waits_for_its_captures_as_long_as_an_authorization_lives() -> None:
    books, payment, _ = _manual(S.PROCESSING)
    context = a_context(Operation.INITIALIZE_PAYMENT, authorization_lifetime=timedelta(days=3))

    books.apply(payment, Authorized(reference="P1"), context=context)

    after = books.payment(payment)
    assert (after.status, after.authorized, after.captured) == (S.AUTHORIZED, _kes(1000), _kes(0))
    assert after.expires_at == NOON + timedelta(days=3)


def test_a_second_report_of_the_reservation_does_not_prolong_it() -> None:
    books, payment, _ = _manual(S.PROCESSING)
    books.apply(payment, Authorized(reference="P1"), context=a_context())

    books.apply(payment, Authorized(reference="P1"), context=a_context(now=NOON + timedelta(days=2)))

    assert books.payment(payment).expires_at == NOON + timedelta(days=7)


def test_a_payments_success_while_a_capture_of_ours_is_under_way_only_has_the_capture_asked_about_now() -> None:
    books, payment, (capture,) = _manual(S.AUTHORIZED, 1000)

    books.apply(payment, Succeeded(reference="P1"), context=a_context())

    assert _sums(books, payment) == (0, 1000, "authorized")
    assert books.capture(capture).next_check_at == NOON
    assert books.event_types(payment) == []


@pytest.mark.parametrize("part", [1000, 400])
@pytest.mark.parametrize("order", list(permutations(["capture", "payment", "payment", "capture"])), ids="-".join)
def test_one_capture_is_counted_once_in_every_order_of_reports(order: tuple[str, ...], part: int) -> None:
    books, payment, (capture,) = _manual(S.AUTHORIZED, part)
    told: dict[str, tuple[Transaction | Capture, Outcome]] = {
        "capture": (capture, Succeeded(reference="C1")),
        "payment": (payment, Succeeded(reference="P1", captured=_kes(part))),
    }

    for which in order:
        subject, outcome = told[which]
        books.apply(subject, outcome, context=a_context())

    assert _sums(books, payment) == (part, 0, "completed")
    assert books.event_types(payment).count("payment.completed") == 1


def test_what_was_captured_in_the_providers_dashboard_counts_as_reported() -> None:
    books, payment, _ = _manual(S.AUTHORIZED)

    books.apply(payment, Succeeded(reference="P1", captured=_kes(700)), context=CHECK)

    assert _sums(books, payment) == (700, 0, "completed")


def test_a_report_without_a_part_means_all() -> None:
    books, payment, _ = _manual(S.AUTHORIZED)

    books.apply(payment, Succeeded(reference="P1"), context=CHECK)

    assert _sums(books, payment) == (1000, 0, "completed")


def test_a_report_of_less_than_our_captures_never_takes_any_back() -> None:
    books, payment, _ = _manual(S.AUTHORIZED, captured=400)

    books.apply(payment, Succeeded(reference="P1", captured=_kes(300)), context=CHECK)

    assert _sums(books, payment) == (400, 0, "completed")


def test_a_report_of_more_after_the_end_counts_the_rest_once() -> None:
    books, payment, _ = _manual(S.COMPLETED, captured=400)

    report = Succeeded(reference="P1", captured=_kes(900))
    books.apply(payment, report, report, context=a_context())

    assert _sums(books, payment) == (900, 0, "completed")
    assert books.event_types(payment) == ["payment.partially_captured"]


@pytest.mark.parametrize("part", [Money(100_001, "KES"), Money(0, "KES"), Money(1_000, "USD")], ids=str)
def test_a_part_that_cannot_be_one_of_the_payment_is_believed_by_nobody(part: Money) -> None:
    books, payment, _ = _manual(S.AUTHORIZED)

    books.apply(payment, Succeeded(reference="P1", captured=part), context=a_context())

    assert _sums(books, payment) == (0, 0, "authorized")
    assert books.audit_types(payment) == ["outcome.refused"]


@pytest.mark.parametrize(("outcome", "status"), [(EXPIRED, "expired"), (CANCELLED, "cancelled")])
def test_a_reservation_that_ends_with_nothing_taken_is_expired_or_cancelled(outcome: Outcome, status: str) -> None:
    books, payment, _ = _manual(S.AUTHORIZED)

    books.apply(payment, outcome, context=a_context())

    assert _sums(books, payment) == (0, 0, status)


@pytest.mark.parametrize("outcome", [EXPIRED, CANCELLED], ids=["expired", "cancelled"])
def test_a_reservation_that_ends_with_a_part_taken_is_completed(outcome: Outcome) -> None:
    books, payment, _ = _manual(S.AUTHORIZED, captured=400)

    books.apply(payment, outcome, context=a_context())

    assert _sums(books, payment) == (400, 0, "completed")
    assert books.payment(payment).failure is None
    assert books.event_types(payment) == ["payment.completed"]


@pytest.mark.parametrize("outcome", [EXPIRED, CANCELLED], ids=["expired", "cancelled"])
def test_a_reservation_does_not_end_before_its_captures_are_known(outcome: Outcome) -> None:
    books, payment, (capture,) = _manual(S.AUTHORIZED, 400)

    books.apply(payment, outcome, context=a_context())

    assert _sums(books, payment) == (0, 400, "authorized")
    assert books.capture(capture).next_check_at == NOON


def test_nobody_captures_in_time_and_the_reservation_is_given_up() -> None:
    books, payment, _ = _manual(S.AUTHORIZED)
    late = replace(CHECK, now=payment.expires_at)

    books.apply(payment, Authorized(reference="P1"), context=late)

    assert _sums(books, payment) == (0, 0, "expired")


def test_a_reservation_that_comes_at_the_last_moment_is_not_given_up() -> None:
    books, payment, _ = _manual(S.PROCESSING)
    late = replace(CHECK, now=payment.expires_at)

    books.apply(payment, Authorized(reference="P1"), context=late)

    assert books.payment(payment).status is S.AUTHORIZED


def test_an_automatic_payment_is_taken_whole_as_before() -> None:
    payment = a_payment(status=S.PROCESSING)
    books = Books()
    books.put(payment)

    books.apply(payment, Pending(reference="P1"), Succeeded(reference="P1"), context=a_context())

    after = books.payment(payment)
    assert (after.status, after.captured, after.authorized) == (S.COMPLETED, payment.amount, payment.amount)
