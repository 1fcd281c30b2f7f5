"""Starting a payment and asking about it: claimed before the call, recorded after, never taken twice."""

from datetime import timedelta

import pytest

from shared.application.commands import next_payment_command
from shared.contracts.messages.commands import VerifyPayment
from shared.domain.failure import FailureCode
from shared.domain.outcome import Declined, InDoubt, NotSent, Pending, Succeeded
from shared.domain.transaction_status import TransactionStatus
from shared.provider_kit.provider import PaymentQuery, PaymentRequest
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON
from tests.fakes.makers import a_payment
from tests.fakes.worker import LEASE_SECONDS, WorkerOnFakes

S = TransactionStatus
DONE = Succeeded(reference="P1", answer={"told": "new"})
NEVER = NOON + timedelta(days=365)


def test_a_pending_payment_is_sent_and_completes() -> None:
    worker, payment = WorkerOnFakes(DONE), a_payment()

    worker.start(payment)

    assert worker.books.payment(payment).status is S.COMPLETED
    assert worker.books.event_types(payment) == ["payment.processing", "payment.completed"]


def test_the_provider_is_asked_for_exactly_this_payment() -> None:
    worker, payment = WorkerOnFakes(DONE), a_payment(metadata={"order": "7"})

    worker.start(payment)

    assert worker.provider.questions == [
        PaymentRequest(
            transaction_id=payment.id,
            idempotency_key=f"payment.initialize:{payment.id}",
            amount=payment.amount,
            customer=payment.customer,
            metadata={"order": "7"},
        )
    ]


def test_the_attempt_and_the_move_are_committed_before_the_provider_is_asked() -> None:
    worker, payment = WorkerOnFakes(DONE), a_payment()
    worker.provider.witness = lambda: (
        [(each.number, each.finished_at) for each in worker.books.database.committed.attempts.values()],
        worker.books.payment(payment).status,
        worker.books.event_types(payment),
    )

    worker.start(payment)

    assert [each.seen for each in worker.provider.asked] == [([(1, None)], S.PROCESSING, ["payment.processing"])]


def test_no_transaction_is_open_while_the_provider_is_asked() -> None:
    worker, payment = WorkerOnFakes(DONE), a_payment()
    worker.provider.witness = lambda: worker.books.database.open_transactions

    worker.start(payment)

    assert [each.seen for each in worker.provider.asked] == [0]


def test_an_attempt_is_its_workers_for_as_long_as_its_lease() -> None:
    worker, payment = WorkerOnFakes(InDoubt(reason="ReadTimeout")), a_payment()

    worker.start(payment)

    (attempt,) = worker.books.attempts(payment.id)
    assert (attempt.started_at, attempt.lease_until) == (NOON, NOON + timedelta(seconds=LEASE_SECONDS))


def test_the_sweep_leaves_a_payment_alone_until_its_lease_is_over() -> None:
    worker, payment = WorkerOnFakes(DONE), a_payment()
    worker.provider.witness = lambda: worker.books.payment(payment).next_check_at

    worker.start(payment)

    assert [each.seen for each in worker.provider.asked] == [NOON + timedelta(seconds=LEASE_SECONDS + 5)]


def test_what_came_of_an_attempt_is_written_beside_it() -> None:
    worker, payment = WorkerOnFakes(NotSent(reason="ConnectError")), a_payment()

    worker.start(payment)

    (attempt,) = worker.books.attempts(payment.id)
    assert (attempt.finished_at, attempt.outcome, attempt.reason) == (NOON, "NotSent", "ConnectError")


def test_a_command_that_comes_twice_is_done_once() -> None:
    worker, payment = WorkerOnFakes(DONE), a_payment()

    command = worker.start(payment)
    worker.handle(command)
    worker.handle(command)

    assert len(worker.provider.asked) == 1
    assert len(worker.books.attempts(payment.id)) == 1


@pytest.mark.parametrize("status", sorted(set(S) - {S.PENDING}))
def test_only_a_pending_payment_is_sent(status: S) -> None:
    worker, payment = WorkerOnFakes(), a_payment(status=status)
    command = next_payment_command(a_payment(id=payment.id), NOON)
    worker.books.put(payment)

    worker.handle(command)

    assert worker.provider.asked == []
    assert worker.books.payment(payment) == payment


def test_a_command_for_an_unknown_payment_does_nothing() -> None:
    worker = WorkerOnFakes()
    before = worker.books.database.committed.count()

    worker.handle(next_payment_command(a_payment(), NOON))
    worker.handle(next_payment_command(a_payment(status=S.PROCESSING), NOON))

    assert worker.books.database.committed.count() == before


def test_a_second_worker_that_gets_the_command_during_the_call_does_nothing() -> None:
    worker, payment = WorkerOnFakes(DONE), a_payment()
    command = next_payment_command(payment, NOON)
    worker.provider.witness = lambda: worker.handle(command)

    worker.start(payment)

    assert len(worker.provider.asked) == 1


