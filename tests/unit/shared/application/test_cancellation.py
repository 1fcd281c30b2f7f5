"""What a cancellation does to a payment: its answer, a callback about it and a query, in every state and order."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from shared.application.outcome_context import OutcomeContext
from shared.contracts.messages.commands import CancelPayment, InitializePayment
from shared.domain.attempt import Attempt, Operation, provider_key
from shared.domain.failure import FailureCode
from shared.domain.ids import AttemptId
from shared.domain.money import Money
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import Authorized, Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.domain.transaction import CaptureMethod, Transaction
from shared.domain.transaction_status import NOT_TAKEN, UNFINISHED, TransactionStatus
from shared.messaging.retry_ladder import RetryLadder
from shared.runtime.identifiers import new_id
from tests.fakes.books import Books
from tests.fakes.clock import NOON
from tests.fakes.makers import a_capture, a_context, a_payment

S = TransactionStatus
CANCEL = a_context(Operation.CANCEL_PAYMENT)
CHECK = a_context(Operation.VERIFY_PAYMENT, can_cancel=True)
CALLBACK = a_context(can_cancel=True)
DONE = Succeeded(reference="P1", captured=Money(0, "KES"))
TOLD = Declined(code=FailureCode.CANCELLED_BY_CUSTOMER, provider_code="cancelled", reference="P1")
TOO_LATE = Declined(code=FailureCode.PROVIDER_REFUSED, provider_code="invalid_state", provider_message="too late")
WAITING = [S.PROCESSING, S.REQUIRES_ACTION, S.AUTHORIZED]
LATER = NOON + timedelta(minutes=20)


def _wanted(status: S, **facts: Any) -> tuple[Books, Transaction]:
    """A payment that the merchant called off a second ago."""
    given = {"provider_transaction_id": "P1", "next_check_at": LATER, "cancel_requested_at": NOON} | facts
    payment, books = a_payment(status=status, **given), Books()
    books.put(payment)
    return books, payment


def _reserved(captured: int = 0, **facts: Any) -> tuple[Books, Transaction]:
    """KES 1000 reserved, some of it taken, past its life; nobody called it off."""
    given: dict[str, Any] = {"captured": Money(captured * 100, "KES"), "cancel_requested_at": None, "expires_at": NOON}
    return _wanted(S.AUTHORIZED, capture_method=CaptureMethod.MANUAL, **(given | facts))


def _failure(books: Books, payment: Transaction) -> str | None:
    failure = books.payment(payment).failure
    return None if failure is None else failure.code.value


def _cancels(books: Books) -> int:
    return sum(isinstance(command, CancelPayment) for command in books.commands)


def _asked_already(books: Books, payment: Transaction, *numbers: int) -> None:
    """Calls that were made before."""
    for number in numbers:
        attempt = Attempt(
            id=AttemptId(new_id()),
            merchant_id=payment.merchant_id,
            transaction_id=payment.id,
            refund_id=None,
            provider=payment.provider,
            operation=Operation.CANCEL_PAYMENT,
            number=number,
            provider_key=provider_key(Operation.CANCEL_PAYMENT, payment.id),
            started_at=NOON,
            lease_until=NOON,
        )
        with books.unit_of_work() as work:
            work.transactions.lock(payment.id)
            work.attempts.add(attempt)
            work.commit()


# --- the answer ---


@pytest.mark.parametrize("status", sorted(S))
@pytest.mark.parametrize("captured", [Money(0, "KES"), None], ids=["nothing-captured", "no-word-of-captures"])
def test_a_cancellation_that_succeeded_ends_what_is_unfinished_and_nothing_else(
    status: S, captured: Money | None
) -> None:
    books, payment = _wanted(status)

    books.apply(payment, replace(DONE, captured=captured), context=CANCEL)

    after = books.payment(payment)
    if status in UNFINISHED:
        assert (after.status, after.next_check_at, after.next_action) == (S.CANCELLED, None, None)
        assert _failure(books, payment) == "cancelled_by_merchant"
        assert books.event_types(payment) == ["payment.cancelled"]
    else:
        assert (after.status, after.captured, books.event_types(payment)) == (status, payment.captured, [])
        assert books.audit_types(payment) == ([] if status in NOT_TAKEN else ["outcome.refused"])


@pytest.mark.parametrize("status", sorted(S))
def test_a_refused_cancellation_moves_nothing_is_audited_and_the_provider_is_asked_at_once(status: S) -> None:
    books, payment = _wanted(status)

    books.apply(payment, TOO_LATE, context=CANCEL)

    after = books.payment(payment)
    assert (after.status, books.event_types(payment)) == (status, [])
    assert books.audit_types(payment) == ["cancellation.refused"]
    assert books.audit(payment)[0].event_data["provider_code"] == "invalid_state"
    if status in UNFINISHED:
        assert (after.next_check_at, after.cancel_requested_at) == (NOON, None)
    else:
        assert after.next_check_at == payment.next_check_at


@pytest.mark.parametrize("outcome", [InDoubt(reason="ReadTimeout"), NotSent(reason="ConnectError")], ids=["lost", "no"])
@pytest.mark.parametrize("status", sorted(S))
def test_a_cancellation_without_an_answer_moves_nothing_and_is_found_out_about_soon(
    status: S, outcome: Outcome
) -> None:
    books, payment = _wanted(status)

    books.apply(payment, outcome, context=CANCEL)

    after = books.payment(payment)
    expected = NOON + timedelta(seconds=5) if status in UNFINISHED else LATER
    assert (after.status, after.next_check_at, after.cancel_requested_at) == (status, expected, NOON)
    assert (books.audit_types(payment), books.commands) == ([], [])


def test_the_more_often_it_had_no_answer_the_later_the_next_question_comes() -> None:
    books, payment = _wanted(S.AUTHORIZED)

    books.apply(payment, InDoubt(reason="x"), context=replace(CANCEL, tries_made=4))

    assert books.payment(payment).next_check_at == NOON + timedelta(seconds=40)


def test_the_provider_may_say_when_it_wants_to_be_asked_again() -> None:
    books, payment = _wanted(S.AUTHORIZED)

    books.apply(payment, NotSent(reason="429", retry_after_seconds=90), context=CANCEL)

    assert books.payment(payment).next_check_at == NOON + timedelta(seconds=90)


# --- what was captured stays taken: the rule that an expiry has ---


@pytest.mark.parametrize(
    ("told", "taken"), [(Money(40_000, "KES"), 40_000), (Money(70_000, "KES"), 70_000), (None, 40_000)], ids=str
)
@pytest.mark.parametrize("how", ["cancelled", "expired"])
def test_a_payment_that_ends_with_a_part_taken_is_completed_with_that(how: str, told: Money | None, taken: int) -> None:
    life = {"cancel_requested_at": NOON, "expires_at": LATER} if how == "cancelled" else {}
    books, payment = _reserved(captured=400, **life)

    books.apply(payment, replace(DONE, captured=told), context=CANCEL)

    after = books.payment(payment)
    assert (after.status, after.captured.amount_minor_units, after.failure) == (S.COMPLETED, taken, None)
    assert (books.event_types(payment), after.late) == (["payment.completed"], False)


def test_what_was_captured_in_the_providers_dashboard_counts_where_the_cancellation_tells_of_it() -> None:
    books, payment = _reserved(cancel_requested_at=NOON, expires_at=LATER)

    books.apply(payment, replace(DONE, captured=Money(30_000, "KES")), context=CANCEL)

    after = books.payment(payment)
    assert (after.status, after.captured) == (S.COMPLETED, Money(30_000, "KES"))


# --- answer, callback and query, in every order, each of them twice ---


@pytest.mark.parametrize("status", WAITING)
@pytest.mark.parametrize("order", sorted(set(permutations(["answer", "answer", "callback", "query"]))), ids="-".join)
def test_in_whatever_order_it_is_told_a_payment_is_cancelled_once_by_the_merchant(
    status: S, order: tuple[str, ...]
) -> None:
    books, payment = _wanted(status)
    said: dict[str, tuple[Outcome, OutcomeContext]] = {
        "answer": (DONE, CANCEL),
        "callback": (TOLD, CALLBACK),
        "query": (TOLD, CHECK),
    }

    for which in order:
        outcome, context = said[which]
        books.apply(payment, outcome, context=context)

    assert (books.payment(payment).status, _failure(books, payment)) == (S.CANCELLED, "cancelled_by_merchant")
    assert books.event_types(payment) == ["payment.cancelled"]
    assert books.audit_types(payment) == ["payment.cancelled"]


def test_a_callback_keeps_the_providers_own_words_beside_ours() -> None:
    books, payment = _wanted(S.AUTHORIZED)

    books.apply(payment, TOLD, context=CALLBACK)

    failure = books.payment(payment).failure
    assert failure is not None
    assert (failure.code, failure.provider_code) == (FailureCode.CANCELLED_BY_MERCHANT, "cancelled")


def test_without_a_request_of_the_merchant_a_cancelled_payment_was_cancelled_by_its_customer() -> None:
    books, payment = _wanted(S.REQUIRES_ACTION, cancel_requested_at=None)

    books.apply(payment, TOLD, context=CALLBACK)

    assert _failure(books, payment) == "cancelled_by_customer"


def test_another_no_of_the_provider_keeps_its_own_reason() -> None:
    books, payment = _wanted(S.REQUIRES_ACTION)

    books.apply(payment, Declined(code=FailureCode.INSUFFICIENT_FUNDS, reference="P1"), context=CALLBACK)

    assert (books.payment(payment).status, _failure(books, payment)) == (S.FAILED, "insufficient_funds")


def test_a_success_that_comes_although_it_was_cancelled_is_a_late_success() -> None:
    books, payment = _wanted(S.REQUIRES_ACTION)
    books.apply(payment, DONE, context=CANCEL)

    books.apply(payment, Succeeded(reference="P1"), context=CALLBACK)

    after = books.payment(payment)
    assert (after.status, after.late, after.captured) == (S.COMPLETED, True, after.amount)


def test_a_success_that_comes_before_the_cancellation_is_in_time() -> None:
    books, payment = _wanted(S.REQUIRES_ACTION)

    books.apply(payment, Succeeded(reference="P1"), context=CALLBACK)
    books.apply(payment, TOO_LATE, context=CANCEL)

    after = books.payment(payment)
    assert (after.status, after.late, after.captured) == (S.COMPLETED, False, after.amount)
    assert books.audit_types(payment) == ["payment.completed", "cancellation.refused"]


# --- asked again for as long as it is wanted and waits ---


@pytest.mark.parametrize("next_action", [None, {"type": "confirm_on_phone"}], ids=["at-work", "customer-must-act"])
@pytest.mark.parametrize("status", [S.PROCESSING, S.REQUIRES_ACTION])
def test_a_check_that_finds_it_waiting_has_it_cancelled(status: S, next_action: dict[str, str] | None) -> None:
    books, payment = _wanted(status)

    books.apply(payment, Pending(reference="P1", next_action=next_action), context=CHECK)

    (command,) = books.commands
    assert isinstance(command, CancelPayment)
    assert command.transaction_id == payment.id
    after = books.payment(payment)
    assert after.next_check_at is not None
    assert NOON < after.next_check_at <= NOON + timedelta(seconds=30)


@pytest.mark.parametrize(
    "context", [CHECK, CALLBACK, a_context(Operation.INITIALIZE_PAYMENT)], ids=lambda c: c.source()
)
@pytest.mark.parametrize("outcome", [Authorized(reference="P1"), Pending(reference="P1")], ids=["reserved", "pending"])
def test_what_was_called_off_while_it_was_being_sent_is_cancelled_once_the_provider_has_it(
    outcome: Outcome, context: Any
) -> None:
    books, payment = _wanted(S.PROCESSING, provider_transaction_id=None)

    books.apply(payment, outcome, context=context)

    assert _cancels(books) == 1


@pytest.mark.parametrize("status", [S.PROCESSING, S.IN_DOUBT])
def test_what_was_called_off_and_surely_never_arrived_is_cancelled_and_not_sent_again(status: S) -> None:
    books, payment = _wanted(status, provider_transaction_id=None)
    context = CHECK if status is S.IN_DOUBT else a_context(Operation.INITIALIZE_PAYMENT)

    books.apply(payment, NotSent(reason="ConnectError"), context=context)

    assert (books.payment(payment).status, _failure(books, payment)) == (S.CANCELLED, "cancelled_by_merchant")
    assert books.commands == []


@pytest.mark.parametrize("outcome", [Pending(reference="P1"), Authorized(reference="P1")], ids=["pending", "reserved"])
def test_nobody_is_asked_to_cancel_what_nobody_called_off(outcome: Outcome) -> None:
    books, payment = _wanted(S.PROCESSING, cancel_requested_at=None)

    books.apply(payment, outcome, context=CHECK)

    assert books.commands == []


def test_what_never_arrived_and_nobody_called_off_is_sent_again() -> None:
    books, payment = _wanted(S.PROCESSING, provider_transaction_id=None, cancel_requested_at=None)

    books.apply(payment, NotSent(reason="ConnectError"), context=a_context(Operation.INITIALIZE_PAYMENT))

    assert [type(each) for each in books.commands] == [InitializePayment]


# --- what our clock expires is released ---


def test_a_reservation_whose_time_is_over_is_released_before_it_expires() -> None:
    books, payment = _reserved()

    books.apply(payment, Authorized(reference="P1"), context=CHECK)
    assert (books.payment(payment).status, _cancels(books)) == (S.AUTHORIZED, 1)
    books.apply(payment, DONE, context=CANCEL)

    assert (books.payment(payment).status, _failure(books, payment)) == (S.EXPIRED, "expired")


@pytest.mark.parametrize("order", list(permutations(["answer", "callback"])), ids="-".join)
def test_whoever_tells_first_of_the_release_it_has_expired(order: tuple[str, ...]) -> None:
    books, payment = _reserved()
    said: dict[str, tuple[Outcome, OutcomeContext]] = {"answer": (DONE, CANCEL), "callback": (TOLD, CALLBACK)}

    for which in order:
        outcome, context = said[which]
        books.apply(payment, outcome, context=context)

    assert (books.payment(payment).status, _failure(books, payment)) == (S.EXPIRED, "expired")
    assert books.event_types(payment) == ["payment.expired"]


def test_a_reservation_of_a_provider_that_cannot_cancel_expires_here() -> None:
    books, payment = _reserved()

    books.apply(payment, Authorized(reference="P1"), context=replace(CHECK, can_cancel=False))

    assert (books.payment(payment).status, books.commands) == (S.EXPIRED, [])


def test_a_reservation_whose_capture_is_under_way_is_not_released() -> None:
    books, payment = _reserved(capture_pending=Money(40_000, "KES"))
    books.do(lambda work: work.captures.add(a_capture(payment, status=MovementStatus.PROCESSING)))

    books.apply(payment, Authorized(reference="P1"), context=CHECK)

    assert (books.payment(payment).status, books.commands) == (S.AUTHORIZED, [])


@pytest.mark.parametrize("by_merchant", [False, True])
def test_past_its_life_it_is_cancelled_no_more_often_than_the_ladder_has_levels(by_merchant: bool) -> None:
    books, payment = _reserved(cancel_requested_at=NOON if by_merchant else None)
    levels = len(RetryLadder().delays_ms)
    _asked_already(books, payment, *range(1, levels + 1))
    books.apply(payment, Authorized(reference="P1"), context=CHECK)
    assert (books.payment(payment).status, _cancels(books)) == (S.AUTHORIZED, 1)

    _asked_already(books, payment, levels + 1)
    books.apply(payment, Authorized(reference="P1"), context=CHECK)

    assert (books.payment(payment).status, _cancels(books)) == (S.EXPIRED, 1)


def test_within_its_life_it_is_cancelled_as_often_as_a_check_finds_it_waiting() -> None:
    books, payment = _wanted(S.AUTHORIZED)
    _asked_already(books, payment, *range(1, 2 * len(RetryLadder().delays_ms)))

    books.apply(payment, Authorized(reference="P1"), context=CHECK)

    assert _cancels(books) == 1


def test_a_command_that_is_lost_is_found_out_about_soon_however_rare_the_checks_have_become() -> None:
    books, payment = _wanted(S.AUTHORIZED, checks_made=9)

    books.apply(payment, Authorized(reference="P1"), context=CHECK)

    assert books.payment(payment).next_check_at == NOON + timedelta(seconds=30)
