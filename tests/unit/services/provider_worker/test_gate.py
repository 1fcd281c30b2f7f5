"""The way to the provider: what a breaker and our own limit let through, and what they hear of it."""

import pytest

from services.provider_worker.gate import ProviderGate
from shared.coordination.buckets import Bucket, LocalBucket, Turn, Unlimited
from shared.domain.attempt import Operation
from shared.domain.failure import FailureCode
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import Authorized, Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.domain.transaction_status import TransactionStatus
from tests.fakes.breakers import BreakersInMemory
from tests.fakes.makers import a_payment, a_payout, a_refund
from tests.fakes.provider import Answer
from tests.fakes.worker import WorkerOnFakes

S = TransactionStatus
MOVE, ASK = Operation.INITIALIZE_PAYMENT, Operation.VERIFY_PAYMENT
DONE = Succeeded(reference="P1")


class Full:
    """A bucket with nothing in it for the next 3.2 seconds."""

    def reserve(self) -> Turn:
        return Turn(is_granted=False, wait_seconds=3.2)


class Gated:
    """A worker behind the gate; ``slept`` is how long its calls waited."""

    def __init__(self, *answers: Answer, bucket: Bucket | None = None) -> None:
        self.breakers, self.slept = BreakersInMemory(), list[float]()
        gate = ProviderGate(self.breakers, bucket or Unlimited(), self.slept.append)
        self.worker = WorkerOnFakes(*answers, gate=gate)

    def open(self) -> None:
        self.breakers.open.add("cpay")


def test_while_a_breaker_is_open_nothing_is_sent_and_the_payment_waits_for_its_next_try() -> None:
    gated, payment = Gated(), a_payment()
    gated.open()

    gated.worker.start(payment)

    (attempt,) = gated.worker.books.attempts(payment.id)
    assert (attempt.outcome, attempt.reason) == ("NotSent", "breaker open")
    assert gated.worker.books.payment(payment).status is S.PENDING
    assert gated.worker.provider.asked == []
    assert [message.exchange for message in gated.worker.books.outgoing][-1] == "gw.delay.60000"


def test_a_call_that_an_open_breaker_refuses_tells_it_nothing() -> None:
    gated, payment = Gated(), a_payment()
    gated.open()

    gated.worker.start(payment)

    assert gated.breakers.told == []


def test_what_was_not_sent_for_an_open_breaker_is_sent_when_it_is_closed() -> None:
    gated, payment = Gated(DONE), a_payment()
    gated.open()
    command = gated.worker.start(payment)
    gated.breakers.open.clear()

    gated.worker.handle(command)

    assert gated.worker.books.payment(payment).status is S.COMPLETED
    assert len(gated.worker.provider.asked) == 1


def test_while_a_breaker_is_open_a_refund_and_a_payout_wait_too() -> None:
    gated, payment, payout = Gated(), a_payment(status=S.COMPLETED), a_payout()
    refund = a_refund(payment)
    gated.open()

    gated.worker.refund(payment, refund)
    gated.worker.send(payout)

    assert gated.worker.books.refund(refund).status is MovementStatus.PENDING
    assert gated.worker.books.payout(payout).status is MovementStatus.PENDING


@pytest.mark.parametrize("bucket", [Unlimited(), Full()], ids=["breaker open", "our own limit"])
def test_a_query_that_was_not_made_is_no_proof_that_there_is_nothing(bucket: Bucket) -> None:
    gated, payment = Gated(bucket=bucket), a_payment(status=S.IN_DOUBT)
    gated.worker.books.put(payment)
    if isinstance(bucket, Unlimited):
        gated.open()

    gated.worker.check(payment)

    (attempt,) = gated.worker.books.attempts(payment.id)
    assert attempt.outcome == "InDoubt"
    assert str(attempt.reason).startswith("not asked: ")
    after = gated.worker.books.payment(payment)
    assert (after.status, after.review_since) == (S.IN_DOUBT, None)
    assert after.next_check_at is not None


def test_a_query_that_a_frozen_worker_did_not_make_is_no_proof_that_there_is_nothing() -> None:
    worker, payment = WorkerOnFakes(), a_payment(status=S.IN_DOUBT)
    worker.books.put(payment)
    with worker.books.unit_of_work() as work:
        locked = work.transactions.lock(payment.id)
        assert locked is not None
        attempt = worker.attempts.begin(work, locked, ASK)
        work.commit()
    worker.let_the_lease_run_out()

    worker.attempts.call(attempt, lambda: pytest.fail("was asked"))

    assert worker.books.payment(payment).status is S.IN_DOUBT


