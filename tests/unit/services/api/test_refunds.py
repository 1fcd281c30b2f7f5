"""Accepting a refund: together they never exceed what was taken."""

import threading
from uuid import UUID, uuid4

import pytest

from services.api.idempotency import fingerprint_of
from shared.contracts.messages.commands import RefundPayment
from shared.domain.failure import FailureCode
from shared.domain.outcome import Declined, Succeeded
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import REFUNDABLE, UNFINISHED, TransactionStatus
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


@pytest.mark.parametrize("status", sorted(set(TransactionStatus) - REFUNDABLE - UNFINISHED))
def test_only_what_was_taken_can_be_refunded(api: ApiOnFakes, status: TransactionStatus) -> None:
    payment = a_payment(status=status)
    api.books.put(payment)
    before = api.stored

    body = problem(api.refund(payment.id, _body(1)), 409, "refund_not_possible")

    assert body["retryable"] is False
    assert api.stored == before


@pytest.mark.parametrize("believed", ["1000.00", 1000, "1000"])
def test_a_merchant_who_knows_what_is_left_gets_the_refund(api: ApiOnFakes, believed: object) -> None:
    payment_id = api.completed()

    assert api.refund(payment_id, _body(300) | {"amount_available": believed}).status_code == 202
    assert api.refund(payment_id, _body(300) | {"amount_available": "700.00"}).status_code == 202
    assert api.get(f"/payments/{payment_id}").get_json()["amount_refundable"] == "400.00"


@pytest.mark.parametrize("believed", ["1000.01", "999.99", "1300"])
def test_a_merchant_who_believes_that_something_else_is_left_is_told_what_is(api: ApiOnFakes, believed: str) -> None:
    payment_id, key = api.completed(), str(uuid4())
    before = api.stored

    response = api.refund(payment_id, _body(300) | {"amount_available": believed}, Idempotency_Key=key)

    body = problem(response, 412, "amount_available_mismatch")
    assert (pointers(body), body["retryable"], api.stored) == (["/amount_available"], False, before)
    assert "1000.00" in body["errors"][0]["detail"]
    assert api.refund(payment_id, _body(300) | {"amount_available": 1000}, Idempotency_Key=key).status_code == 202


def test_of_two_who_believe_the_same_is_left_only_the_first_is_right(api: ApiOnFakes) -> None:
    payment_id = api.completed()
    believed = _body(300) | {"amount_available": 1000}

    statuses = [api.refund(payment_id, believed).status_code for _ in range(2)]

    assert statuses == [202, 412]


def test_what_the_merchant_believes_is_part_of_what_they_ask(api: ApiOnFakes) -> None:
    payment_id, key = api.completed(), str(uuid4())
    first = api.refund(payment_id, _body(300) | {"amount_available": 1000}, Idempotency_Key=key)

    again = api.refund(payment_id, _body(300) | {"amount_available": "1000.00"}, Idempotency_Key=key)
    other = api.refund(payment_id, _body(300) | {"amount_available": 700}, Idempotency_Key=key)
    without = api.refund(payment_id, _body(300), Idempotency_Key=key)

    assert (again.status_code, again.data) == (202, first.data)
    problem(other, 422, "idempotency_key_reused")
    problem(without, 422, "idempotency_key_reused")


def test_a_request_without_it_means_what_it_meant_before_the_field_was_there(api: ApiOnFakes) -> None:
    payment_id = api.completed()
    api.refund(payment_id, _body("300.00"))

    (claim,) = [each for each in api.books.database.committed.idempotency_keys.values() if "refund" in each.endpoint]
    assert claim.fingerprint == fingerprint_of(claim.endpoint, {"amount": "300", "reason": "Customer request"})


@pytest.mark.parametrize("believed", ["0.001", 0, -1, True, "x", None])
def test_what_is_left_is_an_amount_of_the_payments_currency(api: ApiOnFakes, believed: object) -> None:
    payment_id = api.completed()

    response = api.refund(payment_id, _body(1) | {"amount_available": believed})

    if believed is None:
        assert response.status_code == 202
    else:
        assert pointers(problem(response, 422, "validation_failed")) == ["/amount_available"]


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
