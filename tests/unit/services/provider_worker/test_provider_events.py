"""Callbacks: each acts once, and only where its facts are ours."""

from datetime import timedelta

import pytest

from shared.application.rematching import rematch_delays_ms
from shared.contracts.messages.events import ProviderEventReceived
from shared.domain.errors import WebhookRejected
from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.outcome import Declined, Outcome, Pending, Succeeded
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.messaging.retry_ladder import DEFAULT_DELAYS_MS, RetryLadder
from shared.provider_kit.provider import (
    NothingReported,
    PaymentReported,
)
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON
from tests.fakes.makers import a_payment
from tests.fakes.worker import WorkerOnFakes

S = TransactionStatus
R = RefundStatus
DONE = Succeeded(reference="P1", answer={"told": "callback"})


def _report(payment: Transaction, outcome: Outcome = DONE, *, reference: str = "P1") -> PaymentReported:
    return PaymentReported(transaction_id=payment.id, reference=reference, amount=payment.amount, outcome=outcome)


def _under_way(reference: str | None = "P1") -> tuple[WorkerOnFakes, Transaction]:
    worker = WorkerOnFakes()
    payment = a_payment(status=S.PROCESSING, provider_transaction_id=reference, version=2)
    worker.books.put(payment)
    return worker, payment


def test_a_callback_completes_its_payment() -> None:
    worker, payment = _under_way()

    message = worker.receive(_report(payment))
    worker.handle(message)

    assert worker.books.payment(payment).status is S.COMPLETED
    event = worker.event(message)
    assert (event.processed, event.result, event.transaction_id) == (True, "applied", payment.id)


def test_the_audit_trail_says_who_brought_a_callback() -> None:
    worker, payment = WorkerOnFakes(), a_payment(status=S.PROCESSING)
    worker.books.put(payment)

    worker.handle(worker.receive(_report(payment)))

    received = worker.books.audit(payment)[0]
    assert (received.event_type, received.ip_address, received.user_agent) == (
        "webhook.received",
        "192.0.2.9",
        "cpay/1",
    )


def test_a_callback_is_in_the_audit_trail_before_what_it_did() -> None:
    worker, payment = _under_way()

    worker.handle(worker.receive(_report(payment)))

    assert worker.books.audit_types(payment) == ["webhook.received", "payment.completed"]


def test_a_message_that_comes_twice_acts_once() -> None:
    worker, payment = _under_way()
    message = worker.receive(_report(payment))

    for _ in range(3):
        worker.handle(message)

    assert worker.books.event_types(payment) == ["payment.completed"]
    assert worker.books.audit_types(payment).count("webhook.received") == 1


def test_another_callback_with_the_same_news_changes_nothing() -> None:
    worker, payment = _under_way()

    worker.handle(worker.receive(_report(payment)))
    worker.handle(worker.receive(_report(payment)))

    assert worker.books.event_types(payment) == ["payment.completed"]
    assert worker.books.payment(payment).captured == payment.amount


def test_a_callback_is_matched_by_the_providers_reference_where_it_does_not_echo_our_id() -> None:
    worker, payment = _under_way()
    report = PaymentReported(transaction_id=None, reference="P1", amount=payment.amount, outcome=DONE)

    worker.handle(worker.receive(report))

    assert worker.books.payment(payment).status is S.COMPLETED


def test_a_callback_before_the_providers_answer_completes_the_payment() -> None:
    worker, payment = _under_way(reference=None)

    worker.handle(worker.receive(_report(payment)))

    after = worker.books.payment(payment)
    assert (after.status, after.provider_transaction_id) == (S.COMPLETED, "P1")


def test_callbacks_in_the_wrong_order_end_in_success() -> None:
    worker, payment = _under_way()

    worker.handle(worker.receive(_report(payment)))
    worker.handle(worker.receive(_report(payment, Pending(reference="P1"))))

    assert worker.books.payment(payment).status is S.COMPLETED


