"""What somebody does in the provider's own dashboard: refunds come into our books once, disputes are followed."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.dispute import Dispute
from shared.domain.dispute_status import DisputeFunds, DisputeStatus
from shared.domain.failure import FailureCode
from shared.domain.ids import RefundId
from shared.domain.money import Money
from shared.domain.outcome import Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.domain.refund import Refund
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.provider_kit.disputes import DisputeReported
from shared.provider_kit.provider import RefundQuery, RefundReported
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON
from tests.fakes.makers import a_payment, a_refund
from tests.fakes.worker import WorkerOnFakes

S, R, D, F = TransactionStatus, RefundStatus, DisputeStatus, DisputeFunds


def _taken(**facts: Any) -> tuple[WorkerOnFakes, Transaction]:
    worker = WorkerOnFakes()
    payment = a_payment(**{"status": S.COMPLETED, "provider_transaction_id": "P1", **facts})
    worker.books.put(payment)
    return worker, payment


def _made_there(outcome: Outcome | None = None, **facts: Any) -> RefundReported:
    report = RefundReported(
        refund_id=None,
        reference="R9",
        payment_reference="P1",
        amount=Money(40_000, "KES"),
        outcome=outcome or Succeeded(reference="R9"),
        made_there=True,
        reason="requested_by_customer",
    )
    return replace(report, **facts)


def _refunds(worker: WorkerOnFakes) -> list[Refund]:
    return list(worker.books.database.committed.refunds.values())


def test_a_refund_made_there_is_a_refund_like_all_others() -> None:
    worker, payment = _taken()

    worker.handle(worker.receive(_made_there()))

    (refund,) = _refunds(worker)
    assert (refund.status, refund.reference, refund.amount) == (R.SUCCEEDED, "R9", Money(40_000, "KES"))
    assert (refund.reason, refund.user_id) == ("made at the provider: requested_by_customer", None)
    after = worker.books.payment(payment)
    assert (after.status, after.refunded, after.refund_pending) == (
        S.PARTIALLY_REFUNDED,
        Money(40_000, "KES"),
        Money(0, "KES"),
    )
    assert worker.books.event_types(payment) == [
        "refund.initiated",
        "refund.processing",
        "refund.completed",
        "payment.partially_refunded",
    ]


def test_however_often_it_is_told_it_counts_once() -> None:
    worker, payment = _taken()

    for outcome in (Pending(reference="R9"), Succeeded(reference="R9"), Pending(reference="R9")):
        message = worker.receive(_made_there(outcome=outcome))
        worker.handle(message)
        worker.handle(message)

    assert len(_refunds(worker)) == 1
    assert worker.books.payment(payment).refunded == Money(40_000, "KES")


def test_what_is_not_over_there_is_asked_about_and_never_sent() -> None:
    worker, _payment = _taken()

    worker.handle(worker.receive(_made_there(outcome=Pending(reference="R9"))))

    (refund,) = _refunds(worker)
    assert (refund.status, refund.is_unfinished) == (R.PROCESSING, True)
    assert refund.next_check_at is not None
    assert worker.books.commands == []
    worker.provider.will_answer(InDoubt(reason="no answer"), NotSent(reason="they have none"))
    worker.clock.advance(3 * 86_400)
    for _ in range(2):
        worker.check_refund(refund)
    assert {type(question) for question in worker.provider.questions} == {RefundQuery}


def test_one_that_failed_there_leaves_the_money_refundable() -> None:
    worker, payment = _taken()

    worker.handle(worker.receive(_made_there(outcome=Declined(code=FailureCode.DECLINED))))

    after = worker.books.payment(payment)
    assert (after.refunded, after.refund_pending) == (Money(0, "KES"), Money(0, "KES"))
    assert (_refunds(worker)[0].status, _refunds(worker)[0].reference) == (R.FAILED, "R9")


@pytest.mark.parametrize(
    ("of_payment", "of_report"),
    [
        ({}, {"amount": Money(100_001, "KES")}),
        ({"refund_pending": Money(70_000, "KES")}, {}),
        ({"status": S.PROCESSING, "captured": Money(0, "KES")}, {}),
        ({"status": S.AUTHORIZED, "captured": Money(50_000, "KES")}, {}),
        ({}, {"payment_reference": "P2"}),
        ({}, {"payment_reference": None}),
        ({}, {"made_there": False}),
    ],
)
def test_what_does_not_fit_is_looked_at_again_later_and_changes_nothing(
    of_payment: dict[str, Any], of_report: dict[str, Any]
) -> None:
    worker, payment = _taken(**of_payment)

    message = worker.receive(_made_there(**of_report))
    worker.handle(message)

    assert (_refunds(worker), worker.books.event_types(payment)) == ([], [])
    assert worker.forwarded == [("gw.delay.60000", "gw.q.hook.cpay")]
    assert worker.event(message).result == "unmatched"


def test_another_account_has_no_say_in_it() -> None:
    worker, payment = _taken(provider_config_id=new_id())

    worker.handle(worker.receive(_made_there()))

    assert (_refunds(worker), worker.books.payment(payment).refunded) == ([], Money(0, "KES"))


def test_one_of_ours_whose_answer_was_lost_is_not_taken_in_a_second_time() -> None:
    worker, payment = _taken(refund_pending=Money(40_000, "KES"))
    refund = a_refund(payment, status=R.IN_DOUBT)
    worker.books.do(lambda work: work.refunds.add(refund))

    worker.handle(worker.receive(_made_there(made_there=False, refund_id=RefundId(refund.id))))

    assert [each.id for each in _refunds(worker)] == [refund.id]
    assert worker.books.payment(payment).refunded == Money(40_000, "KES")


def _disputed(status: DisputeStatus, funds: DisputeFunds, **facts: Any) -> DisputeReported:
    report = DisputeReported(
        reference="D1",
        payment_reference="P1",
        amount=Money(100_000, "KES"),
        status=status,
        funds=funds,
        reason="fraudulent",
        evidence_due_at=NOON + timedelta(days=7),
        answer={"id": "D1"},
    )
    return replace(report, **facts)


def _dispute(worker: WorkerOnFakes) -> Dispute:
    (dispute,) = worker.books.database.committed.disputes.values()
    return dispute


def _tell(worker: WorkerOnFakes, reports: Sequence[DisputeReported]) -> None:
    for report in reports:
        message = worker.receive(report)
        worker.handle(message)
        worker.handle(message)


def test_a_dispute_is_told_step_by_step() -> None:
    worker, payment = _taken()

    _tell(
        worker,
        [
            _disputed(D.INQUIRY, F.UNMOVED),
            _disputed(D.OPEN, F.WITHDRAWN),
            _disputed(D.UNDER_REVIEW, F.WITHDRAWN),
            _disputed(D.WON, F.REINSTATED),
        ],
    )

    assert worker.books.event_types(payment) == [
        "dispute.opened",
        "dispute.funds_withdrawn",
        "dispute.escalated",
        "dispute.under_review",
        "dispute.funds_reinstated",
        "dispute.won",
    ]
    assert [event.sequence for event in worker.books.events(payment)] == [2, 3, 4, 5, 6, 7]
    dispute, after = _dispute(worker), worker.books.payment(payment)
    assert (dispute.status, dispute.funds, dispute.evidence_due_at) == (D.WON, F.REINSTATED, NOON + timedelta(days=7))
    assert (after.status, after.captured, after.version) == (S.COMPLETED, payment.captured, 7)


WHOLE_LIFE = (
    _disputed(D.OPEN, F.WITHDRAWN),
    _disputed(D.UNDER_REVIEW, F.WITHDRAWN),
    _disputed(D.LOST, F.WITHDRAWN),
)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_in_whatever_order_it_is_told_it_ends_as_it_ended_there(order: tuple[int, ...]) -> None:
    worker, payment = _taken()

    _tell(worker, [WHOLE_LIFE[each] for each in (*order, *order)])

    types = worker.books.event_types(payment)
    assert (_dispute(worker).status, _dispute(worker).funds) == (D.LOST, F.WITHDRAWN)
    assert types[0] == "dispute.opened"
    assert [types.count(each) for each in ("dispute.opened", "dispute.funds_withdrawn", "dispute.lost")] == [1, 1, 1]


def test_the_first_that_is_heard_of_a_dispute_may_be_its_end() -> None:
    worker, payment = _taken()

    _tell(worker, [_disputed(D.WON, F.REINSTATED)])

    assert worker.books.event_types(payment) == [
        "dispute.opened",
        "dispute.funds_withdrawn",
        "dispute.funds_reinstated",
        "dispute.won",
    ]


def test_a_dispute_of_an_unknown_payment_is_looked_at_again_later() -> None:
    worker, _payment = _taken()

    worker.handle(worker.receive(_disputed(D.OPEN, F.WITHDRAWN, payment_reference="P2")))

    assert (worker.books.database.committed.disputes, worker.forwarded) == ({}, [("gw.delay.60000", "gw.q.hook.cpay")])


def test_a_dispute_is_of_one_payment_for_ever() -> None:
    worker, payment = _taken()
    other = a_payment(status=S.COMPLETED, provider_transaction_id="P2")
    worker.books.put(other)
    _tell(worker, [_disputed(D.OPEN, F.WITHDRAWN)])

    message = worker.receive(_disputed(D.LOST, F.WITHDRAWN, payment_reference="P2"))
    worker.handle(message)

    assert (worker.event(message).result, worker.books.event_types(other)) == ("refused: payment", [])
    assert (_dispute(worker).transaction_id, _dispute(worker).status) == (payment.id, D.OPEN)


def test_another_account_cannot_dispute_it() -> None:
    worker, payment = _taken(provider_config_id=new_id())

    message = worker.receive(_disputed(D.LOST, F.WITHDRAWN))
    worker.handle(message)

    assert (worker.event(message).result, worker.books.event_types(payment)) == ("refused: account", [])
