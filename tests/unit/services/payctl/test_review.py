"""An operator's verdict: audited, only on what is in doubt or in review, and through the one way in."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from services.payctl.commands.review import review
from services.payctl.settings import PayctlSettings
from shared.domain.money import Money
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import Succeeded
from shared.domain.transaction import CaptureMethod, Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.runtime.identifiers import new_id
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import a_capture, a_context, a_payment, a_payout, a_refund
from tests.fakes.payctl import tools_over

M = MovementStatus
S = TransactionStatus
PART = Money(40_000, "KES")


@dataclass
class Desk:
    books: Books

    def run(self, *arguments: str) -> Result:
        settings = PayctlSettings.model_construct()
        tools = tools_over(self.books, FakeClock(), settings=settings)
        return CliRunner().invoke(review, list(arguments), obj=tools)

    def resolve(self, subject_id: UUID, verdict: str, *more: str) -> Result:
        told = ("--reason", "seen in their dashboard", "--operator", "amina")
        return self.run("resolve", str(subject_id), "--as", verdict, *told, *more)


@pytest.fixture
def desk() -> Desk:
    return Desk(Books())


def _in_doubt(desk: Desk) -> Transaction:
    payment = a_payment(status=S.IN_DOUBT, review_since=NOON)
    desk.books.put(payment)
    return payment


def test_the_list_shows_payments_captures_refunds_and_payouts_that_wait(desk: Desk) -> None:
    payment = a_payment(
        status=S.AUTHORIZED, capture_method=CaptureMethod.MANUAL, capture_pending=PART, provider_transaction_id="P1"
    )
    capture = a_capture(payment, status=M.IN_DOUBT, review_since=NOON)
    taken = a_payment(status=S.COMPLETED, refund_pending=PART)
    refund = a_refund(taken, status=M.IN_DOUBT, review_since=NOON, provider_refund_id="R1")
    waiting = _in_doubt(desk)
    desk.books.put(payment, capture)
    desk.books.put(taken, refund)
    payout = a_payout(status=M.PENDING, review_since=NOON)
    desk.books.put_payout(payout)

    lines = desk.run("list").output.splitlines()

    assert [line.split()[:2] for line in lines[:4]] == [
        [str(waiting.id), "payment"],
        [str(capture.id), "capture"],
        [str(refund.id), "refund"],
        [str(payout.id), "payout"],
    ]
    assert "R1" in lines[2]
    assert lines[4] == "4 waiting"


@pytest.mark.parametrize(("verdict", "status"), [("failed", S.FAILED), ("cancelled", S.CANCELLED)])
def test_an_operator_may_say_that_nothing_was_taken(desk: Desk, verdict: str, status: S) -> None:
    payment = _in_doubt(desk)

    result = desk.resolve(payment.id, verdict)

    assert result.exit_code == 0, result.output
    after = desk.books.payment(payment)
    assert (after.status, after.captured, after.review_since) == (status, Money(0, "KES"), None)


def test_an_operator_may_say_that_it_was_taken_and_under_which_reference(desk: Desk) -> None:
    payment = _in_doubt(desk)

    desk.resolve(payment.id, "succeeded", "--reference", "P1")

    after = desk.books.payment(payment)
    assert (after.status, after.captured, after.provider_transaction_id) == (S.COMPLETED, payment.amount, "P1")


def test_a_verdict_is_audited_with_who_and_why(desk: Desk) -> None:
    payment = _in_doubt(desk)

    desk.resolve(payment.id, "failed")

    said, done = desk.books.audit(payment)
    assert (said.event_type, said.user_id) == ("review.resolved", "operator:amina")
    assert (said.event_data["verdict"], said.event_data["reason"]) == ("failed", "seen in their dashboard")
    assert (done.event_type, done.user_id, done.event_data["source"]) == (
        "payment.failed",
        "operator:amina",
        "operator",
    )


def test_a_refund_and_a_capture_are_resolved_with_their_sums(desk: Desk) -> None:
    reserved = a_payment(status=S.AUTHORIZED, capture_method=CaptureMethod.MANUAL, capture_pending=PART)
    capture = a_capture(reserved, status=M.IN_DOUBT, is_final=True)
    taken = a_payment(status=S.COMPLETED, refund_pending=PART)
    refund = a_refund(taken, status=M.IN_DOUBT, provider_refund_id="R1")
    desk.books.put(reserved, capture)
    desk.books.put(taken, refund)

    desk.resolve(capture.id, "succeeded", "--reference", "C1")
    desk.resolve(refund.id, "failed")

    after = desk.books.payment(reserved)
    assert (after.status, after.captured, after.capture_pending) == (S.COMPLETED, PART, Money(0, "KES"))
    after = desk.books.payment(taken)
    assert (after.status, after.refunded, after.refund_pending) == (S.COMPLETED, Money(0, "KES"), Money(0, "KES"))


@pytest.mark.parametrize("status", sorted(set(S) - {S.IN_DOUBT}))
def test_what_is_neither_in_doubt_nor_in_review_takes_no_verdict(desk: Desk, status: S) -> None:
    payment = a_payment(status=status)
    desk.books.put(payment)

    result = desk.resolve(payment.id, "succeeded", "--reference", "P1")

    assert (result.exit_code, desk.books.payment(payment)) == (1, payment)
    assert "neither in doubt nor in review" in result.output
    assert desk.books.audit(payment) == []


def test_a_verdict_comes_once(desk: Desk) -> None:
    payment = _in_doubt(desk)
    desk.resolve(payment.id, "failed")

    assert desk.resolve(payment.id, "succeeded", "--reference", "P1").exit_code == 1


def test_what_succeeded_must_have_a_reference(desk: Desk) -> None:
    payment = _in_doubt(desk)

    result = desk.resolve(payment.id, "succeeded")

    assert "give --reference" in result.output
    assert desk.books.payment(payment) == payment


def test_another_reference_than_the_known_one_is_refused(desk: Desk) -> None:
    payment = a_payment(status=S.IN_DOUBT, provider_transaction_id="P1")
    desk.books.put(payment)

    assert "is P1, not P2" in desk.resolve(payment.id, "succeeded", "--reference", "P2").output


def test_a_verdict_that_cannot_be_carried_out_changes_nothing(desk: Desk) -> None:
    payment = a_payment(
        status=S.AUTHORIZED, capture_method=CaptureMethod.MANUAL, capture_pending=PART, review_since=NOON
    )
    capture = a_capture(payment, status=M.IN_DOUBT)
    desk.books.put(payment, capture)

    result = desk.resolve(payment.id, "cancelled")

    assert (result.exit_code, desk.books.payment(payment)) == (1, payment)
    assert "stays authorized" in result.output
    assert desk.books.audit(payment) == []


@pytest.mark.parametrize("verdict", ["cancelled"])
def test_only_a_payment_can_be_cancelled(desk: Desk, verdict: str) -> None:
    payment = a_payment(status=S.COMPLETED, refund_pending=PART)
    refund = a_refund(payment, status=M.IN_DOUBT)
    desk.books.put(payment, refund)

    assert "only a payment" in desk.resolve(refund.id, verdict).output


def test_an_id_that_nobody_knows_is_refused(desk: Desk) -> None:
    assert "there is no payment, capture, refund or payout" in desk.resolve(new_id(), "failed").output


def test_money_that_comes_after_a_verdict_of_failed_is_a_late_success(desk: Desk) -> None:
    payment = _in_doubt(desk)
    desk.resolve(payment.id, "failed")

    desk.books.apply(payment, Succeeded(reference="P1"), context=a_context())

    assert desk.books.payment(payment).late


@pytest.mark.parametrize(("verdict", "status"), [("succeeded", M.SUCCEEDED), ("failed", M.FAILED)])
def test_an_operator_may_say_what_became_of_a_payout(desk: Desk, verdict: str, status: M) -> None:
    payout = a_payout(status=M.IN_DOUBT, review_since=NOON)
    desk.books.put_payout(payout)

    result = desk.resolve(payout.id, verdict, "--reference", "PO1")

    assert result.exit_code == 0, result.output
    after = desk.books.payout(payout)
    assert (after.status, after.review_since, after.reference) == (status, None, "PO1")
    assert desk.books.audit_types(payout)[0] == "review.resolved"


def test_a_payout_that_nobody_doubts_is_not_open_to_a_verdict(desk: Desk) -> None:
    payout = a_payout(status=M.SUCCEEDED)
    desk.books.put_payout(payout)

    assert desk.resolve(payout.id, "failed").exit_code != 0
    assert desk.books.payout(payout).status is M.SUCCEEDED
