"""Callbacks about payouts: in any order, however often, and only where their facts are ours."""

from itertools import permutations

import pytest

from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import Declined, InDoubt, Outcome, Pending, Succeeded
from shared.domain.payout import Payout
from shared.provider_kit.provider import PayoutReported
from tests.fakes.makers import a_payout
from tests.fakes.worker import WorkerOnFakes

M = MovementStatus
DONE, AT_WORK = Succeeded(reference="PO1"), Pending(reference="PO1")
RETURNED = Declined(code=FailureCode.DECLINED, reference="PO1")


def _told(payout: Payout, outcome: Outcome = DONE, *, reference: str = "PO1", amount: int = 70_000) -> PayoutReported:
    return PayoutReported(
        payout_id=payout.id, reference=reference, amount=Money(amount, payout.amount.currency), outcome=outcome
    )


def _under_way(status: M = M.PROCESSING, **facts: object) -> tuple[WorkerOnFakes, Payout]:
    worker, payout = WorkerOnFakes(), a_payout(status=status, version=2, **facts)
    worker.books.put_payout(payout)
    return worker, payout


@pytest.mark.parametrize("status", [M.PENDING, M.PROCESSING, M.IN_DOUBT])
def test_a_callback_completes_its_payout(status: M) -> None:
    worker, payout = _under_way(status)

    message = worker.receive(_told(payout))
    worker.handle(message)

    after, event = worker.books.payout(payout), worker.event(message)
    assert (after.status, after.reference) == (M.SUCCEEDED, "PO1")
    assert (event.processed, event.result, event.transaction_id) == (True, "applied", None)
    assert worker.books.audit_types(payout) == ["webhook.received", "payout.completed"]


@pytest.mark.parametrize("order", list(permutations([AT_WORK, DONE, DONE, AT_WORK])), ids=lambda _: "")
def test_callbacks_in_any_order_complete_a_payout_once(order: tuple[Outcome, ...]) -> None:
    worker, payout = _under_way(M.IN_DOUBT)

    for outcome in order:
        worker.handle(worker.receive(_told(payout, outcome)))

    assert worker.books.payout(payout).status is M.SUCCEEDED
    assert worker.books.event_types(payout).count("payout.completed") == 1


def test_a_message_that_comes_twice_acts_once() -> None:
    worker, payout = _under_way()
    message = worker.receive(_told(payout))

    worker.handle(message)
    worker.handle(message)

    assert worker.books.audit_types(payout).count("webhook.received") == 1


def test_a_callback_before_the_answer_wins_over_a_lost_answer() -> None:
    worker, payout = WorkerOnFakes(InDoubt(reason="ReadTimeout")), a_payout()
    worker.provider.witness = lambda: worker.handle(worker.receive(_told(payout)))

    worker.send(payout)

    assert worker.books.payout(payout).status is M.SUCCEEDED
    assert worker.books.event_types(payout) == ["payout.processing", "payout.completed"]


def test_a_payout_that_is_returned_later_has_failed() -> None:
    worker, payout = _under_way()

    worker.handle(worker.receive(_told(payout)))
    worker.handle(worker.receive(_told(payout, RETURNED)))

    assert worker.books.payout(payout).status is M.FAILED
    assert worker.books.event_types(payout) == ["payout.completed", "payout.returned"]


def test_a_callback_is_matched_by_the_providers_reference_where_it_does_not_echo_our_id() -> None:
    worker, payout = _under_way(provider_payout_id="PO1")
    report = PayoutReported(payout_id=None, reference="PO1", amount=payout.amount, outcome=DONE)

    worker.handle(worker.receive(report))

    assert worker.books.payout(payout).status is M.SUCCEEDED


@pytest.mark.parametrize(
    ("told", "reason"),
    [({"amount": 70_001}, "amount"), ({"reference": "PO2"}, "reference")],
    ids=["amount", "reference"],
)
def test_a_callback_whose_facts_are_not_ours_is_believed_by_nobody_and_the_provider_is_asked(
    told: dict[str, object], reason: str
) -> None:
    worker, payout = _under_way(provider_payout_id="PO1")

    message = worker.receive(_told(payout, **told))  # type: ignore[arg-type] # a test names the facts
    worker.handle(message)

    after = worker.books.payout(payout)
    assert (after.status, after.next_check_at) == (M.PROCESSING, worker.clock.now())
    assert worker.event(message).result == f"refused: {reason}"


def test_a_callback_of_another_provider_is_refused() -> None:
    worker, payout = _under_way()

    message = worker.receive(_told(payout), provider="other")
    worker.handle(message)

    assert (worker.books.payout(payout).status, worker.event(message).result) == (M.PROCESSING, "refused: provider")


def test_a_callback_about_a_payout_that_nobody_knows_is_looked_at_again_later() -> None:
    worker = WorkerOnFakes()

    message = worker.receive(_told(a_payout()))
    worker.handle(message)

    event = worker.event(message)
    assert (event.processed, event.result, event.retry_count) == (False, "unmatched", 1)
    assert len(worker.books.outgoing) == 1
