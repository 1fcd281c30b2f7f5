"""Callbacks about refunds and captures: both they and their payment move, once."""

from dataclasses import replace

import pytest

from shared.domain.capture import Capture
from shared.domain.ids import CaptureId, RefundId, TransactionId
from shared.domain.money import Money
from shared.domain.outcome import Pending, Succeeded
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction import CaptureMethod, Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.provider_kit.provider import CaptureReported, PaymentReported, ProviderReport, RefundReported
from shared.runtime.identifiers import new_id
from tests.fakes.makers import a_capture, a_context, a_payment, a_refund
from tests.fakes.worker import WorkerOnFakes

S = TransactionStatus
R = RefundStatus


@pytest.mark.parametrize("echoes_our_id", [True, False])
def test_a_callback_about_a_refund_moves_refund_and_payment(echoes_our_id: bool) -> None:
    worker = WorkerOnFakes()
    payment = a_payment(status=S.COMPLETED, refund_pending=Money(40_000, "KES"))
    refund = a_refund(payment, status=R.PROCESSING, provider_refund_id="R1")
    worker.books.put(payment, refund)
    refund_id = RefundId(refund.id) if echoes_our_id else None

    message = worker.receive(_refund_report(refund_id, refund.amount))
    worker.handle(message)
    worker.handle(message)

    assert worker.books.refund(refund).status is R.SUCCEEDED
    after = worker.books.payment(payment)
    assert (after.status, after.refunded) == (S.PARTIALLY_REFUNDED, Money(40_000, "KES"))
    assert worker.event(message).transaction_id == TransactionId(payment.id)


def test_a_callback_about_a_refund_of_another_amount_is_refused() -> None:
    worker = WorkerOnFakes()
    payment = a_payment(status=S.COMPLETED, refund_pending=Money(40_000, "KES"))
    refund = a_refund(payment, status=R.PROCESSING)
    worker.books.put(payment, refund)

    worker.handle(worker.receive(_refund_report(refund.id, Money(40_001, "KES"))))

    assert worker.books.refund(refund).status is R.PROCESSING
    assert worker.books.payment(payment).refunded == Money(0, "KES")


def test_a_callback_about_an_unknown_refund_is_looked_at_again_later() -> None:
    worker = WorkerOnFakes()

    worker.handle(worker.receive(_refund_report(RefundId(new_id()), Money(1, "KES"))))

    assert worker.forwarded == [("gw.delay.60000", "gw.q.hook.cpay")]


def _refund_report(refund_id: RefundId | None, amount: Money) -> RefundReported:
    return RefundReported(
        refund_id=refund_id,
        reference="R1",
        payment_reference="P1",
        amount=amount,
        outcome=Succeeded(reference="R1"),
    )


def _capturing(*, is_final: bool = True) -> tuple[WorkerOnFakes, Transaction, Capture]:
    """KES 400 of a reserved KES 1000 are being captured."""
    worker = WorkerOnFakes()
    payment = a_payment(
        status=S.AUTHORIZED,
        capture_method=CaptureMethod.MANUAL,
        provider_transaction_id="P1",
        capture_pending=Money(40_000, "KES"),
    )
    capture = a_capture(payment, status=R.PROCESSING, is_final=is_final)
    worker.books.put(payment, capture)
    return worker, payment, capture


def _capture_report(capture: Capture, *, echoes_our_id: bool = True, amount: Money | None = None) -> CaptureReported:
    return CaptureReported(
        capture_id=CaptureId(capture.id) if echoes_our_id else None,
        reference="C1",
        payment_reference="P1",
        amount=amount or capture.amount,
        outcome=Succeeded(reference="C1"),
    )


@pytest.mark.parametrize("first", ["capture", "payment"])
def test_callbacks_about_a_capture_and_its_payment_count_the_money_once_in_both_orders(first: str) -> None:
    worker, payment, capture = _capturing()
    outcome = Succeeded(reference="P1", captured=capture.amount)
    of_payment = PaymentReported(transaction_id=payment.id, reference="P1", amount=payment.amount, outcome=outcome)
    reports: list[ProviderReport] = [_capture_report(capture), of_payment]

    for report in reports if first == "capture" else reversed(reports):
        message = worker.receive(report)
        worker.handle(message)
        worker.handle(message)

    after = worker.books.payment(payment)
    assert (after.status, after.captured, after.capture_pending) == (S.COMPLETED, capture.amount, Money(0, "KES"))


def test_a_callback_about_a_capture_is_matched_by_the_providers_reference() -> None:
    worker, payment, capture = _capturing(is_final=False)
    worker.books.apply(capture, Pending(reference="C1"), context=a_context())

    worker.handle(worker.receive(_capture_report(capture, echoes_our_id=False)))

    assert worker.books.capture(capture).status is R.SUCCEEDED
    assert worker.books.payment(payment).captured == capture.amount


def test_a_callback_about_a_capture_of_another_amount_is_refused() -> None:
    worker, payment, capture = _capturing()

    worker.handle(worker.receive(_capture_report(capture, amount=Money(40_001, "KES"))))

    assert worker.books.capture(capture).status is R.PROCESSING
    assert worker.books.payment(payment).captured == Money(0, "KES")


def test_a_callback_about_an_unknown_capture_is_looked_at_again_later() -> None:
    worker, _, capture = _capturing()
    unknown = replace(capture, id=CaptureId(new_id()))

    worker.handle(worker.receive(_capture_report(unknown)))

    assert worker.forwarded == [("gw.delay.60000", "gw.q.hook.cpay")]
