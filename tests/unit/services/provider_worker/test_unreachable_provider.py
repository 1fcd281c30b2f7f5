"""A provider that stays away: tried as long as it makes sense, then over, with nothing sent and nothing left behind."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.messages.codec import decode
from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import NotSent, Succeeded
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction_status import TransactionStatus
from shared.provider_kit.provider import PaymentReported
from tests.fakes.clock import NOON
from tests.fakes.makers import a_payment, a_payout, a_refund
from tests.fakes.worker import WorkerOnFakes


@dataclass
class Away:
    """A worker whose provider refuses every connection."""

    worker: WorkerOnFakes

    def tries(self, start: Callable[[], object]) -> list[int]:
        """The minutes at which it was called, until nothing waits on the ladder any more."""
        for _ in range(10):
            self.worker.provider.will_answer(NotSent(reason="ConnectError"))
        handled, minutes = 0, [0]
        start()
        while len(retries := self._retries()) > handled:
            assert handled < 10
            retry = retries[handled]
            handled += 1
            self.worker.clock.advance(int(retry.exchange.removeprefix("gw.delay.")) / 1000)
            self.worker.handle(decode(retry.body))
            minutes.append(round((self.worker.clock.now() - NOON) / timedelta(minutes=1)))
        return minutes

    def _retries(self) -> list[Any]:
        return [each for each in self.worker.books.outgoing if each.exchange.startswith("gw.delay.")]


@pytest.fixture
def away() -> Away:
    return Away(WorkerOnFakes())


def test_a_payment_is_over_when_no_level_of_the_ladder_fits_into_its_hour_any_more(away: Away) -> None:
    worker, payment = away.worker, a_payment()

    assert away.tries(lambda: worker.start(payment)) == [0, 1, 6, 21]

    after = worker.books.payment(payment)
    assert (after.status, after.next_check_at) == (TransactionStatus.EXPIRED, None)
    assert after.failure is not None
    assert (after.failure.code, after.failure.provider_message) == (FailureCode.PROVIDER_UNAVAILABLE, "ConnectError")
    assert worker.books.database.committed.dead_letters == {}


def test_what_is_over_is_not_sent_hours_later_by_a_command_that_was_somewhere_else(away: Away) -> None:
    worker, payment = away.worker, a_payment()
    commands: list[Any] = []
    away.tries(lambda: commands.append(worker.start(payment)))
    assert len(worker.books.attempts(payment.id)) == 4

    worker.clock.advance(6 * 3600)
    worker.handle(commands[0])

    assert len(worker.books.attempts(payment.id)) == 4


def test_money_that_came_all_the_same_is_believed(away: Away) -> None:
    worker, payment = away.worker, a_payment()
    away.tries(lambda: worker.start(payment))
    told = Succeeded(reference="CP1")

    report = PaymentReported(transaction_id=payment.id, reference="CP1", amount=Money(100_000, "KES"), outcome=told)
    worker.handle(worker.receive(report))

    after = worker.books.payment(payment)
    assert (after.status, after.late) == (TransactionStatus.COMPLETED, True)


def test_a_refund_climbs_the_whole_ladder_and_then_fails(away: Away) -> None:
    worker, payment = away.worker, a_payment(status=TransactionStatus.COMPLETED, refund_pending=Money(40_000, "KES"))
    refund = a_refund(payment)

    assert away.tries(lambda: worker.refund(payment, refund)) == [0, 1, 6, 21, 81, 441]

    after = worker.books.refund(refund)
    assert after.failure is not None
    assert (after.status, after.failure.code) == (RefundStatus.FAILED, FailureCode.PROVIDER_UNAVAILABLE)
    assert worker.books.payment(payment).refund_pending == Money(0, "KES")
    assert worker.books.database.committed.dead_letters == {}


def test_a_payout_climbs_the_whole_ladder_and_then_fails(away: Away) -> None:
    worker, payout = away.worker, a_payout()

    assert away.tries(lambda: worker.send(payout)) == [0, 1, 6, 21, 81, 441]

    after = worker.books.payout(payout)
    assert after.failure is not None
    assert (after.status, after.failure.code) == (MovementStatus.FAILED, FailureCode.PROVIDER_UNAVAILABLE)
    assert worker.books.database.committed.dead_letters == {}
