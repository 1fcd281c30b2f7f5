"""Sending money out, and asking about it: claimed before it is called, recorded after, never sent again blindly."""

from datetime import timedelta

import pytest

from shared.application.commands import next_payout_command
from shared.domain.failure import FailureCode
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.domain.payout import Payout
from shared.provider_kit.provider import PayoutQuery, PayoutRequest
from tests.fakes.clock import NOON
from tests.fakes.makers import a_payout
from tests.fakes.worker import LEASE_SECONDS, WorkerOnFakes

M = MovementStatus
DONE = Succeeded(reference="PO1")


def test_a_pending_payout_is_sent_and_succeeds() -> None:
    worker, payout = WorkerOnFakes(DONE), a_payout()

    worker.send(payout)

    after = worker.books.payout(payout)
    assert (after.status, after.reference, after.next_check_at) == (M.SUCCEEDED, "PO1", None)
    assert worker.books.event_types(payout) == ["payout.processing", "payout.completed"]
    assert worker.books.audit_types(payout) == ["payout.processing", "payout.completed"]


def test_the_provider_is_asked_for_exactly_this_payout() -> None:
    worker, payout = WorkerOnFakes(DONE), a_payout()

    worker.send(payout)

    assert worker.provider.questions == [
        PayoutRequest(
            payout_id=payout.id,
            idempotency_key=f"payout.initialize:{payout.id}",
            amount=payout.amount,
            recipient=payout.recipient,
            reason=payout.reason,
        )
    ]


def test_the_attempt_is_committed_and_no_transaction_open_when_the_provider_is_asked() -> None:
    worker, payout = WorkerOnFakes(DONE), a_payout()
    worker.provider.witness = lambda: (
        [(each.payout_id, each.transaction_id) for each in worker.books.attempts_of_payout(payout)],
        worker.books.payout(payout).status,
        worker.books.payout(payout).next_check_at,
        worker.books.database.open_transactions,
    )

    worker.send(payout)

    due = NOON + timedelta(seconds=LEASE_SECONDS + 5)
    assert [each.seen for each in worker.provider.asked] == [([(payout.id, None)], M.PROCESSING, due, 0)]


def test_the_events_of_a_payout_are_numbered_without_a_hole() -> None:
    worker, payout = WorkerOnFakes(NotSent(reason="ConnectError"), InDoubt(reason="x"), DONE), a_payout(version=1)
    command = worker.send(payout)
    worker.handle(command)
    worker.check_payout(payout)

    events = worker.books.events(payout)

    assert [event.sequence for event in events] == list(range(2, 2 + len(events)))
    assert worker.books.payout(payout).version == events[-1].sequence == events[-1].data["sequence"]
    assert [each.sequence for each in worker.books.announced_payouts] == [event.sequence for event in events]


def test_a_command_that_comes_twice_is_done_once() -> None:
    worker, payout = WorkerOnFakes(DONE), a_payout()

    command = worker.send(payout)
    worker.handle(command)

    assert len(worker.provider.asked) == 1


@pytest.mark.parametrize("status", sorted(set(M) - {M.PENDING}))
def test_only_a_pending_payout_is_sent(status: M) -> None:
    worker, payout = WorkerOnFakes(), a_payout(status=status)
    worker.books.put_payout(payout)

    worker.handle(next_payout_command(a_payout(id=payout.id), NOON))

    assert worker.provider.asked == []


def test_a_command_that_comes_after_the_payout_has_expired_is_not_sent() -> None:
    worker, payout = WorkerOnFakes(), a_payout(expires_at=NOON)

    worker.send(payout)

    after = worker.books.payout(payout)
    assert after.failure is not None
    assert (after.status, after.failure.code) == (M.FAILED, FailureCode.EXPIRED)


def test_a_command_about_a_payout_that_nobody_knows_does_nothing() -> None:
    worker = WorkerOnFakes()

    worker.handle(next_payout_command(a_payout(), NOON))
    worker.handle(next_payout_command(a_payout(status=M.IN_DOUBT), NOON))

    assert worker.provider.asked == []


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (DONE, M.SUCCEEDED),
        (Pending(reference="PO1"), M.PROCESSING),
        (Declined(code=FailureCode.DECLINED), M.FAILED),
        (NotSent(reason="ConnectError"), M.PENDING),
        (InDoubt(reason="ReadTimeout"), M.IN_DOUBT),
        (ValueError("a bug"), M.IN_DOUBT),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_answer_leads_where_it_must(answer: Outcome | Exception, status: M) -> None:
    worker, payout = WorkerOnFakes(answer), a_payout()

    worker.send(payout)

    after = worker.books.payout(payout)
    assert after.status is status
    assert (after.next_check_at is None) == (status in {M.SUCCEEDED, M.FAILED})