@pytest.mark.parametrize(("seconds_late", "is_sent"), [(-1, True), (0, False), (60, False)])
def test_a_payment_whose_time_is_over_is_not_sent_any_more(seconds_late: int, is_sent: bool) -> None:
    worker = WorkerOnFakes(DONE)
    payment = a_payment(expires_at=NOON - timedelta(seconds=seconds_late))

    worker.start(payment)

    assert bool(worker.provider.asked) is is_sent
    after = worker.books.payment(payment)
    assert after.status is (S.COMPLETED if is_sent else S.EXPIRED)
    assert bool(worker.books.attempts(payment.id)) is is_sent


def test_an_adapter_that_fails_leaves_a_doubt_and_no_failure() -> None:
    worker, payment = WorkerOnFakes(KeyError("bug")), a_payment()

    worker.start(payment)

    assert worker.books.payment(payment).status is S.IN_DOUBT
    (attempt,) = worker.books.attempts(payment.id)
    assert (attempt.outcome, attempt.reason) == ("InDoubt", "adapter failed: KeyError")


def test_the_providers_key_is_the_same_over_all_attempts_of_a_payment() -> None:
    worker = WorkerOnFakes(NotSent(reason="x"), NotSent(reason="x"), DONE)
    payment = a_payment(expires_at=NEVER)

    worker.start(payment)
    worker.handle(worker.books.commands[-1])
    worker.handle(worker.books.commands[-1])

    asked = [each for each in worker.provider.questions if isinstance(each, PaymentRequest)]
    assert len(asked) == 3
    assert {each.idempotency_key for each in asked} == {f"payment.initialize:{payment.id}"}
    assert [each.number for each in worker.books.attempts(payment.id)] == [1, 2, 3]


def test_a_payment_that_is_never_sent_goes_up_the_whole_ladder_and_expires() -> None:
    worker = WorkerOnFakes(*[NotSent(reason="ConnectError")] * 6)
    payment = a_payment(expires_at=NEVER)

    worker.start(payment)
    for _ in range(5):
        worker.handle(worker.books.commands[-1])

    assert [message.exchange for message in worker.books.outgoing] == [
        f"gw.delay.{delay}" for delay in (60_000, 300_000, 900_000, 3_600_000, 21_600_000)
    ]
    assert worker.books.payment(payment).status is S.EXPIRED


def test_a_check_asks_with_the_providers_reference() -> None:
    worker = WorkerOnFakes(Pending(reference="P1"), DONE)
    payment = a_payment()
    worker.start(payment)

    worker.check(payment)

    assert worker.provider.questions[-1] == PaymentQuery(
        transaction_id=payment.id, amount=payment.amount, reference="P1", created_at=payment.created_at
    )
    assert worker.books.payment(payment).status is S.COMPLETED


def test_a_check_is_an_attempt_of_its_own_and_does_not_climb_the_ladder() -> None:
    worker = WorkerOnFakes(InDoubt(reason="x"), NotSent(reason="not_found"), NotSent(reason="ConnectError"))
    payment = a_payment(expires_at=NEVER)

    worker.start(payment)
    worker.check(payment)
    worker.handle(worker.books.commands[-1])

    found = [(each.operation.value, each.number) for each in worker.books.attempts(payment.id)]
    assert sorted(found) == [("payment.initialize", 1), ("payment.initialize", 2), ("payment.verify", 1)]
    # The second try that was not sent waits on the second level.
    assert worker.books.outgoing[-1].exchange == "gw.delay.300000"


@pytest.mark.parametrize("status", sorted(set(S) - {S.PROCESSING, S.REQUIRES_ACTION, S.AUTHORIZED, S.IN_DOUBT}))
def test_only_what_is_under_way_is_asked_about(status: S) -> None:
    worker, payment = WorkerOnFakes(), a_payment(status=status)
    worker.books.put(payment)
    command = VerifyPayment(
        message_id=new_id(), occurred_at=NOON, correlation_id=payment.id, transaction_id=payment.id, provider="cpay"
    )

    worker.handle(command)

    assert worker.provider.asked == []
    assert worker.books.attempts(payment.id) == []


def test_a_decline_is_final_and_makes_no_command() -> None:
    worker = WorkerOnFakes(Declined(code=FailureCode.DECLINED, provider_message="No"))
    payment = a_payment()

    worker.start(payment)

    assert worker.books.payment(payment).status is S.FAILED
    assert worker.books.outgoing == []
    assert worker.books.attempts(payment.id)[0].reason == "No"


def test_an_early_callback_and_the_answer_complete_a_payment_once() -> None:
    worker, payment = WorkerOnFakes(Pending(reference="P1")), a_payment()

    def callback_arrives() -> None:
        worker.books.apply(payment, DONE, context=worker.attempts.context(None))

    worker.provider.witness = callback_arrives
    worker.start(payment)

    after = worker.books.payment(payment)
    assert (after.status, after.captured) == (S.COMPLETED, payment.amount)
    assert worker.books.event_types(payment) == ["payment.processing", "payment.completed"]


def test_a_retry_that_comes_when_the_provider_may_have_forgotten_the_key_is_set_aside() -> None:
    worker = WorkerOnFakes(NotSent(reason="ConnectError"), window_hours=24)
    payment = a_payment(expires_at=NOON + timedelta(days=9))
    command = worker.start(payment)

    worker.clock.advance(23 * 3600)
    worker.handle(command)

    after = worker.books.payment(payment)
    assert (len(worker.provider.asked), after.status) == (1, TransactionStatus.PENDING)
    assert after.review_since == worker.clock.now()
