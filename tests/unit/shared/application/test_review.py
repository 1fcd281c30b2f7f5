"""What is unknown when the schedule is spent waits for somebody to look, and still takes the truth when it comes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.application.check_schedule import CheckSchedule
from shared.application.outcome_context import OutcomeContext
from shared.application.subjects import Owner, Subject
from shared.domain.attempt import Attempt, Operation, provider_key
from shared.domain.failure import FailureCode
from shared.domain.ids import AttemptId
from shared.domain.money import Money
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.domain.payout import Payout
from shared.domain.refund import Refund
from shared.domain.transaction import CaptureMethod, Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.runtime.identifiers import new_id
from tests.fakes.books import Books
from tests.fakes.clock import NOON
from tests.fakes.makers import a_capture, a_context, a_payment, a_payout, a_refund

M = MovementStatus
S = TransactionStatus
SPENT = len(CheckSchedule().seconds)
NOUNS = ["payment", "capture", "refund", "payout"]
SENDING = {
    "payment": Operation.INITIALIZE_PAYMENT,
    "capture": Operation.INITIALIZE_CAPTURE,
    "refund": Operation.INITIALIZE_REFUND,
    "payout": Operation.INITIALIZE_PAYOUT,
}
ASKING = {
    "payment": Operation.VERIFY_PAYMENT,
    "capture": Operation.VERIFY_CAPTURE,
    "refund": Operation.VERIFY_REFUND,
    "payout": Operation.VERIFY_PAYOUT,
}
SILENCE = InDoubt(reason="ReadTimeout")


def _in_doubt(noun: str, **facts: object) -> tuple[Books, Owner, Subject]:
    """It, and whose it is: in doubt, expired, and asked about as often as the schedule says."""
    told = {"checks_made": SPENT - 1, "expires_at": NOON, **facts}
    part = Money(40_000, "KES")
    books = Books()
    if noun == "payment":
        payment = a_payment(status=S.IN_DOUBT, **told)
        books.put(payment)
        return books, payment, payment
    if noun == "capture":
        manual = CaptureMethod.MANUAL
        payment = a_payment(status=S.AUTHORIZED, capture_method=manual, capture_pending=part)
        capture = a_capture(payment, status=M.IN_DOUBT, **told)
        books.put(payment, capture)
        return books, payment, capture
    if noun == "payout":
        payout = a_payout(status=M.IN_DOUBT, **told)
        books.put_payout(payout)
        return books, payout, payout
    payment = a_payment(status=S.COMPLETED, refund_pending=part)
    refund = a_refund(payment, status=M.IN_DOUBT, **told)
    books.put(payment, refund)
    return books, payment, refund


def _now(books: Books, subject: Subject) -> Subject:
    if isinstance(subject, Transaction):
        return books.payment(subject)
    if isinstance(subject, Payout):
        return books.payout(subject)
    return books.refund(subject) if isinstance(subject, Refund) else books.capture(subject)


def _check(noun: str, **facts: object) -> OutcomeContext:
    return a_context(ASKING[noun], **facts)


@pytest.mark.parametrize("noun", NOUNS)
def test_what_nobody_can_tell_when_the_schedule_is_spent_waits_for_somebody_to_look(noun: str) -> None:
    books, owner, subject = _in_doubt(noun)

    books.apply(subject, SILENCE, context=_check(noun))

    after = _now(books, subject)
    assert (after.status.value, after.review_since, after.next_check_at) == ("in_doubt", NOON, None)
    assert books.event_types(owner) == [f"{noun}.needs_review"]
    assert books.events(owner)[0].data["needs_review"] is True
    assert books.audit_types(owner) == [f"{noun}.needs_review"]


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize(
    "facts",
    [{"checks_made": SPENT - 2}, {"expires_at": NOON + timedelta(seconds=1)}],
    ids=["asked less", "alive"],
)
def test_until_then_it_is_asked_about_again(noun: str, facts: dict[str, object]) -> None:
    books, owner, subject = _in_doubt(noun, **facts)

    books.apply(subject, SILENCE, context=_check(noun))

    after = _now(books, subject)
    assert after.review_since is None
    assert after.next_check_at is not None
    assert books.event_types(owner) == []


@pytest.mark.parametrize("noun", NOUNS)
def test_it_is_set_aside_once(noun: str) -> None:
    books, owner, subject = _in_doubt(noun)

    books.apply(subject, SILENCE, SILENCE, context=_check(noun))

    assert books.event_types(owner) == [f"{noun}.needs_review"]
    assert _now(books, subject).next_check_at is None


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize(
    ("outcome", "statuses"),
    [
        (Succeeded(reference="X1"), {"completed", "succeeded"}),
        (Declined(code=FailureCode.DECLINED), {"failed"}),
        (Pending(reference="X1"), {"processing"}),
    ],
    ids=["succeeded", "declined", "pending"],
)
def test_a_callback_still_resolves_it(noun: str, outcome: Outcome, statuses: set[str]) -> None:
    books, _, subject = _in_doubt(noun)
    books.apply(subject, SILENCE, context=_check(noun))

    books.apply(subject, outcome, context=a_context())

    after = _now(books, subject)
    assert after.status.value in statuses
    assert after.review_since is None
    assert (after.next_check_at is not None) == after.is_unfinished


def _sent(books: Books, owner: Owner, noun: str, subject: Subject, *, hours_ago: float) -> None:
    operation = SENDING[noun]
    attempt = Attempt(
        id=AttemptId(new_id()),
        merchant_id=owner.merchant_id,
        transaction_id=owner.id if isinstance(owner, Transaction) else None,
        payout_id=owner.id if isinstance(owner, Payout) else None,
        refund_id=None,
        provider="cpay",
        operation=operation,
        number=1,
        provider_key=provider_key(operation, subject.id),
        started_at=NOON - timedelta(hours=hours_ago),
        lease_until=NOON,
    )
    books.do(lambda work: work.attempts.add(attempt))


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize(("hours_ago", "is_sent"), [(22.9, True), (23.0, False), (30.0, False)])
def test_nothing_is_sent_again_when_the_provider_may_have_forgotten_its_key(
    noun: str, hours_ago: float, is_sent: bool
) -> None:
    books, owner, subject = _in_doubt(noun, checks_made=0, expires_at=NOON + timedelta(days=9))
    _sent(books, owner, noun, subject, hours_ago=hours_ago)
    window = timedelta(hours=24)

    books.apply(subject, NotSent(reason="not_found"), context=_check(noun, idempotency_window=window))

    assert (len(books.commands) == 1) is is_sent
    assert (_now(books, subject).review_since is None) is is_sent


@pytest.mark.parametrize("noun", NOUNS)
def test_a_provider_that_never_forgets_may_be_sent_to_at_any_time(noun: str) -> None:
    books, owner, subject = _in_doubt(noun, checks_made=0, expires_at=NOON + timedelta(days=9))
    _sent(books, owner, noun, subject, hours_ago=100)

    books.apply(subject, NotSent(reason="not_found"), context=_check(noun))

    assert len(books.commands) == 1


def test_a_retry_that_would_come_too_late_is_not_planned() -> None:
    books, owner, subject = _in_doubt("refund", checks_made=0, expires_at=NOON + timedelta(days=9))
    _sent(books, owner, "refund", subject, hours_ago=20)
    context = replace(
        a_context(Operation.INITIALIZE_REFUND), tries_made=5, idempotency_window=timedelta(hours=24)
    )  # six hours later, at the ladder's end

    books.apply(subject, NotSent(reason="ConnectError"), context=context)

    assert books.commands == []
    assert _now(books, subject).review_since == NOON