def test_a_check_asks_with_the_providers_reference() -> None:
    worker, payout = WorkerOnFakes(Pending(reference="PO1"), DONE), a_payout()
    worker.send(payout)

    worker.check_payout(payout)

    assert worker.provider.questions[-1] == PayoutQuery(payout_id=payout.id, amount=payout.amount, reference="PO1")
    assert worker.books.payout(payout).status is M.SUCCEEDED


@pytest.mark.parametrize(
    "silence", [InDoubt(reason="ReadTimeout"), NotSent(reason="ConnectError")], ids=["doubt", "away"]
)
def test_a_payout_whose_reference_is_known_is_asked_about_and_never_sent_again(silence: Outcome) -> None:
    worker, payout = WorkerOnFakes(silence, silence, silence), a_payout()
    worker.books.put_payout(a_payout(id=payout.id, status=M.IN_DOUBT, provider_payout_id="PO1"))

    for _ in range(3):
        worker.check_payout(payout)

    assert {type(each) for each in worker.provider.questions} == {PayoutQuery}
    assert worker.books.payout(payout).status is M.IN_DOUBT
    assert worker.books.commands == []


def test_a_doubt_is_not_sent_again_until_the_provider_proves_that_it_has_nothing() -> None:
    answers = (InDoubt(reason="x"), InDoubt(reason="y"), NotSent(reason="not_found"), DONE)
    worker, payout = WorkerOnFakes(*answers), a_payout()
    worker.send(payout)
    worker.check_payout(payout)
    assert worker.books.commands == []

    worker.check_payout(payout)
    worker.handle(worker.books.commands[-1])

    sent = [each for each in worker.provider.questions if isinstance(each, PayoutRequest)]
    assert [each.idempotency_key for each in sent] == [f"payout.initialize:{payout.id}"] * 2
    assert worker.books.payout(payout).status is M.SUCCEEDED


def _frozen(worker: WorkerOnFakes) -> None:
    """The worker's lease runs out while it waits for the answer, and the relay takes over."""

    def freeze() -> None:
        worker.let_the_lease_run_out()
        assert worker.sweep_leases() == 1

    worker.provider.witness = freeze


def test_a_payout_whose_worker_died_is_in_doubt_and_is_asked_about() -> None:
    worker, payout = WorkerOnFakes(DONE), a_payout()
    _frozen(worker)

    worker.send(payout)

    after = worker.books.payout(payout)
    assert (after.status, after.next_check_at) == (M.IN_DOUBT, worker.clock.now())
    assert worker.books.audit_types(payout)[-2:] == ["payout.in_doubt", "attempt.late_answer"]
    assert worker.books.commands == []


def test_a_late_answer_of_a_payout_that_others_finished_changes_nothing() -> None:
    worker, payout = WorkerOnFakes(Declined(code=FailureCode.DECLINED)), a_payout()

    def finish_meanwhile() -> None:
        worker.let_the_lease_run_out()
        worker.sweep_leases()
        worker.books.apply(payout, DONE, context=worker.attempts.context(None))

    worker.provider.witness = finish_meanwhile
    worker.send(payout)

    after = worker.books.payout(payout)
    assert (after.status, after.failure, after.next_check_at) == (M.SUCCEEDED, None, None)


def test_a_retry_that_comes_when_the_provider_may_have_forgotten_the_key_is_set_aside() -> None:
    worker, payout = (
        WorkerOnFakes(NotSent(reason="ConnectError"), window_hours=24),
        a_payout(expires_at=NOON + timedelta(days=9)),
    )
    command = worker.send(payout)

    worker.clock.advance(23 * 3600)
    worker.handle(command)

    after = worker.books.payout(payout)
    assert (len(worker.provider.asked), after.status) == (1, M.PENDING)
    assert after.review_since == worker.clock.now()
    assert worker.books.event_types(payout)[-1] == "payout.needs_review"


def _finished(status: M) -> Payout:
    return a_payout(status=status, provider_payout_id="PO1")


@pytest.mark.parametrize("status", [M.SUCCEEDED, M.FAILED])
def test_a_finished_payout_is_asked_about_only_where_the_books_differ(status: M) -> None:
    worker, payout = WorkerOnFakes(), _finished(status)
    worker.books.put_payout(payout)

    worker.check_payout(payout)

    assert worker.provider.asked == []