@pytest.mark.parametrize("noun", ["payment", "refund"])
def test_the_last_check_of_the_schedule_parks_nothing_when_it_was_not_made(noun: str) -> None:
    gated = Gated()
    spent = {"checks_made": 20, "next_check_at": gated.worker.clock.now()}
    payment = a_payment(status=S.IN_DOUBT if noun == "payment" else S.COMPLETED, **spent)
    refund = a_refund(payment, status=MovementStatus.IN_DOUBT, **spent)
    gated.worker.books.put(payment, refund)
    gated.worker.clock.advance(7 * 86_400)
    gated.open()

    if noun == "payment":
        gated.worker.check(payment)
    else:
        gated.worker.check_refund(refund)

    after = gated.worker.books.payment(payment) if noun == "payment" else gated.worker.books.refund(refund)
    assert after.review_since is None
    assert after.next_check_at is not None
    assert after.next_check_at > gated.worker.clock.now()


@pytest.mark.parametrize(
    ("operation", "outcome", "heard"),
    [
        (MOVE, DONE, "succeeded"),
        (MOVE, Authorized(reference="P1"), "succeeded"),
        (MOVE, Pending(reference="P1"), "succeeded"),
        (MOVE, Declined(code=FailureCode.DECLINED), "succeeded"),
        (MOVE, NotSent(reason="http 429", retry_after_seconds=30), "succeeded"),
        (MOVE, NotSent(reason="http 429"), "failed"),
        (MOVE, NotSent(reason="ConnectError"), "failed"),
        (MOVE, NotSent(reason="misconfigured: http 401"), "succeeded"),
        (MOVE, InDoubt(reason="ReadTimeout"), "failed"),
        (ASK, NotSent(reason="not_found"), "succeeded"),
        (ASK, Declined(code=FailureCode.DECLINED), "succeeded"),
        (ASK, InDoubt(reason="http 500"), "failed"),
    ],
    ids=lambda value: getattr(value, "reason", None) or (value if isinstance(value, str) else type(value).__name__),
)
def test_a_breaker_hears_failed_only_of_what_is_ours_to_fear(
    operation: Operation, outcome: Outcome, heard: str
) -> None:
    gated = Gated(outcome)
    payment = a_payment(status=S.IN_DOUBT if operation.asks else S.PENDING)
    gated.worker.books.put(payment)

    gated.worker.check(payment)

    assert gated.breakers.told == [(heard, "cpay")]


def test_an_adapter_that_breaks_counts_as_a_failure() -> None:
    gated, payment = Gated(ValueError("a bug")), a_payment()

    gated.worker.start(payment)

    assert gated.breakers.told == [("failed", "cpay")]
    assert gated.worker.books.payment(payment).status is S.IN_DOUBT


def test_a_call_beyond_our_own_limit_is_not_made_and_another_may_probe() -> None:
    gated, payment = Gated(bucket=Full()), a_payment()

    gated.worker.start(payment)

    (attempt,) = gated.worker.books.attempts(payment.id)
    assert (attempt.outcome, attempt.reason) == ("NotSent", "our own limit")
    assert gated.breakers.told == [("withdrawn", "cpay")]
    assert gated.worker.provider.asked == []


def test_a_call_whose_turn_comes_soon_waits_for_it() -> None:
    bucket = LocalBucket(calls_per_second=1, burst=1, monotonic=lambda: 100.0)
    gated = Gated(DONE, Succeeded(reference="P2"), bucket=bucket)

    gated.worker.start(a_payment())
    gated.worker.start(a_payment())

    assert gated.slept == [1.0]
    assert len(gated.worker.provider.asked) == 2


def test_a_local_bucket_gives_its_burst_at_once_and_then_its_rate() -> None:
    now = [0.0]
    bucket = LocalBucket(calls_per_second=2, burst=3, monotonic=lambda: now[0])

    turns = [bucket.reserve() for _ in range(8)]

    assert [turn.wait_seconds for turn in turns] == [0, 0, 0, 0.5, 1, 1.5, 2, 2.5]
    assert [turn.is_granted for turn in turns] == [True] * 7 + [False]

    now[0] = 100
    assert [bucket.reserve().wait_seconds for _ in range(4)] == [0, 0, 0, 0.5]