def test_a_failure_reported_after_success_is_refused_and_audited() -> None:
    worker, payment = _under_way()

    worker.handle(worker.receive(_report(payment)))
    worker.handle(worker.receive(_report(payment, Declined(code=FailureCode.DECLINED))))

    after = worker.books.payment(payment)
    assert (after.status, after.provider_response) == (S.COMPLETED, {"told": "callback"})
    assert worker.books.audit_types(payment)[-1] == "outcome.refused"


def test_success_reported_after_failure_completes_the_payment_late() -> None:
    worker, payment = _under_way()

    worker.handle(worker.receive(_report(payment, Declined(code=FailureCode.DECLINED))))
    worker.handle(worker.receive(_report(payment)))

    after = worker.books.payment(payment)
    assert (after.status, after.late) == (S.COMPLETED, True)


def _refused(kind: str) -> tuple[WorkerOnFakes, Transaction, ProviderEventReceived]:
    worker, payment = _under_way()
    facts = {"reference": "P1", "amount": payment.amount}
    if kind == "amount":
        facts["amount"] = Money(payment.amount.amount_minor_units - 1, "KES")
    elif kind == "currency":
        facts["amount"] = Money(payment.amount.amount_minor_units, "USD")
    elif kind == "reference":
        facts["reference"] = "P2"
    report = PaymentReported(transaction_id=payment.id, outcome=DONE, **facts)  # type: ignore[arg-type] # by name
    message = worker.receive(report, provider="other" if kind == "provider" else "cpay")
    return worker, payment, message


MISMATCHES = [("amount", "amount"), ("currency", "amount"), ("reference", "reference"), ("provider", "provider")]


@pytest.mark.parametrize(("kind", "named"), MISMATCHES)
def test_facts_that_are_not_ours_are_believed_by_nobody(kind: str, named: str) -> None:
    worker, payment, message = _refused(kind)

    worker.handle(message)

    after = worker.books.payment(payment)
    assert (after.status, after.captured) == (S.PROCESSING, Money(0, "KES"))
    assert worker.books.event_types(payment) == []
    assert worker.event(message).result == f"refused: {named}"
    assert worker.books.audit(payment)[0].event_data["refused"] == named


@pytest.mark.parametrize("kind", [kind for kind, _ in MISMATCHES])
def test_after_facts_that_are_not_ours_the_provider_is_asked_at_once(kind: str) -> None:
    worker, payment, message = _refused(kind)
    worker.clock.advance(7)

    worker.handle(message)

    assert worker.books.payment(payment).next_check_at == NOON + timedelta(seconds=7)


def test_facts_that_are_not_ours_do_not_wake_a_finished_payment() -> None:
    worker = WorkerOnFakes()
    payment = a_payment(status=S.COMPLETED, provider_transaction_id="P1")
    worker.books.put(payment)

    worker.handle(worker.receive(_report(payment, reference="P2")))

    assert worker.books.payment(payment) == payment


def test_what_nobody_knows_is_looked_at_for_a_day() -> None:
    day_ms = timedelta(days=1) // timedelta(milliseconds=1)

    assert day_ms < sum(rematch_delays_ms(RetryLadder())) < 1.1 * day_ms


def _rung(message: ProviderEventReceived) -> ProviderEventReceived:
    """Because the provider has repeated its callback."""
    return message.model_copy(update={"message_id": new_id(), "causation_id": message.webhook_event_id})


def test_a_repetition_has_a_callback_looked_at_at_once() -> None:
    worker, payment = WorkerOnFakes(), a_payment(status=S.PROCESSING)
    message = worker.receive(_report(payment))
    worker.handle(message)
    worker.books.put(payment)

    worker.handle(_rung(message))

    assert worker.books.payment(payment).status is S.COMPLETED


