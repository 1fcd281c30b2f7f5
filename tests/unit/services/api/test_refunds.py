"""Accepting a refund: together they never exceed what was taken."""

import threading
from uuid import UUID

import pytest

from shared.contracts.messages.commands import RefundPayment
from shared.domain.failure import FailureCode
from shared.domain.outcome import Declined, Succeeded
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import REFUNDABLE, TransactionStatus
from tests.fakes.api import ApiOnFakes, pointers, problem
from tests.fakes.makers import a_context, a_payment


@pytest.fixture
def api() -> ApiOnFakes:
    return ApiOnFakes()


def _payment(api: ApiOnFakes, payment_id: str) -> Transaction:
    return api.books.database.committed.transactions[UUID(payment_id)]


def _body(amount: object, reason: str = "Customer request") -> dict[str, object]:
    return {"amount": amount, "reason": reason}


def test_an_accepted_refund_reads_as_it_was_asked_for(api: ApiOnFakes) -> None:
    payment_id = api.completed()

    refund = api.refund(payment_id, _body("400.00")).get_json()

    assert (refund["status"], refund["transaction_id"], refund["reason"]) == ("pending", payment_id, "Customer request")
    assert (refund["amount"], refund["amount_minor"], refund["currency"]) == ("400.00", 40_000, "KES")


def test_an_accepted_refund_is_promised_recorded_and_sent(api: ApiOnFakes) -> None:
    payment_id = api.completed()

    refund = api.refund(payment_id, _body(400)).get_json()

    payment = _payment(api, payment_id)
    assert (payment.refund_pending.amount_minor_units, payment.status) == (40_000, TransactionStatus.COMPLETED)
    assert [(event.sequence, event.event_type) for event in api.books.events(payment)] == [
        (1, "payment.initiated"),
        (2, "payment.completed"),
        (3, "refund.initiated"),
    ]
    command = api.books.commands[-1]
    assert isinstance(command, RefundPayment)
    assert str(command.refund_id) == refund["id"]


@pytest.mark.parametrize(("amount", "status"), [("1000.00", 202), ("1000.01", 422), (0.01, 202), (10**9, 422)])
def test_a_refund_is_at_most_what_was_taken(api: ApiOnFakes, amount: object, status: int) -> None:
    payment_id = api.completed()
    before = api.stored

    response = api.refund(payment_id, _body(amount))

    assert response.status_code == status
    if status == 422:
        body = problem(response, 422, "refund_exceeds_payment")
        assert pointers(body) == ["/amount"]
        assert "1000.00" in body["errors"][0]["detail"]
        assert (api.stored, _payment(api, payment_id).refund_pending.amount_minor_units) == (before, 0)


def test_what_is_promised_to_one_refund_is_not_promised_to_another(api: ApiOnFakes) -> None:
    payment_id = api.completed()
    assert api.refund(payment_id, _body(600)).status_code == 202

    problem(api.refund(payment_id, _body("400.01")), 422, "refund_exceeds_payment")
    assert api.refund(payment_id, _body(400)).status_code == 202
    problem(api.refund(payment_id, _body("0.01")), 422, "refund_exceeds_payment")


def test_what_a_failed_refund_frees_can_be_refunded_again(api: ApiOnFakes) -> None:
    payment_id = api.completed()
    api.refund(payment_id, _body(1000))
    (refund,) = api.books.database.committed.refunds.values()

    api.books.apply(refund, Declined(code=FailureCode.REFUND_NOT_POSSIBLE), context=a_context())

    assert api.refund(payment_id, _body(1000)).status_code == 202


def test_a_payment_that_was_given_back_can_be_refunded_no_more(api: ApiOnFakes) -> None:
    payment_id = api.completed()
    api.refund(payment_id, _body(1000))
    (refund,) = api.books.database.committed.refunds.values()
    api.books.apply(refund, Succeeded(reference="R1"), context=a_context())

    problem(api.refund(payment_id, _body(1)), 409, "refund_not_possible")


@pytest.mark.parametrize("status", sorted(set(TransactionStatus) - REFUNDABLE))
def test_only_what_was_taken_can_be_refunded(api: ApiOnFakes, status: TransactionStatus) -> None:
    payment = a_payment(status=status)
    api.books.put(payment)
    before = api.stored

    body = problem(api.refund(payment.id, _body(1)), 409, "refund_not_possible")

    assert body["retryable"] is False
    assert api.stored == before


@pytest.mark.parametrize("amount", ["0.001", "10.501"])
def test_a_refund_has_the_decimal_places_of_its_payments_currency(api: ApiOnFakes, amount: str) -> None:
    payment_id = api.completed()

    assert pointers(problem(api.refund(payment_id, _body(amount)), 422, "validation_failed")) == ["/amount"]


def test_refunds_that_come_all_at_once_never_exceed_what_was_taken(api: ApiOnFakes) -> None:
    payment_id = api.completed()
    statuses: list[int] = []
    together = threading.Barrier(8)

    def refund() -> None:
        together.wait()
        statuses.append(api.refund(payment_id, _body(300)).status_code)

    threads = [threading.Thread(target=refund) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [202] * 3 + [422] * 5
    payment = _payment(api, payment_id)
    assert payment.refund_pending.amount_minor_units == 90_000
    sequences = [event.sequence for event in api.books.events(payment)]
    assert sequences == list(range(1, payment.version + 1))
