"""Captures, cancellations and payouts: what is sent, and answers that the simulator never gives."""

import json
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import httpx2
import pytest

from shared.domain.customer import Customer
from shared.domain.failure import FailureCode
from shared.domain.ids import CaptureId, PayoutId
from shared.domain.money import Money
from shared.domain.outcome import Authorized, Declined, InDoubt, NotSent, Outcome, Succeeded
from shared.domain.transaction import CaptureMethod
from shared.provider_kit.provider import (
    CancelRequest,
    CaptureQuery,
    CaptureRequest,
    GivesStatements,
    PaymentQuery,
    PayoutQuery,
    PayoutRequest,
    SendsPayouts,
    TakesCancellations,
    TakesCaptures,
)
from shared.providers.cpay.adapter import CPay
from shared.providers.cpay.config import CPayConfig
from shared.providers.cpay.tests.test_adapter import API_KEY, NOW, PAYMENT, PAYMENT_ID, WEBHOOK_SECRET, fixture

CAPTURE = CaptureRequest(
    capture_id=CaptureId(UUID("01980000-0000-7000-8000-000000000003")),
    idempotency_key="attempt-3",
    payment_reference=PAYMENT_ID,
    amount=Money(40_000, "KES"),
    is_final=True,
)
CANCEL = CancelRequest(
    transaction_id=PAYMENT.transaction_id,
    idempotency_key="attempt-4",
    payment_reference=PAYMENT_ID,
    amount=PAYMENT.amount,
)
PAYOUT = PayoutRequest(
    payout_id=PayoutId(UUID("01980000-0000-7000-8000-000000000004")),
    idempotency_key="attempt-5",
    amount=Money(70_000, "KES"),
    recipient=Customer(phone="+254700000000", email="amina@example.com", name="Amina"),
    reason="winnings",
)
LOST_CAPTURE = CaptureQuery(
    capture_id=CAPTURE.capture_id, payment_reference=PAYMENT_ID, amount=CAPTURE.amount, reference=None
)
LOST_PAYOUT = PayoutQuery(payout_id=PAYOUT.payout_id, amount=PAYOUT.amount, reference=None)


def cpay(answer: Callable[[httpx2.Request], httpx2.Response]) -> CPay:
    config = CPayConfig.model_validate(
        {"base_url": "http://cpay/v1", "api_key": API_KEY, "webhook_secrets": [WEBHOOK_SECRET]}
    )
    return CPay(config, httpx2.Client(transport=httpx2.MockTransport(answer)))


def answering(status: int, body: object) -> CPay:
    return cpay(lambda _request: httpx2.Response(status, json=body))


def error(code: str, *, retryable: bool = False) -> dict[str, object]:
    return {"error": {"type": "conflict", "code": code, "message": "their words", "retryable": retryable}}


def asked_by(act: Callable[[CPay], object]) -> httpx2.Request:
    """The request that ``act`` makes."""
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(500)

    act(cpay(answer))
    return seen[0]


def test_the_adapter_offers_what_its_capabilities_say() -> None:
    provider = answering(200, {})

    for offered in (TakesCaptures, TakesCancellations, SendsPayouts, GivesStatements):
        assert isinstance(provider, offered)


def test_a_payment_that_is_to_be_captured_later_says_so() -> None:
    manual = replace(PAYMENT, capture_method=CaptureMethod.MANUAL)

    at_once = asked_by(lambda provider: provider.initialize_payment(PAYMENT))
    later = asked_by(lambda provider: provider.initialize_payment(manual))

    assert "capture_method" not in json.loads(at_once.content)
    assert json.loads(later.content)["capture_method"] == "manual"


def test_a_capture_is_asked_for_with_our_id_and_whether_it_is_the_last() -> None:
    request = asked_by(lambda provider: provider.capture_payment(CAPTURE))

    assert (request.method, str(request.url)) == ("POST", f"http://cpay/v1/payments/{PAYMENT_ID}/captures")
    assert request.headers["idempotency-key"] == "attempt-3"
    assert json.loads(request.content) == {
        "amount": 40_000,
        "final": True,
        "merchant_reference": str(CAPTURE.capture_id),
    }


