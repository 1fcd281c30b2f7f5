"""What an outcome does to a capture, and through it to the sums and the status of its payment."""

from datetime import timedelta

import pytest

from shared.contracts.messages.commands import CapturePayment
from shared.domain.attempt import Operation
from shared.domain.capture import Capture
from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import Authorized, Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.domain.refund import Refund
from shared.domain.transaction import CaptureMethod, Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.unit_of_work import UnitOfWork
from tests.fakes.books import Books
from tests.fakes.clock import NOON
from tests.fakes.makers import a_capture, a_context, a_payment, a_refund

M = MovementStatus
S = TransactionStatus
SENT = a_context(Operation.INITIALIZE_CAPTURE)
CHECK = a_context(Operation.VERIFY_CAPTURE)
NEVER = NOON + timedelta(days=365)
NO = Declined(code=FailureCode.CAPTURE_NOT_POSSIBLE, provider_code="9")


def _kes(shillings: int) -> Money:
    return Money(shillings * 100, "KES")


def _done(capture: Capture) -> Succeeded:
    return Succeeded(reference=f"C-{capture.id}")


def _authorized(
    *shillings: int, final: int | None = None, status: M = M.PROCESSING, payment_status: S = S.AUTHORIZED
) -> tuple[Books, Transaction, list[Capture]]:
    """A payment of KES 1000, reserved, of which some is promised to captures under way; ``final`` is the final one."""
    payment = a_payment(
        status=payment_status,
        capture_method=CaptureMethod.MANUAL,
        authorized=_kes(1000),
        captured=_kes(0),
        capture_pending=_kes(sum(shillings)),
    )
    captures = [
        a_capture(payment, amount=_kes(each), status=status, expires_at=NEVER, is_final=number == final)
        for number, each in enumerate(shillings)
    ]
    books = Books()
    books.put(payment, *captures)
    return books, payment, captures


def _sums(books: Books, payment: Transaction) -> tuple[int, int, str]:
    after = books.payment(payment)
    return after.captured.amount_minor_units // 100, after.capture_pending.amount_minor_units // 100, after.status.value


def _refunding(books: Books, payment: Transaction, shillings: int) -> Refund:
    refund = a_refund(payment, amount=_kes(shillings), status=M.PROCESSING)

    def accept(work: UnitOfWork) -> None:
        assert work.refunds.reserve(payment.id, refund.amount)
        work.refunds.add(refund)

    books.do(accept)
    return refund


OUTCOMES: list[Outcome] = [
    Succeeded(reference="C1"),
    Authorized(reference="C1"),
    Pending(reference="C1"),
    NO,
    InDoubt(reason="ReadTimeout"),
]
# status      succeeded  authorized  pending     declined  in doubt
TABLE = """
pending       succeeded  .           .           failed    .
processing    succeeded  .           .           failed    in_doubt
in_doubt      succeeded  processing  processing  failed    .
succeeded     .          .           .           .         .
failed        .          .           .           .         .
"""


def _cells() -> list[tuple[M, Outcome, str]]:
    lines = [line.split() for line in TABLE.strip().splitlines()]
    return [(M(line[0]), outcome, cell) for line in lines for outcome, cell in zip(OUTCOMES, line[1:], strict=True)]


@pytest.mark.parametrize(("status", "outcome", "expected"), _cells(), ids=str)
def test_an_outcome_leads_a_capture_and_its_sums_where_the_table_says(
    status: M, outcome: Outcome, expected: str
) -> None:
    unfinished = status not in {M.SUCCEEDED, M.FAILED}
    payment = a_payment(
        status=S.AUTHORIZED,
        capture_method=CaptureMethod.MANUAL,
        captured=_kes(400 if status is M.SUCCEEDED else 0),
        capture_pending=_kes(400 if unfinished else 0),
    )
    capture = a_capture(payment, status=status)
    books = Books()
    books.put(payment, capture)

    books.apply(capture, outcome, outcome, context=a_context())

    after = books.capture(capture)
    assert after.status == (status if expected == "." else expected)
    captured = 400 if after.status is M.SUCCEEDED else 0
    pending = 400 if after.is_unfinished else 0
    assert _sums(books, payment) == (captured, pending, "authorized")
    of_capture = [kind for kind in books.event_types(payment) if kind.startswith("capture.")]
    assert len(of_capture) == (expected != ".")


def test_a_part_taken_leaves_the_payment_authorized_for_more() -> None:
    books, payment, (capture,) = _authorized(400)

    books.apply(capture, _done(capture), context=SENT)

    assert _sums(books, payment) == (400, 0, "authorized")
    assert books.event_types(payment) == ["capture.completed", "payment.partially_captured"]


