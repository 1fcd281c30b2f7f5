"""Accepting a capture: together they never exceed what is reserved."""

import threading
from dataclasses import replace
from uuid import UUID

import pytest

from shared.contracts.messages.commands import CapturePayment
from shared.domain.failure import FailureCode
from shared.domain.outcome import Declined, Succeeded
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from tests.fakes.api import ORDER, ApiOnFakes, pointers, problem
from tests.fakes.makers import OTHER_MERCHANT, a_context, a_payment

ALL_LEFT: dict[str, object] = {}


@pytest.fixture
def api() -> ApiOnFakes:
    return ApiOnFakes()


def _payment(api: ApiOnFakes, payment_id: str) -> Transaction:
    return api.books.database.committed.transactions[UUID(payment_id)]


def _purge(api: ApiOnFakes) -> None:
    """Forget what was answered, but not the keys."""
    rows = api.books.database.committed.idempotency_keys
    rows.update({each: replace(row, status=None, body=None) for each, row in rows.items()})
    api.cache.kept.clear()


def test_a_payment_is_taken_at_once_unless_asked_otherwise(api: ApiOnFakes) -> None:
    assert api.pay().get_json()["capture_method"] == "automatic"


def test_capturing_by_hand_is_refused_where_the_provider_takes_at_once(api: ApiOnFakes) -> None:
    api.install("at-once")

    refused = api.pay(ORDER | {"provider": "at-once", "capture_method": "manual"})

    assert pointers(problem(refused, 422, "validation_failed")) == ["/capture_method"]


def test_a_capture_method_that_nobody_knows_is_refused(api: ApiOnFakes) -> None:
    refused = api.pay(ORDER | {"capture_method": "later"})

    assert pointers(problem(refused, 422, "validation_failed")) == ["/capture_method"]


def test_the_capture_method_is_part_of_what_a_request_says(api: ApiOnFakes) -> None:
    api.install("reserving", "capture")
    key = "0c6f1a80-4a94-4c6e-8a3a-2d5c7c1f6d11"
    order = ORDER | {"provider": "reserving"}
    api.pay(order, Idempotency_Key=key)

    same = api.pay(order | {"capture_method": "automatic"}, Idempotency_Key=key)
    other = api.pay(order | {"capture_method": "manual"}, Idempotency_Key=key)

    assert same.headers["Idempotent-Replayed"] == "true"
    problem(other, 422, "idempotency_key_reused")


def test_a_reserved_payment_says_what_is_reserved_and_what_is_taken(api: ApiOnFakes) -> None:
    payment_id = api.authorized()

    payment = api.get(f"/payments/{payment_id}").get_json()

    assert (payment["status"], payment["capture_method"]) == ("authorized", "manual")
    assert (payment["amount_authorized"], payment["amount_authorized_minor"]) == ("1000.00", 100_000)
    assert (payment["amount_captured"], payment["amount_captured_minor"], payment["captures"]) == ("0.00", 0, [])


def test_an_accepted_capture_reads_as_it_was_asked_for(api: ApiOnFakes) -> None:
    payment_id = api.authorized()

    answer = api.capture(payment_id, {"amount": "400.00", "final": False})

    capture = answer.get_json()
    assert (answer.status_code, capture["status"], capture["transaction_id"]) == (202, "pending", payment_id)
    assert (capture["amount"], capture["amount_minor"], capture["currency"]) == ("400.00", 40_000, "KES")
    assert (capture["final"], capture["provider_capture_id"], capture["failure"]) == (False, None, None)
    assert api.get(f"/payments/{payment_id}").get_json()["captures"] == [capture]


def test_an_accepted_capture_is_promised_recorded_and_sent(api: ApiOnFakes) -> None:
    payment_id = api.authorized()

    capture = api.capture(payment_id, {"amount": 400}).get_json()

    payment = _payment(api, payment_id)
    assert (payment.capture_pending.amount_minor_units, payment.status) == (40_000, TransactionStatus.AUTHORIZED)
    assert api.books.event_types(payment)[-1] == "capture.initiated"
    command = api.books.commands[-1]
    assert isinstance(command, CapturePayment)
    assert str(command.capture_id) == capture["id"]


def test_without_an_amount_a_capture_takes_all_that_is_left_and_is_final(api: ApiOnFakes) -> None:
    payment_id = api.authorized()
    api.capture(payment_id, {"amount": 300, "final": False})

    capture = api.capture(payment_id, ALL_LEFT).get_json()

    assert (capture["amount"], capture["final"]) == ("700.00", True)


@pytest.mark.parametrize(("amount", "status"), [("1000.00", 202), ("1000.01", 422), (0.01, 202), (10**9, 422)])
def test_a_capture_is_at_most_what_is_reserved(api: ApiOnFakes, amount: object, status: int) -> None:
    payment_id = api.authorized()
    before = api.stored

    answer = api.capture(payment_id, {"amount": amount})

    assert answer.status_code == status
    if status == 422:
        assert pointers(problem(answer, 422, "capture_exceeds_authorization")) == ["/amount"]
        assert api.stored == before