def test_a_cancellation_is_asked_for_with_our_key() -> None:
    request = asked_by(lambda provider: provider.cancel_payment(CANCEL))

    assert (request.method, str(request.url)) == ("POST", f"http://cpay/v1/payments/{PAYMENT_ID}/cancel")
    assert (request.headers["idempotency-key"], json.loads(request.content)) == ("attempt-4", {})


def test_a_payout_is_asked_for_with_our_id_and_no_more_of_its_recipient_than_is_needed() -> None:
    request = asked_by(lambda provider: provider.send_payout(PAYOUT))

    assert (request.method, str(request.url)) == ("POST", "http://cpay/v1/payouts")
    assert request.headers["idempotency-key"] == "attempt-5"
    assert json.loads(request.content) == {
        "amount": 70_000,
        "currency": "KES",
        "merchant_reference": str(PAYOUT.payout_id),
        "recipient": {"phone": "+254700000000"},
        "reason": "winnings",
    }


def test_a_payment_that_is_authorized_is_not_a_success() -> None:
    outcome = answering(201, fixture("payment_authorized")).initialize_payment(PAYMENT)

    assert isinstance(outcome, Authorized)
    assert outcome.reference == PAYMENT_ID


@pytest.mark.parametrize(
    ("change", "captured"),
    [
        ({"captured_amount": 40_000}, Money(40_000, "KES")),
        ({"captured_amount": 100_000}, Money(100_000, "KES")),
        ({"captured_amount": None}, None),
        ({"capture_method": "automatic", "captured_amount": 100_000}, None),
    ],
    ids=repr,
)
def test_a_payment_that_was_captured_says_how_much(change: dict[str, object], captured: Money | None) -> None:
    query = PaymentQuery(
        transaction_id=PAYMENT.transaction_id, amount=PAYMENT.amount, reference=PAYMENT_ID, created_at=NOW
    )

    outcome = answering(200, fixture("payment_authorized", status="succeeded", **change)).verify_payment(query)

    assert isinstance(outcome, Succeeded)
    assert outcome.captured == captured


def test_a_payment_that_took_more_than_it_is_makes_no_sense() -> None:
    body = fixture("payment_authorized", status="succeeded", captured_amount=100_001)

    assert isinstance(answering(201, body).initialize_payment(PAYMENT), InDoubt)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 40_001},
        {"currency": "UGX"},
        {"payment_id": "cpay_2"},
        {"merchant_reference": "another"},
        {"merchant_reference": None},
        {"object": "refund"},
    ],
    ids=repr,
)
def test_an_answer_about_another_capture_is_in_doubt(change: dict[str, object]) -> None:
    body = fixture("capture_pending", status="succeeded", **change)

    assert isinstance(answering(201, body).capture_payment(CAPTURE), InDoubt)
    assert isinstance(answering(200, body).verify_capture(replace(LOST_CAPTURE, reference="cpcp_1")), InDoubt)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 70_001},
        {"currency": "UGX"},
        {"merchant_reference": "another"},
        {"merchant_reference": None},
        {"object": "capture"},
    ],
    ids=repr,
)
def test_an_answer_about_another_payout_is_in_doubt(change: dict[str, object]) -> None:
    body = fixture("payout_pending", status="succeeded", **change)

    assert isinstance(answering(201, body).send_payout(PAYOUT), InDoubt)
    listed = {"object": "list", "data": [body]}
    assert isinstance(answering(200, listed).verify_payout(LOST_PAYOUT), InDoubt)


def test_two_of_one_reference_are_in_doubt() -> None:
    captures = {"object": "list", "data": [fixture("capture_pending"), fixture("capture_pending", id="cpcp_2")]}
    payouts = {"object": "list", "data": [fixture("payout_pending"), fixture("payout_pending", id="cppo_2")]}

    assert isinstance(answering(200, captures).verify_capture(LOST_CAPTURE), InDoubt)
    assert isinstance(answering(200, payouts).verify_payout(LOST_PAYOUT), InDoubt)