def test_a_final_part_taken_completes_the_payment_with_what_was_taken() -> None:
    books, payment, (capture,) = _authorized(400, final=0)

    books.apply(capture, _done(capture), context=SENT)

    assert _sums(books, payment) == (400, 0, "completed")
    assert books.event_types(payment) == ["capture.completed", "payment.completed"]
    assert books.payment(payment).next_check_at is None


def test_the_last_of_all_taken_completes_the_payment_although_it_was_not_called_final() -> None:
    books, payment, captures = _authorized(400, 600)

    for capture in captures:
        books.apply(capture, _done(capture), context=SENT)

    assert _sums(books, payment) == (1000, 0, "completed")
    assert books.event_types(payment).count("payment.completed") == 1


def test_a_capture_that_was_still_under_way_when_the_final_one_succeeded_is_counted_too() -> None:
    books, payment, (other, final) = _authorized(300, 500, final=1)
    books.apply(final, _done(final), context=SENT)

    books.apply(other, _done(other), context=a_context())

    assert _sums(books, payment) == (800, 0, "completed")


def test_a_refused_capture_frees_what_was_promised_and_has_the_provider_asked_about_the_payment() -> None:
    books, payment, (capture,) = _authorized(400)

    books.apply(capture, NO, context=SENT)

    assert _sums(books, payment) == (0, 0, "authorized")
    assert books.payment(payment).next_check_at == NOON
    failure = books.capture(capture).failure
    assert failure is not None
    assert (failure.code, failure.provider_code) == (FailureCode.CAPTURE_NOT_POSSIBLE, "9")


@pytest.mark.parametrize("closed", [S.EXPIRED, S.CANCELLED])
def test_a_capture_that_succeeds_after_the_payment_was_closed_is_a_late_success(closed: S) -> None:
    books, payment, (capture,) = _authorized(400, payment_status=closed)

    books.apply(capture, _done(capture), context=a_context())

    assert _sums(books, payment) == (400, 0, "completed")
    assert books.payment(payment).late


def test_more_taken_after_all_was_given_back_leaves_the_payment_partially_refunded() -> None:
    books, payment, (other, final) = _authorized(300, 500, final=1)
    books.apply(final, _done(final), context=SENT)
    refund = _refunding(books, payment, 500)
    books.apply(refund, Succeeded(reference="R1"), context=a_context(Operation.INITIALIZE_REFUND))
    assert books.payment(payment).status is S.REFUNDED

    books.apply(other, _done(other), context=a_context())

    assert _sums(books, payment) == (800, 0, "partially_refunded")


def test_what_was_captured_in_part_and_given_back_is_refunded() -> None:
    books, payment, (capture,) = _authorized(400, final=0)
    books.apply(capture, _done(capture), context=SENT)
    refund = _refunding(books, payment, 400)

    books.apply(refund, Succeeded(reference="R1"), context=a_context(Operation.INITIALIZE_REFUND))

    after = books.payment(payment)
    assert (after.status, after.refunded, after.captured) == (S.REFUNDED, _kes(400), _kes(400))


def test_a_capture_in_doubt_is_asked_about_and_never_sent_again() -> None:
    books, payment, (capture,) = _authorized(400)

    books.apply(capture, InDoubt(reason="ReadTimeout"), context=SENT)

    assert books.capture(capture).status is M.IN_DOUBT
    assert books.commands == []
    assert _sums(books, payment) == (0, 400, "authorized")


def test_a_check_that_proves_it_never_arrived_sends_the_capture_again_at_once() -> None:
    books, _, (capture,) = _authorized(400, status=M.IN_DOUBT)

    books.apply(capture, NotSent(reason="not_found"), context=CHECK)

    assert [message.routing_key for message in books.outgoing] == ["cpay.capture.initialize.v1"]
    command = books.commands[0]
    assert isinstance(command, CapturePayment)
    assert command.capture_id == capture.id


def test_a_failed_capture_that_is_reported_as_taken_has_somebody_look_and_the_provider_asked() -> None:
    books, payment, (capture,) = _authorized(400)
    books.apply(capture, NO, context=SENT)
    later = NOON + timedelta(minutes=5)

    books.apply(capture, _done(capture), context=a_context(None, now=later))

    assert books.capture(capture).status is M.FAILED
    assert "outcome.refused" in books.audit_types(payment)
    assert books.payment(payment).next_check_at == later
    assert _sums(books, payment) == (0, 0, "authorized")


def test_the_sequence_has_no_hole_over_payment_and_capture_events() -> None:
    books, payment, (one, other) = _authorized(400, 600)
    books.apply(one, NotSent(reason="x"), _done(one), context=a_context())
    books.apply(other, InDoubt(reason="x"), _done(other), context=SENT)

    sequences = [event.sequence for event in books.events(payment)]

    assert sequences == list(range(payment.version + 1, payment.version + 1 + len(sequences)))
    assert books.payment(payment).version == sequences[-1]
    assert {event.capture_id for event in books.events(payment)} == {one.id, other.id, None}
