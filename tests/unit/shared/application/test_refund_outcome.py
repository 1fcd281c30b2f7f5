"""What an outcome does to a refund, and through it to the sums and the status of its payment."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.application.outcome_context import OutcomeContext
from shared.contracts.messages.commands import RefundPayment
from shared.domain.attempt import Operation
from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.outcome import Authorized, Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.domain.refund import Refund
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.messaging.retry_ladder import DEFAULT_DELAYS_MS
from tests.fakes.books import Books
from tests.fakes.clock import NOON
from tests.fakes.makers import a_context, a_payment, a_refund

R = RefundStatus
S = TransactionStatus
SENT = a_context(Operation.INITIALIZE_REFUND)
CHECK = a_context(Operation.VERIFY_REFUND)
NEVER = NOON + timedelta(days=365)
NO = Declined(code=FailureCode.REFUND_NOT_POSSIBLE, provider_code="9")


def _kes(shillings: int) -> Money:
    return Money(shillings * 100, "KES")


def _promised(*shillings: int, status: R = R.PROCESSING) -> tuple[Books, Transaction, list[Refund]]:
    """A payment of KES 1000 of which some is promised to refunds under way."""
    payment = a_payment(status=S.COMPLETED, refund_pending=_kes(sum(shillings)))
    refunds = [a_refund(payment, amount=_kes(each), status=status, expires_at=NEVER) for each in shillings]
    books = Books()
    books.put(payment, *refunds)
    return books, payment, refunds


def _sums(books: Books, payment: Transaction) -> tuple[int, int, str]:
    after = books.payment(payment)
    return after.refunded.amount_minor_units // 100, after.refund_pending.amount_minor_units // 100, after.status.value


OUTCOMES: list[Outcome] = [
    Succeeded(reference="R1"),
    Authorized(reference="R1"),
    Pending(reference="R1"),
    Pending(reference="R1", next_action={"type": "redirect"}),
    NO,
    InDoubt(reason="ReadTimeout"),
]
# status      succeeded  authorized  pending     pending+action  declined  in doubt
TABLE = """
pending       succeeded  .           .           .               failed    .
processing    succeeded  .           .           .               failed    in_doubt
in_doubt      succeeded  processing  processing  processing      failed    .
succeeded     .          .           .           .               failed    .
failed        .          .           .           .               .         .
"""


def _cells() -> list[tuple[R, Outcome, str]]:
    lines = [line.split() for line in TABLE.strip().splitlines()]
    return [(R(line[0]), outcome, cell) for line in lines for outcome, cell in zip(OUTCOMES, line[1:], strict=True)]


def _books_with(status: R) -> tuple[Books, Transaction, Refund]:
    """A refund of 400 in ``status``, and a payment whose sums fit it."""
    if status is R.SUCCEEDED:
        payment = a_payment(status=S.PARTIALLY_REFUNDED, refunded=_kes(400))
    else:
        payment = a_payment(status=S.COMPLETED, refund_pending=_kes(0 if status is R.FAILED else 400))
    refund = a_refund(payment, status=status)
    books = Books()
    books.put(payment, refund)
    return books, payment, refund


@pytest.mark.parametrize(("status", "outcome", "expected"), _cells(), ids=str)
def test_an_outcome_leads_a_refund_where_the_table_says(status: R, outcome: Outcome, expected: str) -> None:
    books, payment, refund = _books_with(status)

    books.apply(refund, outcome, context=a_context())

    assert books.refund(refund).status == (status if expected == "." else expected)
    of_refund = [kind for kind in books.event_types(payment) if kind.startswith("refund.")]
    assert len(of_refund) == (expected != ".")


@pytest.mark.parametrize(("status", "outcome", "expected"), _cells(), ids=str)
def test_the_sums_always_fit_the_refund(status: R, outcome: Outcome, expected: str) -> None:
    books, payment, refund = _books_with(status)

    books.apply(refund, outcome, context=a_context())

    after = books.refund(refund)
    refunded = 400 if after.status is R.SUCCEEDED else 0
    pending = 400 if after.is_unfinished else 0
    assert _sums(books, payment)[:2] == (refunded, pending)


@pytest.mark.parametrize(("status", "outcome", "expected"), _cells(), ids=str)
def test_a_repeated_outcome_changes_nothing_and_writes_no_second_event(
    status: R, outcome: Outcome, expected: str
) -> None:
    books, payment, refund = _books_with(status)
    books.apply(refund, outcome, context=a_context())
    once = (books.payment(payment), books.refund(refund), books.event_types(payment), len(books.outgoing))

    books.apply(refund, outcome, outcome, context=a_context())

    assert (books.payment(payment), books.refund(refund), books.event_types(payment), len(books.outgoing)) == once


def test_some_given_back_leaves_the_payment_partially_refunded() -> None:
    books, payment, (refund,) = _promised(400)

    books.apply(refund, Succeeded(reference="R1"), context=SENT)

    assert _sums(books, payment) == (400, 0, "partially_refunded")
    assert books.event_types(payment) == ["refund.completed", "payment.partially_refunded"]


def test_all_given_back_leaves_the_payment_refunded() -> None:
    books, payment, (refund,) = _promised(1000)

    books.apply(refund, Succeeded(reference="R1"), context=SENT)

    assert _sums(books, payment) == (1000, 0, "refunded")
    assert books.event_types(payment) == ["refund.completed", "payment.refunded"]


def test_the_last_part_given_back_leaves_the_payment_refunded() -> None:
    books, payment, refunds = _promised(400, 600)

    for refund in refunds:
        books.apply(refund, Succeeded(reference=f"R{refund.id}"), context=SENT)

    assert _sums(books, payment) == (1000, 0, "refunded")


def test_a_refused_refund_frees_what_was_promised_and_leaves_the_payment_alone() -> None:
    books, payment, (refund,) = _promised(400)

    books.apply(refund, NO, context=SENT)

    assert _sums(books, payment) == (0, 0, "completed")
    assert books.event_types(payment) == ["refund.failed"]
    failure = books.refund(refund).failure
    assert failure is not None
    assert (failure.code, failure.provider_code) == (FailureCode.REFUND_NOT_POSSIBLE, "9")


def test_a_refund_that_comes_back_after_all_gives_the_whole_payment_back_to_us() -> None:
    books, payment, (refund,) = _promised(1000)

    books.apply(refund, Succeeded(reference="R1"), NO, context=SENT)

    assert _sums(books, payment) == (0, 0, "completed")
    assert books.event_types(payment)[2:] == ["refund.failed", "payment.refund_returned"]


def test_one_of_two_refunds_that_comes_back_leaves_the_other() -> None:
    books, payment, (one, other) = _promised(400, 600)
    books.apply(one, Succeeded(reference="R1"), context=SENT)
    books.apply(other, Succeeded(reference="R2"), context=SENT)

    books.apply(one, NO, context=SENT)

    assert _sums(books, payment) == (600, 0, "partially_refunded")


def test_the_sequence_has_no_hole_over_payment_and_refund_events() -> None:
    books, payment, (one, other, third) = _promised(100, 200, 300)
    books.apply(one, NotSent(reason="x"), context=SENT)
    books.apply(other, InDoubt(reason="x"), Succeeded(reference="R2"), NO, context=a_context())
    books.apply(third, Pending(reference="R3"), Succeeded(reference="R3"), context=SENT)

    sequences = [event.sequence for event in books.events(payment)]

    assert len(sequences) == 8
    assert sequences == list(range(payment.version + 1, payment.version + 9))
    assert books.payment(payment).version == sequences[-1]


def test_a_refunds_event_shows_the_refund_of_that_moment() -> None:
    books, payment, (refund,) = _promised(400)

    books.apply(refund, Succeeded(reference="R1"), context=SENT)

    event = books.events(payment)[0]
    assert (event.refund_id, event.data["status"], event.data["amount"]) == (refund.id, "succeeded", "400.00")


def test_what_is_finished_is_not_checked_any_more() -> None:
    books, _, (refund,) = _promised(400)

    books.apply(refund, Pending(reference="R1"), context=SENT)
    assert books.refund(refund).next_check_at == NOON + timedelta(seconds=5)
    books.apply(refund, Succeeded(reference="R1"), context=CHECK)

    assert books.refund(refund).next_check_at is None


@pytest.mark.parametrize(("tries_made", "delay_ms"), list(enumerate(DEFAULT_DELAYS_MS, start=1)))
def test_a_refund_that_was_not_sent_goes_up_the_ladder(tries_made: int, delay_ms: int) -> None:
    books, payment, (refund,) = _promised(400)

    books.apply(refund, NotSent(reason="ConnectError"), context=replace(SENT, tries_made=tries_made))

    assert books.refund(refund).status is R.PENDING
    assert [(message.exchange, message.routing_key) for message in books.outgoing] == [
        (f"gw.delay.{delay_ms}", "gw.q.cmd.cpay")
    ]
    assert isinstance(books.commands[0], RefundPayment)
    assert _sums(books, payment) == (0, 400, "completed")


@pytest.mark.parametrize(
    ("tries_made", "expires_at"), [(6, NEVER), (1, NOON + timedelta(seconds=60))], ids=["ladder spent", "too late"]
)
def test_a_refund_that_can_never_be_sent_fails_and_frees_its_sum(tries_made: int, expires_at: object) -> None:
    payment = a_payment(status=S.COMPLETED, refund_pending=_kes(400))
    refund = a_refund(payment, status=R.PROCESSING, expires_at=expires_at)
    books = Books()
    books.put(payment, refund)

    books.apply(refund, NotSent(reason="ConnectError"), context=replace(SENT, tries_made=tries_made))

    failure = books.refund(refund).failure
    assert failure is not None
    assert failure.code is FailureCode.PROVIDER_UNAVAILABLE
    assert _sums(books, payment) == (0, 0, "completed")
    assert books.commands == []


def test_a_providers_wish_to_wait_is_honoured_for_refunds_too() -> None:
    books, _, (refund,) = _promised(400)

    books.apply(refund, NotSent(reason="throttled", retry_after_seconds=61), context=SENT)

    assert [message.exchange for message in books.outgoing] == ["gw.delay.300000"]


def test_a_refund_in_doubt_is_never_sent_again() -> None:
    books, _, (refund,) = _promised(400)

    books.apply(refund, InDoubt(reason="ReadTimeout"), context=SENT)

    assert books.refund(refund).status is R.IN_DOUBT
    assert books.commands == []


def test_a_check_that_proves_it_never_arrived_sends_the_refund_again_at_once() -> None:
    books, _, (refund,) = _promised(400, status=R.IN_DOUBT)

    books.apply(refund, NotSent(reason="not_found"), context=CHECK)

    assert books.refund(refund).status is R.PENDING
    assert [message.routing_key for message in books.outgoing] == ["cpay.refund.initialize.v1"]


@pytest.mark.parametrize(("status", "reference"), [(R.IN_DOUBT, "R1"), (R.PROCESSING, None), (R.PROCESSING, "R1")])
@pytest.mark.parametrize(
    "outcome", [NotSent(reason="not_found"), InDoubt(reason="ReadTimeout")], ids=["nothing found", "check failed"]
)
def test_a_check_without_an_answer_changes_only_the_next_check(
    status: R, reference: str | None, outcome: Outcome
) -> None:
    payment = a_payment(status=S.COMPLETED, refund_pending=_kes(400))
    refund = a_refund(payment, status=status, provider_refund_id=reference)
    books = Books()
    books.put(payment, refund)

    books.apply(refund, outcome, context=CHECK)

    expected = replace(refund, checks_made=1, next_check_at=NOON + timedelta(seconds=10))
    assert books.refund(refund) == expected
    assert books.payment(payment) == payment
    assert books.outgoing == []


@pytest.mark.parametrize(
    ("context", "source"), [(SENT, "refund.initialize"), (CHECK, "refund.verify"), (a_context(), "callback")]
)
def test_the_audit_trail_says_what_brought_the_news(context: OutcomeContext, source: str) -> None:
    books, payment, (refund,) = _promised(400)

    books.apply(refund, Succeeded(reference="R1"), context=context)

    audit = books.audit(payment)[0].event_data
    assert (audit["source"], audit["before"], audit["after"]) == (source, "processing", "succeeded")
    assert (audit["refund_id"], audit["amount"]) == (str(refund.id), "400.00")


def test_a_failed_refund_that_is_reported_as_given_back_is_written_down_for_somebody_to_look() -> None:
    books, payment, (refund,) = _promised(400)
    books.apply(refund, NO, context=SENT)

    books.apply(refund, Succeeded(reference="R1"), context=a_context(None))

    assert books.refund(refund).status is R.FAILED
    assert "outcome.refused" in books.audit_types(payment)
