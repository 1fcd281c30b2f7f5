"""Accepting a cancellation: at once before anything was sent, else on its way, and never beside a capture."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts.messages.commands import CancelPayment, InitializePayment, VerifyPayment
from shared.domain.attempt import Operation
from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import Authorized, Declined, Outcome, Succeeded
from shared.domain.transaction import CaptureMethod, Transaction
from shared.domain.transaction_status import WITH_PROVIDER, TransactionStatus
from tests.fakes.api import ApiOnFakes, pointers, problem
from tests.fakes.clock import NOON
from tests.fakes.makers import OTHER_MERCHANT, a_capture, a_context, a_payment

S = TransactionStatus
NO_REASON: dict[str, object] = {}
DONE = Succeeded(reference="P1", captured=Money(0, "KES"))
CANCEL = a_context(Operation.CANCEL_PAYMENT)


@pytest.fixture
def api() -> ApiOnFakes:
    api = ApiOnFakes()
    api.install("reserving", "capture", "cancel")
    api.install("keeping", "capture")
    return api


def _put(api: ApiOnFakes, status: S, **facts: Any) -> Transaction:
    given: dict[str, Any] = {
        "provider": "reserving",
        "provider_transaction_id": "P1",
        "capture_method": CaptureMethod.MANUAL,
        "next_check_at": NOON + timedelta(minutes=10),
    }
    payment = a_payment(status=status, **(given | facts))
    api.books.put(payment)
    return payment


def _stored(api: ApiOnFakes, payment_id: object) -> Transaction:
    return api.books.database.committed.transactions[UUID(str(payment_id))]


def _after(api: ApiOnFakes, seconds: float, step: Callable[[], None]) -> None:
    done: list[bool] = []

    def meanwhile(passed: float) -> None:
        if passed >= seconds and not done:
            done.append(True)
            step()

    api.patience.meanwhile = meanwhile


# --- before anything was sent ---


def test_what_was_not_sent_yet_is_cancelled_at_once_without_a_call(api: ApiOnFakes) -> None:
    payment_id = api.pay().get_json()["id"]

    answer = api.cancel(payment_id, {"reason": "Ordered twice"})

    body = answer.get_json()
    assert (answer.status_code, body["id"], body["status"], body["basic_status"]) == (
        202,
        payment_id,
        "cancelled",
        "failed",
    )
    assert (body["failure"]["code"], body["safe_to_retry"], body["next_check_at"]) == (
        "cancelled_by_merchant",
        True,
        None,
    )
    assert body["cancel_requested_at"] == body["updated_at"]
    payment = _stored(api, payment_id)
    assert api.books.event_types(payment)[-1] == "payment.cancelled"
    assert [type(each) for each in api.books.commands] == [InitializePayment]


def test_the_first_wish_is_audited_with_its_reason_and_who_had_it(api: ApiOnFakes) -> None:
    payment_id = api.pay().get_json()["id"]

    api.cancel(payment_id, {"reason": "Ordered twice"})

    requested, cancelled = api.books.audit(_stored(api, payment_id))[-2:]
    assert (requested.event_type, cancelled.event_type) == ("cancellation.requested", "payment.cancelled")
    assert requested.event_data == {"status": "pending", "reason": "Ordered twice"}
    assert requested.user_id == cancelled.user_id is not None


def test_what_was_not_sent_yet_is_cancelled_also_where_the_provider_cannot(api: ApiOnFakes) -> None:
    payment = _put(api, S.PENDING, provider="keeping", provider_transaction_id=None)

    assert api.cancel(payment.id, NO_REASON).get_json()["status"] == "cancelled"


def test_what_waited_for_review_unsent_waits_no_more(api: ApiOnFakes) -> None:
    payment = _put(api, S.PENDING, provider_transaction_id=None, review_since=NOON, next_check_at=None)

    assert api.cancel(payment.id, NO_REASON).get_json()["needs_review"] is False


# --- the whole grid ---


@pytest.mark.parametrize("status", sorted(S))
@pytest.mark.parametrize("provider", ["reserving", "keeping", "gone"])
def test_every_status_has_its_answer(api: ApiOnFakes, status: S, provider: str) -> None:
    payment = _put(api, status, provider=provider)
    before = api.stored

    answer = api.cancel(payment.id, NO_REASON)

    if status is S.PENDING:
        assert (answer.status_code, answer.get_json()["status"]) == (202, "cancelled")
    elif status is S.IN_DOUBT:
        body = problem(answer, 409, "payment_unfinished")
        assert body["retryable"] is True
        assert [type(each) for each in api.books.commands] == [VerifyPayment]
    elif status in WITH_PROVIDER and provider == "reserving":
        assert (answer.status_code, answer.get_json()["status"]) == (202, status.value)
        assert [type(each) for each in api.books.commands] == [CancelPayment]
    else:
        assert problem(answer, 409, "cancel_not_possible")["retryable"] is False
        assert api.stored == before


def test_what_is_sent_is_asked_for_audited_and_looked_at_soon(api: ApiOnFakes) -> None:
    payment = _put(api, S.AUTHORIZED)

    body = api.cancel(payment.id, NO_REASON).get_json()

    after = _stored(api, payment.id)
    assert (after.status, after.cancel_requested_at, after.version) == (S.AUTHORIZED, NOON, payment.version)
    assert after.next_check_at == NOON + timedelta(seconds=30)
    assert (body["cancel_requested_at"], body["client_token"] != "") == ("2026-01-15T12:00:00.000Z", True)
    assert (api.books.audit_types(after), api.books.event_types(after)) == (["cancellation.requested"], [])
    (command,) = api.books.commands
    assert isinstance(command, CancelPayment)
    assert (command.transaction_id, command.provider) == (payment.id, "reserving")


def test_a_check_that_comes_sooner_stays(api: ApiOnFakes) -> None:
    payment = _put(api, S.PROCESSING, next_check_at=NOON + timedelta(seconds=3))

    api.cancel(payment.id, NO_REASON)

    assert _stored(api, payment.id).next_check_at == NOON + timedelta(seconds=3)


def test_a_second_wish_finds_the_first_on_its_way(api: ApiOnFakes) -> None:
    payment = _put(api, S.AUTHORIZED)
    api.cancel(payment.id, NO_REASON)

    again = api.cancel(payment.id, {"reason": "really"})

    assert (again.status_code, "Idempotent-Replayed" in again.headers) == (202, False)
    assert (len(api.books.commands), api.books.audit_types(payment)) == (1, ["cancellation.requested"])


# --- captures ---


@pytest.mark.parametrize("status", sorted(MovementStatus))
def test_a_payment_is_not_cancelled_beside_a_capture_that_is_under_way(api: ApiOnFakes, status: MovementStatus) -> None:
    payment = _put(api, S.AUTHORIZED)
    capture = a_capture(payment, status=status)
    api.books.do(lambda work: work.captures.add(capture))

    answer = api.cancel(payment.id, NO_REASON)

    if capture.is_unfinished:
        assert "capture" in problem(answer, 409, "cancel_not_possible")["detail"]
    else:
        assert answer.status_code == 202


def test_a_payment_is_not_captured_beside_its_cancellation(api: ApiOnFakes) -> None:
    payment = _put(api, S.AUTHORIZED)
    api.cancel(payment.id, NO_REASON)

    assert "cancelled" in problem(api.capture(payment.id, {}), 409, "capture_not_possible")["detail"]


def test_after_a_refused_cancellation_it_may_be_captured(api: ApiOnFakes) -> None:
    payment = _put(api, S.AUTHORIZED)
    api.cancel(payment.id, NO_REASON)

    api.books.apply(payment, Declined(code=FailureCode.PROVIDER_REFUSED), context=CANCEL)

    assert api.capture(payment.id, {}).status_code == 202


def test_of_a_cancellation_and_a_capture_that_race_one_is_accepted(api: ApiOnFakes) -> None:
    for _ in range(10):
        payment, answers = _put(api, S.AUTHORIZED, provider_transaction_id=str(uuid4())), list[int]()
        calls = [lambda: api.cancel(payment.id, {}), lambda: api.capture(payment.id, {})]  # noqa: B023 - used within the round
        threads = [threading.Thread(target=lambda call=call: answers.append(call().status_code)) for call in calls]  # noqa: B023 - bound at once
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(answers) == [202, 409]


# --- repeated, and in other words ---


def test_a_repetition_gets_the_first_answer_byte_for_byte(api: ApiOnFakes) -> None:
    payment, key = _put(api, S.AUTHORIZED), str(uuid4())
    first = api.cancel(payment.id, NO_REASON, Idempotency_Key=key)
    api.books.apply(payment, DONE, context=CANCEL)

    again = api.cancel(payment.id, NO_REASON, Idempotency_Key=key)

    assert (again.status_code, again.data, again.headers["Idempotent-Replayed"]) == (202, first.data, "true")


def test_a_repetition_after_the_answer_is_purged_gets_the_payment_as_it_is(api: ApiOnFakes) -> None:
    payment, key = _put(api, S.AUTHORIZED), str(uuid4())
    api.cancel(payment.id, NO_REASON, Idempotency_Key=key)
    api.books.apply(payment, DONE, context=CANCEL)
    api.purge()

    again = api.cancel(payment.id, NO_REASON, Idempotency_Key=key)

    assert (again.status_code, again.get_json()["id"], again.get_json()["status"]) == (
        200,
        str(payment.id),
        "cancelled",
    )


def test_a_key_means_one_cancellation_of_one_payment_for_one_reason(api: ApiOnFakes) -> None:
    payment, key = _put(api, S.AUTHORIZED), str(uuid4())
    other = _put(api, S.AUTHORIZED, provider_transaction_id="P2")
    api.cancel(payment.id, {"reason": "x"}, Idempotency_Key=key)

    for answer in (
        api.cancel(payment.id, {"reason": "y"}, Idempotency_Key=key),
        api.cancel(payment.id, NO_REASON, Idempotency_Key=key),
        api.cancel(other.id, {"reason": "x"}, Idempotency_Key=key),
        api.capture(payment.id, {}, Idempotency_Key=key),
    ):
        problem(answer, 422, "idempotency_key_reused")


def test_no_reason_may_be_said_in_two_ways(api: ApiOnFakes) -> None:
    payment, key = _put(api, S.AUTHORIZED), str(uuid4())
    api.cancel(payment.id, NO_REASON, Idempotency_Key=key)

    assert api.cancel(payment.id, {"reason": None}, Idempotency_Key=key).headers["Idempotent-Replayed"] == "true"


def test_a_cancellation_that_was_refused_here_leaves_its_key_unused(api: ApiOnFakes) -> None:
    payment, key = _put(api, S.AUTHORIZED, provider="keeping"), str(uuid4())
    problem(api.cancel(payment.id, NO_REASON, Idempotency_Key=key), 409, "cancel_not_possible")

    problem(api.cancel(payment.id, {"reason": "other"}, Idempotency_Key=key), 409, "cancel_not_possible")


# --- waiting ---


@pytest.mark.parametrize(
    ("outcome", "status", "is_wanted"),
    [
        (DONE, "cancelled", True),
        (Declined(code=FailureCode.PROVIDER_REFUSED), "authorized", False),
        (Succeeded(reference="P1", captured=Money(500, "KES")), "completed", True),
    ],
    ids=["done", "refused", "a-part-was-taken"],
)
def test_who_prefers_to_wait_gets_what_came_of_it(
    api: ApiOnFakes, outcome: Outcome, status: str, is_wanted: bool
) -> None:
    payment = _put(api, S.AUTHORIZED, authorized=Money(100_000, "KES"))
    _after(api, 2, lambda: api.books.apply(payment, outcome, context=CANCEL))

    answer = api.cancel(payment.id, NO_REASON, Prefer="wait=10")

    body = answer.get_json()
    assert (answer.status_code, answer.headers["Preference-Applied"], body["status"]) == (200, "wait=10", status)
    assert (body["cancel_requested_at"] is not None) is is_wanted


def test_who_waits_in_vain_gets_that_it_is_on_its_way(api: ApiOnFakes) -> None:
    payment = _put(api, S.AUTHORIZED)

    answer = api.cancel(payment.id, NO_REASON, Prefer="wait=5")

    assert (answer.status_code, answer.get_json()["status"]) == (202, "authorized")


def test_what_is_in_doubt_is_asked_about_and_then_cancelled(api: ApiOnFakes) -> None:
    payment = _put(api, S.IN_DOUBT)
    _after(api, 2, lambda: api.books.apply(payment, Authorized(reference="P1"), context=a_context()))

    answer = api.cancel(payment.id, NO_REASON, Prefer="wait=5")

    assert (answer.status_code, answer.get_json()["cancel_requested_at"]) == (202, "2026-01-15T12:00:00.000Z")
    assert [type(each) for each in api.books.commands] == [VerifyPayment, CancelPayment]


# --- form and access ---


@pytest.mark.parametrize(
    ("body", "where"),
    [({"reason": ""}, "/reason"), ({"reason": "x" * 201}, "/reason"), ({"reason": 7}, "/reason"), ({"x": 1}, "/x")],
    ids=str,
)
def test_a_bad_body_names_its_field(api: ApiOnFakes, body: dict[str, object], where: str) -> None:
    payment = _put(api, S.AUTHORIZED)

    assert pointers(problem(api.cancel(payment.id, body), 422, "validation_failed")) == [where]
    assert _stored(api, payment.id) == payment


def test_a_cancellation_needs_a_key(api: ApiOnFakes) -> None:
    problem(api.cancel(_put(api, S.AUTHORIZED).id, NO_REASON, Idempotency_Key=None), 400, "idempotency_key_missing")


@pytest.mark.parametrize("payment_id", ["nothing", "01900000-0000-7000-8000-000000000001"])
def test_what_does_not_exist_is_not_cancelled(api: ApiOnFakes, payment_id: str) -> None:
    problem(api.cancel(payment_id, NO_REASON), 404, "not_found")


def test_another_merchants_payment_is_not_there(api: ApiOnFakes) -> None:
    payment = _put(api, S.AUTHORIZED)

    problem(api.cancel(payment.id, NO_REASON, Authorization=api.bearer(merchant_id=OTHER_MERCHANT)), 404, "not_found")
    assert _stored(api, payment.id) == payment


@pytest.mark.parametrize(
    ("role", "may"),
    [("merchant_admin", True), ("developer", True), ("platform_admin", True), ("operator", False), ("viewer", False)],
)
def test_who_may_start_payments_may_cancel_them(api: ApiOnFakes, role: str, may: bool) -> None:
    answer = api.cancel(_put(api, S.AUTHORIZED).id, NO_REASON, Authorization=api.bearer(role))

    assert answer.status_code == (202 if may else 403)