def test_nothing_left_is_nothing_to_capture(api: ApiOnFakes) -> None:
    payment_id = api.authorized()
    api.capture(payment_id, {"amount": 1000, "final": False})

    problem(api.capture(payment_id, ALL_LEFT), 422, "capture_exceeds_authorization")


def test_captures_that_race_never_exceed_what_is_reserved(api: ApiOnFakes) -> None:
    payment_id = api.authorized()
    answers: list[int] = []

    def capture() -> None:
        answers.append(api.capture(payment_id, {"amount": 300, "final": False}).status_code)

    threads = [threading.Thread(target=capture) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [202] * 3 + [422] * 5


def test_nothing_is_captured_beside_a_final_capture(api: ApiOnFakes) -> None:
    payment_id = api.authorized()
    api.capture(payment_id, {"amount": 400})

    problem(api.capture(payment_id, {"amount": 100, "final": False}), 409, "capture_not_possible")


def test_after_a_final_capture_that_failed_another_may_be_tried(api: ApiOnFakes) -> None:
    payment_id = api.authorized()
    first = api.capture(payment_id, {"amount": 400}).get_json()
    capture = api.books.database.committed.captures[UUID(first["id"])]
    api.books.apply(capture, Declined(code=FailureCode.PROVIDER_FAILED), context=a_context())

    assert api.capture(payment_id, ALL_LEFT).get_json()["amount"] == "1000.00"


@pytest.mark.parametrize("status", sorted(set(TransactionStatus) - {TransactionStatus.AUTHORIZED}))
def test_only_what_is_reserved_can_be_captured(api: ApiOnFakes, status: TransactionStatus) -> None:
    payment = a_payment(status=status)
    api.books.put(payment)

    problem(api.capture(payment.id, ALL_LEFT), 409, "capture_not_possible")


def test_an_automatic_payment_is_never_captured_by_hand(api: ApiOnFakes) -> None:
    payment = a_payment(status=TransactionStatus.AUTHORIZED)
    api.books.put(payment)

    problem(api.capture(payment.id, ALL_LEFT), 409, "capture_not_possible")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"amount": 0}, "/amount"),
        ({"amount": "1.001"}, "/amount"),
        ({"final": "yes"}, "/final"),
        ({"final": 1}, "/final"),
        ({"total": 5}, "/total"),
    ],
    ids=str,
)
def test_a_capture_of_another_form_is_refused(api: ApiOnFakes, body: object, pointer: str) -> None:
    refused = api.capture(api.authorized(), body)

    assert pointers(problem(refused, 422, "validation_failed")) == [pointer]


def test_a_repeated_capture_gets_the_first_answer_and_is_done_once(api: ApiOnFakes) -> None:
    payment_id, key = api.authorized(), "0c6f1a80-4a94-4c6e-8a3a-2d5c7c1f6d12"

    first = api.capture(payment_id, {"amount": "400.00", "final": False}, Idempotency_Key=key)
    second = api.capture(payment_id, {"amount": 400, "final": False}, Idempotency_Key=key)

    assert (second.data, second.headers["Idempotent-Replayed"]) == (first.data, "true")
    assert _payment(api, payment_id).capture_pending.amount_minor_units == 40_000


def test_a_repeated_capture_whose_answer_was_purged_gets_the_capture_as_it_is(api: ApiOnFakes) -> None:
    payment_id, key = api.authorized(), "0c6f1a80-4a94-4c6e-8a3a-2d5c7c1f6d13"
    first = api.capture(payment_id, ALL_LEFT, Idempotency_Key=key).get_json()
    capture = api.books.database.committed.captures[UUID(first["id"])]
    api.books.apply(capture, Succeeded(reference="C1"), context=a_context())
    _purge(api)

    again = api.capture(payment_id, ALL_LEFT, Idempotency_Key=key)

    assert (again.status_code, again.get_json()["status"]) == (200, "succeeded")


@pytest.mark.parametrize(("role", "status"), [("developer", 202), ("operator", 403), ("viewer", 403)])
def test_who_may_pay_may_capture(api: ApiOnFakes, role: str, status: int) -> None:
    payment_id = api.authorized()

    assert api.capture(payment_id, ALL_LEFT, Authorization=api.bearer(role)).status_code == status


def test_another_merchants_payment_is_not_found(api: ApiOnFakes) -> None:
    payment_id = api.authorized()

    refused = api.capture(payment_id, ALL_LEFT, Authorization=api.bearer(merchant_id=OTHER_MERCHANT))

    problem(refused, 404, "not_found")
