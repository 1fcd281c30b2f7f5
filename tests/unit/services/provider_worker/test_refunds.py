"""Giving money back, and asking about it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.application.commands import next_refund_command
from shared.contracts.messages.commands import VerifyRefund
from shared.domain.money import Money
from shared.domain.outcome import NotSent, Pending, Succeeded
from shared.domain.refund import Refund
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.provider_kit.provider import PaidPayment, RefundQuery, RefundRequest
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON
from tests.fakes.makers import a_payment, a_refund
from tests.fakes.worker import LEASE_SECONDS, WorkerOnFakes

R = RefundStatus
S = TransactionStatus
DONE = Succeeded(reference="R1")


def _accepted(status: R = R.PENDING) -> tuple[Transaction, Refund]:
    payment = a_payment(
        status=S.COMPLETED, provider_transaction_id="P1", refund_pending=Money(40_000, "KES"), version=3
    )
    return payment, a_refund(payment, status=status, expires_at=NOON + timedelta(days=365))


def test_a_pending_refund_is_sent_and_succeeds() -> None:
    worker, (payment, refund) = WorkerOnFakes(DONE), _accepted()

    worker.refund(payment, refund)

    assert worker.books.refund(refund).status is R.SUCCEEDED
    assert worker.books.payment(payment).status is S.PARTIALLY_REFUNDED
    assert worker.books.event_types(payment) == ["refund.processing", "refund.completed", "payment.partially_refunded"]
    assert [event.sequence for event in worker.books.events(payment)] == [4, 5, 6]


def test_the_provider_is_asked_for_exactly_this_refund() -> None:
    worker, (payment, refund) = WorkerOnFakes(DONE), _accepted()

    worker.refund(payment, refund)

    assert worker.provider.questions == [
        RefundRequest(
            refund_id=refund.id,
            idempotency_key=f"refund.initialize:{refund.id}",
            payment=PaidPayment(reference="P1", amount=payment.captured, customer=payment.customer),
            amount=refund.amount,
            reason=refund.reason,
        )
    ]


def test_the_attempt_is_committed_and_no_transaction_open_when_the_provider_is_asked() -> None:
    worker, (payment, refund) = WorkerOnFakes(DONE), _accepted()
    worker.provider.witness = lambda: (
        [each.refund_id for each in worker.books.attempts(payment.id)],
        worker.books.refund(refund).status,
        worker.books.refund(refund).next_check_at,
        worker.books.database.open_transactions,
    )

    worker.refund(payment, refund)

    due = NOON + timedelta(seconds=LEASE_SECONDS + 5)
    assert [each.seen for each in worker.provider.asked] == [([refund.id], R.PROCESSING, due, 0)]


def test_a_command_that_comes_twice_is_done_once() -> None:
    worker, (payment, refund) = WorkerOnFakes(DONE), _accepted()

    command = worker.refund(payment, refund)
    worker.handle(command)

    assert len(worker.provider.asked) == 1
    assert worker.books.payment(payment).refunded == Money(40_000, "KES")


@pytest.mark.parametrize("status", sorted(set(R) - {R.PENDING}))
def test_only_a_pending_refund_is_sent(status: R) -> None:
    worker, (payment, refund) = WorkerOnFakes(), _accepted(status)
    worker.books.put(payment, refund)

    worker.handle(next_refund_command(a_refund(payment, id=refund.id), NOON))

    assert worker.provider.asked == []


def test_a_command_for_an_unknown_refund_does_nothing() -> None:
    worker, (payment, refund) = WorkerOnFakes(), _accepted()
    worker.books.put(payment)

    worker.handle(next_refund_command(refund, NOON))

    assert worker.provider.asked == []


def test_a_check_asks_with_the_providers_reference() -> None:
    worker, (payment, refund) = WorkerOnFakes(Pending(reference="R1"), DONE), _accepted()
    worker.refund(payment, refund)

    worker.check_refund(refund)

    assert worker.provider.questions[-1] == RefundQuery(
        refund_id=refund.id,
        payment=PaidPayment(reference="P1", amount=payment.captured, customer=payment.customer),
        amount=refund.amount,
        reference="R1",
    )
    assert worker.books.refund(refund).status is R.SUCCEEDED


@pytest.mark.parametrize("status", [R.PENDING, R.SUCCEEDED, R.FAILED])
def test_only_what_is_under_way_is_asked_about(status: R) -> None:
    worker, (payment, refund) = WorkerOnFakes(), _accepted(status)
    worker.books.put(payment, refund)

    worker.handle(
        VerifyRefund(
            message_id=new_id(),
            occurred_at=NOON,
            correlation_id=payment.id,
            transaction_id=payment.id,
            refund_id=refund.id,
            provider="cpay",
        )
    )

    assert worker.provider.asked == []


def test_the_providers_key_is_the_same_over_all_attempts_of_a_refund() -> None:
    worker, (payment, refund) = WorkerOnFakes(NotSent(reason="x"), DONE), _accepted()

    worker.refund(payment, refund)
    worker.handle(worker.books.commands[-1])

    asked = [each for each in worker.provider.questions if isinstance(each, RefundRequest)]
    assert [each.idempotency_key for each in asked] == [f"refund.initialize:{refund.id}"] * 2
    assert [each.number for each in worker.books.attempts(payment.id)] == [1, 2]


def test_an_adapter_that_fails_leaves_the_refund_in_doubt() -> None:
    worker, (payment, refund) = WorkerOnFakes(ValueError("bug")), _accepted()

    worker.refund(payment, refund)

    assert worker.books.refund(refund).status is R.IN_DOUBT
    assert worker.books.payment(payment).refund_pending == Money(40_000, "KES")


def test_a_refund_whose_lease_ran_out_is_in_doubt_and_its_late_answer_moves_nothing() -> None:
    worker, (payment, refund) = WorkerOnFakes(DONE), _accepted()

    def freeze() -> None:
        worker.let_the_lease_run_out()
        assert worker.sweep_leases() == 1

    worker.provider.witness = freeze
    worker.refund(payment, refund)

    assert worker.books.refund(refund).status is R.IN_DOUBT
    assert worker.books.audit_types(payment)[-1] == "attempt.late_answer"


def test_a_refund_with_a_late_answer_is_asked_about_at_once() -> None:
    worker, (payment, refund) = WorkerOnFakes(DONE), _accepted()

    def freeze() -> None:
        worker.let_the_lease_run_out()
        assert worker.sweep_leases() == 1

    worker.provider.witness = freeze
    worker.refund(payment, refund)

    due = worker.books.refund(refund).next_check_at
    assert due is not None
    assert due <= worker.clock.now() + timedelta(seconds=10)


def test_a_command_that_comes_after_the_refund_has_expired_is_not_sent() -> None:
    worker, (payment, refund) = WorkerOnFakes(DONE), _accepted()
    late = replace(refund, expires_at=NOON)

    worker.refund(payment, late)

    assert worker.provider.questions == []
    assert worker.books.refund(late).status is R.FAILED
    assert worker.books.payment(payment).refund_pending == Money(0, "KES")
