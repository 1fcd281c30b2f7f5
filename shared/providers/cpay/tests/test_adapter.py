"""What the adapter sends, and what it makes of answers that the simulator never gives."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from shared.domain.customer import Customer
from shared.domain.ids import RefundId, TransactionId
from shared.domain.money import Money
from shared.domain.outcome import Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.provider_kit.plugin import ProviderTools
from shared.provider_kit.provider import (
    PaidPayment,
    PaymentProvider,
    PaymentQuery,
    PaymentRequest,
    RefundQuery,
    RefundRequest,
)
from shared.provider_kit.tokens import LocalTokens
from shared.providers.cpay.adapter import build_cpay
from shared.providers.cpay.config import CPayConfig
from shared.runtime.clock import SystemClock

FIXTURES = Path(__file__).parent.parent / "fixtures"
API_KEY = "cpk_test_000102030405060708090a0b0c0d0e0f"
WEBHOOK_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="  # noqa: S105 - of the fixtures
PAYMENT_ID = "cpay_01KF0000000000000000000001"
AMOUNT = Money(100_000, "KES")
NOW = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)

PAYMENT = PaymentRequest(
    transaction_id=TransactionId(UUID("01980000-0000-7000-8000-000000000001")),
    idempotency_key="attempt-1",
    amount=AMOUNT,
    customer=Customer(phone="+254700000000", name="Amina"),
    metadata={"order": "17"},
)
PAID = PaidPayment(reference=PAYMENT_ID, amount=AMOUNT, customer=PAYMENT.customer)
REFUND = RefundRequest(
    refund_id=RefundId(UUID("01980000-0000-7000-8000-000000000002")),
    idempotency_key="attempt-2",
    payment=PAID,
    amount=Money(40_000, "KES"),
    reason="returned",
)
LOST_PAYMENT = PaymentQuery(transaction_id=PAYMENT.transaction_id, amount=AMOUNT, reference=None, created_at=NOW)
LOST_REFUND = RefundQuery(refund_id=REFUND.refund_id, payment=PAID, amount=REFUND.amount, reference=None)

Answer = Callable[[httpx2.Request], httpx2.Response]


def fixture(name: str, **changes: object) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((FIXTURES / f"{name}.json").read_bytes())
    return {**loaded, **changes}


def cpay(answer: Answer) -> PaymentProvider:
    config = CPayConfig.model_validate(
        {"base_url": "http://cpay/v1", "api_key": API_KEY, "webhook_secrets": [WEBHOOK_SECRET]}
    )
    client = httpx2.Client(transport=httpx2.MockTransport(answer))
    return build_cpay(config, ProviderTools(client=client, clock=SystemClock(), tokens=LocalTokens(SystemClock())))


def answering(status: int, body: object, headers: Mapping[str, str] | None = None) -> PaymentProvider:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return cpay(lambda _request: httpx2.Response(status, content=content, headers=dict(headers or {})))


def asked_by(act: Callable[[PaymentProvider], Outcome]) -> httpx2.Request:
    """The request that ``act`` makes."""
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(500)

    act(cpay(answer))
    return seen[0]


def test_a_payment_is_asked_for_with_our_id_our_key_and_minor_units() -> None:
    request = asked_by(lambda provider: provider.initialize_payment(PAYMENT))

    assert (request.method, str(request.url)) == ("POST", "http://cpay/v1/payments")
    assert request.headers["authorization"] == f"Bearer {API_KEY}"
    assert request.headers["idempotency-key"] == "attempt-1"
    assert json.loads(request.content) == {
        "amount": 100_000,
        "currency": "KES",
        "merchant_reference": str(PAYMENT.transaction_id),
        "customer": {"phone": "+254700000000"},
        "metadata": {"order": "17"},
    }


def test_a_refund_is_asked_for_with_our_refund_id() -> None:
    request = asked_by(lambda provider: provider.refund_payment(REFUND))

    assert (request.method, str(request.url)) == ("POST", f"http://cpay/v1/payments/{PAYMENT_ID}/refunds")
    assert request.headers["idempotency-key"] == "attempt-2"
    assert json.loads(request.content) == {
        "amount": 40_000,
        "reason": "returned",
        "merchant_reference": str(REFUND.refund_id),
    }


def test_a_reference_cannot_lead_to_another_path() -> None:
    query = PaymentQuery(
        transaction_id=PAYMENT.transaction_id, amount=AMOUNT, reference="../events?a=b#c", created_at=NOW
    )

    request = asked_by(lambda provider: provider.verify_payment(query))

    assert request.url.raw_path == b"/v1/payments/..%2Fevents%3Fa%3Db%23c"


def test_a_payment_that_is_accepted_is_pending() -> None:
    outcome = answering(201, fixture("payment_pending")).initialize_payment(PAYMENT)

    assert isinstance(outcome, Pending)
    assert outcome.reference == PAYMENT_ID


def test_new_fields_in_an_answer_are_tolerated_and_not_kept() -> None:
    outcome = answering(201, fixture("payment_pending", card_number="4242")).initialize_payment(PAYMENT)

    assert isinstance(outcome, Pending)
    assert "card_number" not in outcome.answer
    assert "customer" not in outcome.answer


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 100_001},
        {"amount": 1},
        {"currency": "UGX"},
        {"merchant_reference": "another"},
        {"merchant_reference": ""},
    ],
    ids=repr,
)
def test_an_answer_about_another_payment_is_in_doubt_even_if_it_succeeded(change: dict[str, object]) -> None:
    body = fixture("payment_pending", status="succeeded", **change)

    assert isinstance(answering(201, body).initialize_payment(PAYMENT), InDoubt)
    listed = {"object": "list", "data": [body]}
    assert isinstance(answering(200, listed).verify_payment(LOST_PAYMENT), InDoubt)


@pytest.mark.parametrize(
    "change",
    [{"amount": 40_001}, {"currency": "UGX"}, {"payment_id": "cpay_2"}, {"merchant_reference": "another"}],
    ids=repr,
)
def test_an_answer_about_another_refund_is_in_doubt(change: dict[str, object]) -> None:
    body = fixture("refund_pending", status="succeeded", **change)

    assert isinstance(answering(201, body).refund_payment(REFUND), InDoubt)


def test_a_refund_without_our_id_is_taken_for_ours_only_in_the_answer_to_our_own_request() -> None:
    body = fixture("refund_pending", merchant_reference=None)

    assert isinstance(answering(201, body).refund_payment(REFUND), Pending)
    assert isinstance(answering(200, {"object": "list", "data": [body]}).verify_refund(LOST_REFUND), NotSent)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html>",
        b"null",
        b"[]",
        b"{}",
        b'{"id":"cpay_1"',
        json.dumps(fixture("payment_pending")).encode()[:-20],
        json.dumps(fixture("payment_pending", amount="100000")).encode(),
        json.dumps(fixture("payment_pending", amount=100_000.0)).encode(),
        json.dumps(fixture("payment_pending", id="")).encode(),
        json.dumps(fixture("payment_pending", object="refund")).encode(),
        b"[" * 100_000,
        b"\xff\xfe",
    ],
    ids=lambda body: repr(body[:30]),
)
def test_a_success_that_cannot_be_read_is_in_doubt(body: bytes) -> None:
    for status in (200, 201):
        assert isinstance(answering(status, body).initialize_payment(PAYMENT), InDoubt)
        assert isinstance(answering(status, body).verify_payment(LOST_PAYMENT), InDoubt)
        assert isinstance(answering(status, body).refund_payment(REFUND), InDoubt)
        assert isinstance(answering(status, body).verify_refund(LOST_REFUND), InDoubt)


@pytest.mark.parametrize("status", [202, 204, 206, 301, 302, 404, 405, 418])
def test_a_status_that_cpay_does_not_use_is_in_doubt(status: int) -> None:
    assert isinstance(answering(status, fixture("payment_pending")).initialize_payment(PAYMENT), InDoubt)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx2.ConnectError, NotSent),
        (httpx2.ConnectTimeout, NotSent),
        (httpx2.PoolTimeout, NotSent),
        (httpx2.ReadTimeout, InDoubt),
        (httpx2.WriteTimeout, InDoubt),
        (httpx2.ReadError, InDoubt),
        (httpx2.WriteError, InDoubt),
        (httpx2.RemoteProtocolError, InDoubt),
        (httpx2.DecodingError, InDoubt),
        (httpx2.TooManyRedirects, InDoubt),
    ],
)
def test_a_broken_call_is_not_sent_only_if_nothing_left(failure: type[Exception], kind: type[Outcome]) -> None:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        raise failure("broken")

    provider = cpay(answer)

    assert isinstance(provider.initialize_payment(PAYMENT), kind)
    assert isinstance(provider.refund_payment(REFUND), kind)
    assert isinstance(provider.verify_payment(LOST_PAYMENT), InDoubt)
    assert isinstance(provider.verify_refund(LOST_REFUND), InDoubt)


def test_a_decline_is_told_with_their_code() -> None:
    outcome = answering(402, fixture("error_declined")).initialize_payment(PAYMENT)

    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.provider_code) == ("declined", "declined")


def test_shed_load_was_not_executed() -> None:
    assert isinstance(answering(503, fixture("error_unavailable")).initialize_payment(PAYMENT), NotSent)


def test_an_empty_list_proves_absence_unless_it_goes_on() -> None:
    whole: dict[str, object] = {"object": "list", "data": [], "has_more": False}
    cut = {**whole, "has_more": True}

    assert answering(200, whole).verify_payment(LOST_PAYMENT) == NotSent(reason="not_found")
    assert answering(200, whole).verify_refund(LOST_REFUND) == NotSent(reason="not_found")
    assert isinstance(answering(200, cut).verify_payment(LOST_PAYMENT), InDoubt)
    assert isinstance(answering(200, cut).verify_refund(LOST_REFUND), InDoubt)


def test_a_list_of_something_else_proves_nothing() -> None:
    assert isinstance(answering(200, {"data": []}).verify_payment(LOST_PAYMENT), InDoubt)


def test_two_payments_with_our_reference_are_in_doubt() -> None:
    listed = {"object": "list", "data": [fixture("payment_pending"), fixture("payment_pending", id="cpay_2")]}

    assert isinstance(answering(200, listed).verify_payment(LOST_PAYMENT), InDoubt)


def test_a_lost_refund_is_found_among_others() -> None:
    others = [fixture("refund_pending", merchant_reference=reference) for reference in ("another", None)]
    ours = fixture("refund_pending", status="succeeded")

    outcome = answering(200, {"object": "list", "data": [*others, ours]}).verify_refund(LOST_REFUND)

    assert isinstance(outcome, Succeeded)


def test_a_secret_that_an_answer_repeats_is_redacted() -> None:
    message = f"no such key: {API_KEY}, {WEBHOOK_SECRET}"
    body = {"error": {"type": "invalid_request", "code": API_KEY, "message": message}}

    outcomes = [answering(status, body).initialize_payment(PAYMENT) for status in (400, 401, 409, 500)]

    assert API_KEY not in repr(outcomes)
    assert WEBHOOK_SECRET not in repr(outcomes)
    assert "[redacted]" in repr(outcomes)


def test_an_adapter_does_not_show_its_key() -> None:
    assert API_KEY not in repr(vars(answering(200, {})))