def test_however_often_a_provider_repeats_what_nobody_knows_there_is_one_way_up_the_ladder() -> None:
    worker = WorkerOnFakes()
    message = worker.receive(_report(a_payment()))
    worker.handle(message)

    for _ in range(20):
        worker.handle(_rung(message))

    assert (len(worker.forwarded), worker.event(message).retry_count) == (1, 1)


def test_a_secret_in_a_callback_is_kept_until_it_is_applied_and_no_longer() -> None:
    worker, payment = WorkerOnFakes(), a_payment(status=S.PROCESSING)
    message = worker.receive(_report(payment), more={"object": {"client_secret": "pi_1_secret_2", "phone": "+254"}})
    worker.handle(message)
    assert "pi_1_secret_2" in str(worker.event(message).payload)
    worker.books.put(payment)

    worker.handle(message)

    assert worker.event(message).payload["object"] == {"client_secret": "[hidden]", "phone": "+254"}


@pytest.mark.parametrize(("tries_made", "delay_ms"), list(enumerate(DEFAULT_DELAYS_MS)))
def test_a_callback_that_nobody_knows_goes_up_the_ladder(tries_made: int, delay_ms: int) -> None:
    worker = WorkerOnFakes()
    message = worker.receive(_report(a_payment()))

    for _ in range(tries_made + 1):
        worker.handle(message)

    assert worker.forwarded[-1] == (f"gw.delay.{delay_ms}", "gw.q.hook.cpay")
    event = worker.event(message)
    assert (event.processed, event.result, event.retry_count) == (False, "unmatched", tries_made + 1)


def test_a_callback_that_nobody_ever_knows_stays_stored_and_visible() -> None:
    worker = WorkerOnFakes()
    message = worker.receive(_report(a_payment()))

    for _ in range(9):
        worker.handle(message)

    assert len(worker.forwarded) == 8
    event = worker.event(message)
    assert (event.processed, event.result, event.retry_count) == (False, "unmatched", 9)


def test_a_forwarded_callback_is_a_new_message_caused_by_the_first() -> None:
    worker = WorkerOnFakes()
    message = worker.receive(_report(a_payment()))

    worker.handle(message)

    (forwarded,) = worker.books.outgoing
    assert forwarded.message_id != message.message_id
    assert f'"causation_id":"{message.message_id}"'.encode() in forwarded.body


def test_a_callback_that_came_before_our_own_commit_is_applied_when_it_comes_again() -> None:
    worker, payment = WorkerOnFakes(), a_payment(status=S.PROCESSING)
    message = worker.receive(_report(payment))
    worker.handle(message)

    worker.books.put(payment)
    worker.handle(message)

    assert worker.books.payment(payment).status is S.COMPLETED
    assert worker.event(message).result == "applied"


def test_a_genuine_callback_about_nothing_of_ours_is_finished() -> None:
    worker = WorkerOnFakes()
    message = worker.receive(NothingReported(reason="unknown type"))

    worker.handle(message)

    event = worker.event(message)
    assert (event.processed, event.result) == (True, "nothing to do: unknown type")
    assert worker.forwarded == []


def test_a_callback_whose_payload_lacks_what_it_promises_stays_unprocessed() -> None:
    worker = WorkerOnFakes()
    message = worker.receive(WebhookRejected("no amount"))

    with pytest.raises(WebhookRejected):
        worker.handle(message)

    assert worker.event(message).processed is False


def test_a_message_about_no_stored_callback_does_nothing() -> None:
    worker = WorkerOnFakes()
    before = worker.books.database.committed.count()
    message = ProviderEventReceived(
        message_id=new_id(), occurred_at=NOON, correlation_id=new_id(), webhook_event_id=new_id(), provider="cpay"
    )

    worker.handle(message)

    assert worker.books.database.committed.count() == before


def test_no_provider_is_called_for_a_callback() -> None:
    worker, payment = _under_way()

    worker.handle(worker.receive(_report(payment)))

    assert worker.provider.asked == []