def test_a_lost_capture_is_found_among_others_and_absent_without_ours_in_a_whole_list() -> None:
    others = [fixture("capture_pending", merchant_reference=reference) for reference in ("another", None)]
    ours = fixture("capture_pending", status="succeeded")

    def listed(*captures: object, has_more: bool = False) -> dict[str, object]:
        return {"object": "list", "data": [*captures], "has_more": has_more}

    assert isinstance(answering(200, listed(*others, ours)).verify_capture(LOST_CAPTURE), Succeeded)
    assert answering(200, listed(*others)).verify_capture(LOST_CAPTURE) == NotSent(reason="not_found")
    assert isinstance(answering(200, listed(*others, has_more=True)).verify_capture(LOST_CAPTURE), InDoubt)
    assert isinstance(answering(200, listed(has_more=True)).verify_payout(LOST_PAYOUT), InDoubt)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (422, "capture_exceeds_amount", Declined),
        (409, "invalid_state", Declined),
        (404, "not_found", Declined),
        (409, "duplicate_reference", InDoubt),
        (409, "idempotency_key_in_use", InDoubt),
        (429, "rate_limited", NotSent),
        (401, "invalid_api_key", NotSent),
        (500, "internal_error", InDoubt),
        (503, "service_unavailable", InDoubt),
    ],
)
def test_an_error_on_a_capture(status: int, code: str, kind: type[Outcome]) -> None:
    assert type(answering(status, error(code)).capture_payment(CAPTURE)) is kind


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (409, "invalid_state", Declined),
        (409, "idempotency_key_in_use", InDoubt),
        (404, "not_found", InDoubt),
        (400, "invalid_request", InDoubt),
        (422, "something_new", InDoubt),
        (429, "rate_limited", NotSent),
        (401, "invalid_api_key", NotSent),
        (500, "internal_error", InDoubt),
    ],
)
def test_only_too_late_is_a_no_to_a_cancellation(status: int, code: str, kind: type[Outcome]) -> None:
    assert type(answering(status, error(code)).cancel_payment(CANCEL)) is kind


@pytest.mark.parametrize(
    ("change", "captured"),
    [
        ({"status": "cancelled"}, 0),
        ({"status": "cancelled", "captured_amount": None}, 0),
        ({"status": "succeeded", "captured_amount": 40_000}, 40_000),
    ],
    ids=repr,
)
def test_a_cancellation_tells_what_was_taken_before(change: dict[str, object], captured: int) -> None:
    outcome = answering(200, fixture("payment_authorized", **change)).cancel_payment(CANCEL)

    assert isinstance(outcome, Succeeded)
    assert outcome.captured == Money(captured, "KES")


@pytest.mark.parametrize(
    "change",
    [
        {"status": "authorized"},
        {"status": "pending"},
        {"status": "failed"},
        {"status": "new"},
        {"status": "cancelled", "id": "cpay_2"},
        {"status": "cancelled", "merchant_reference": "another"},
        {"status": "cancelled", "amount": 1},
    ],
    ids=repr,
)
def test_a_cancellation_that_left_the_payment_in_another_state_or_is_about_another_is_in_doubt(
    change: dict[str, object],
) -> None:
    assert isinstance(answering(200, fixture("payment_authorized", **change)).cancel_payment(CANCEL), InDoubt)


@pytest.mark.parametrize(
    ("failure", "kind"), [(httpx2.ConnectError, NotSent), (httpx2.ReadTimeout, InDoubt), (httpx2.ReadError, InDoubt)]
)
def test_a_broken_call_is_not_sent_only_if_nothing_left(failure: type[Exception], kind: type[Outcome]) -> None:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        raise failure("broken")

    provider = cpay(answer)

    sent = [provider.capture_payment(CAPTURE), provider.cancel_payment(CANCEL), provider.send_payout(PAYOUT)]
    assert [type(outcome) for outcome in sent] == [kind] * 3
    assert isinstance(provider.verify_capture(LOST_CAPTURE), InDoubt)
    assert isinstance(provider.verify_payout(LOST_PAYOUT), InDoubt)


def test_a_failure_code_of_a_capture_is_ours_with_theirs_beside() -> None:
    outcome = answering(422, error("capture_exceeds_amount")).capture_payment(CAPTURE)

    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.provider_code) == (FailureCode.PROVIDER_REFUSED, "capture_exceeds_amount")
