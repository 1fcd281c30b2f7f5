"""A provider that asks us to come later is asked later, whatever it was about; nobody else waits for it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.application.resending import PARKED_GRACE
from shared.domain.money import Money
from shared.domain.outcome import NotSent, Succeeded
from shared.domain.transaction import CaptureMethod
from shared.domain.transaction_status import TransactionStatus
from tests.fakes.makers import a_capture, a_payment, a_payout, a_refund
from tests.fakes.worker import WorkerOnFakes

S = TransactionStatus
# Longer than the first level of the ladder, which is a minute; the next is five.
THROTTLED = NotSent(reason="http 429", retry_after_seconds=61)


def _payment(worker: WorkerOnFakes) -> None:
    worker.start(a_payment())


def _refund(worker: WorkerOnFakes) -> None:
    payment = a_payment(status=S.COMPLETED)
    worker.refund(payment, a_refund(payment))


def _capture(worker: WorkerOnFakes) -> None:
    payment = a_payment(
        status=S.AUTHORIZED,
        capture_method=CaptureMethod.MANUAL,
        capture_pending=Money(40_000, "KES"),
        provider_transaction_id="P1",
    )
    worker.capture(payment, a_capture(payment))


def _payout(worker: WorkerOnFakes) -> None:
    worker.send(a_payout())


@pytest.mark.parametrize("send", [_payment, _refund, _capture, _payout])
def test_a_throttle_delays_the_next_try_by_at_least_what_the_provider_wishes(
    send: Callable[[WorkerOnFakes], None],
) -> None:
    worker = WorkerOnFakes(THROTTLED)

    send(worker)

    assert [exchange for exchange, _ in worker.forwarded if exchange.startswith("gw.delay.")] == ["gw.delay.300000"]


def test_no_sweep_comes_before_a_throttled_payments_time() -> None:
    worker, payment = WorkerOnFakes(THROTTLED), a_payment()

    worker.start(payment)

    due_at = worker.clock.now() + timedelta(minutes=5)
    assert worker.books.payment(payment).next_check_at == due_at + PARKED_GRACE


def test_one_providers_throttle_delays_no_other_provider() -> None:
    throttled, other = WorkerOnFakes(THROTTLED), WorkerOnFakes(Succeeded(reference="P2"))
    payment = a_payment(provider="other")

    throttled.start(a_payment())
    other.start(payment)

    assert throttled.forwarded[-1] == ("gw.delay.300000", "gw.q.cmd.cpay")
    assert other.books.payment(payment).status is S.COMPLETED
    assert [exchange for exchange, _ in other.forwarded if exchange.startswith("gw.delay.")] == []
