"""What the adapter sends, and what it makes of answers that the simulator never gives."""

import json
from collections.abc import Callable
from dataclasses import replace

import httpx2
import pytest

from shared.domain.failure import FailureCode
from shared.domain.outcome import Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.provider_kit.provider import ChecksCredentials, CredentialCheck, GivesStatements, TakesCaptures
from shared.providers.paystack.adapter import Paystack
from shared.providers.paystack.tests.played import (
    API_KEY,
    BY_PHONE,
    OLD_KEY,
    PAYMENT,
    REFUND,
    answering,
    fixture,
    paystack,
    query_of,
    query_of_refund,
)

NO_REFUNDS = {"status": True, "message": "", "data": [], "meta": {"page": 1, "pageCount": 0}}


def asked_by(act: Callable[[Paystack], object], **config: object) -> httpx2.Request:
    """The last request that ``act`` makes; the lists before it are empty."""
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json=NO_REFUNDS)

    act(paystack(answer, **config))
    return seen[-1]


def verified(body: object, status: int = 200) -> Outcome:
    return answering(status, body).verify_payment(query_of(PAYMENT, known=True))


def transaction(**changes: object) -> dict[str, object]:
    return {"status": True, "message": "Verification successful", "data": {**fixture("transaction"), **changes}}


def error(message: str, code: str = "", kind: str = "validation_error") -> dict[str, object]:
    return {"status": False, "message": message, "type": kind, "code": code}


def refunding(status: int, body: object) -> Paystack:
    """Has no refunds yet, and answers the request for one so."""
    return paystack(
        lambda request: (
            httpx2.Response(200, json=NO_REFUNDS) if request.method == "GET" else httpx2.Response(status, json=body)
        )
    )


def test_a_page_is_asked_for_with_our_id_as_reference_and_minor_units() -> None:
    request = asked_by(lambda one: one.initialize_payment(replace(PAYMENT, return_url="https://shop.example/")))

    assert (request.method, str(request.url)) == ("POST", "http://paystack/transaction/initialize")
    assert request.headers["authorization"] == f"Bearer {API_KEY}"
    assert json.loads(request.content) == {
        "email": "amina@example.com",
        "amount": 100_000,
        "currency": "NGN",
        "reference": str(PAYMENT.transaction_id),
        "metadata": {"order": "17"},
        "callback_url": "https://shop.example/",
    }


def test_a_phone_is_asked_by_mpesa() -> None:
    request = asked_by(lambda one: one.initialize_payment(BY_PHONE), mobile_money=True)

    assert (request.method, request.url.path) == ("POST", "/charge")
    assert json.loads(request.content)["mobile_money"] == {"phone": "+254700000000", "provider": "mpesa"}


def test_a_refund_carries_our_id_in_the_only_field_that_comes_back() -> None:
    request = asked_by(lambda one: one.refund_payment(REFUND))

    assert (request.method, request.url.path) == ("POST", "/refund")
    assert json.loads(request.content) == {
        "transaction": str(PAYMENT.transaction_id),
        "amount": 40_000,
        "currency": "NGN",
        "merchant_note": f"{REFUND.refund_id} returned",
    }


def test_a_reference_cannot_lead_to_another_path() -> None:
    request = asked_by(lambda one: one.verify_refund(query_of_refund(REFUND, "../balance?a=b#c")))

    assert request.url.raw_path == b"/refund/..%2Fbalance%3Fa%3Db%23c"


def test_it_offers_statements_and_a_check_of_its_key_and_no_captures() -> None:
    adapter = answering(200, {})

    assert isinstance(adapter, GivesStatements)
    assert isinstance(adapter, ChecksCredentials)
    assert not isinstance(adapter, TakesCaptures)


def test_that_the_call_worked_does_not_say_that_the_payment_did() -> None:
    assert isinstance(verified(transaction(status="failed")), Declined)
    assert isinstance(verified(transaction(status="ongoing")), Pending)
    assert isinstance(verified({**transaction(), "status": False}), InDoubt)
    assert isinstance(verified({**transaction(), "status": "success"}), InDoubt)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("success", Succeeded),
        ("failed", Declined),
        ("reversed", Declined),
        ("abandoned", Pending),
        ("ongoing", Pending),
        ("pending", Pending),
        ("processing", Pending),
        ("queued", Pending),
        ("SUCCESS", Pending),
        ("succeeded", Pending),
        ("", Pending),
    ],
)
def test_a_status_means_what_the_table_says_and_an_unknown_one_nothing(status: str, kind: type[Outcome]) -> None:
    assert isinstance(verified(transaction(status=status)), kind)


@pytest.mark.parametrize(
    "change",
    [{"amount": 100_001}, {"amount": 1}, {"currency": "KES"}, {"reference": "another"}, {"reference": ""}],
    ids=repr,
)
def test_an_answer_about_another_payment_is_in_doubt_even_if_it_succeeded(change: dict[str, object]) -> None:
    assert isinstance(verified(transaction(**change)), InDoubt)


@pytest.mark.parametrize(
    "change",
    [{"reference": "another"}, {"amount": 1}, {"currency": "NGN"}, {"status": "success"}],
    ids=repr,
)
def test_an_answer_about_another_charge_is_in_doubt_and_so_is_a_success_without_its_amount(
    change: dict[str, object],
) -> None:
    body = fixture("charge_offline")
    body["data"] |= change

    assert isinstance(answering(200, body, mobile_money=True).initialize_payment(BY_PHONE), InDoubt)


def test_a_page_for_another_payment_is_in_doubt() -> None:
    body = fixture("checkout")
    body["data"]["reference"] = "another"

    assert isinstance(answering(200, body).initialize_payment(PAYMENT), InDoubt)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "", "checkout.paystack.com/x"])
def test_a_page_without_a_web_address_is_in_doubt(url: str) -> None:
    body = fixture("checkout")
    body["data"]["authorization_url"] = url

    assert isinstance(answering(200, body).initialize_payment(PAYMENT), InDoubt)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("Insufficient Funds", FailureCode.INSUFFICIENT_FUNDS),
        ("Declined", FailureCode.DECLINED),
        ("Request cancelled by user.", FailureCode.CANCELLED_BY_CUSTOMER),
        ("Transaction timed out", FailureCode.EXPIRED),
        ("Incorrect PIN", FailureCode.WRONG_PIN),
        ("Suspected Fraud", FailureCode.BLOCKED),
        ("Moon in wrong phase", FailureCode.PROVIDER_REFUSED),
    ],
)
def test_the_words_of_a_bank_are_told_in_ours_with_theirs_beside(words: str, code: FailureCode) -> None:
    outcome = verified(transaction(status="failed", gateway_response=words))

    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.provider_code, outcome.provider_message) == (code, words, words)


def test_a_refusal_without_words_is_told_by_its_status() -> None:
    outcome = verified(transaction(status="failed", gateway_response=None))

    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.provider_code) == (FailureCode.PROVIDER_REFUSED, "failed")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, error("Invalid email"), Declined),
        (400, error("Currency not supported by merchant", "unsupported_currency"), Declined),
        (403, error("Currency not supported by merchant"), Declined),
        (400, error("Declined", "charge_failed", "processor_error"), Declined),
        (400, error("Try again", "unknown", "api_error"), InDoubt),
        (400, {"message": "who knows"}, InDoubt),
        (401, error("Invalid key"), NotSent),
        (401, {}, NotSent),
        (403, error("Your IP address is not allowed to make this call"), NotSent),
        (404, error("Entity not found"), InDoubt),
        (409, error("Conflict"), InDoubt),
        (422, error("Unprocessable"), InDoubt),
        (429, {}, NotSent),
        (500, error("An error occurred", kind="api_error"), InDoubt),
        (502, {}, InDoubt),
        (503, error("Come back later"), InDoubt),
        (301, {}, InDoubt),
        (204, {}, InDoubt),
    ],
)
def test_an_error_is_a_no_only_where_paystack_says_so(status: int, body: object, kind: type[Outcome]) -> None:
    assert isinstance(answering(status, body).initialize_payment(PAYMENT), kind)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, error("Transaction reference not found")),
        (404, fixture("error_not_found")),
        (400, error("Transaction reference not found", "transaction_not_found")),
    ],
)
def test_that_there_is_no_such_payment_is_proven_by_their_own_words(status: int, body: object) -> None:
    assert verified(body, status) == NotSent(reason="not_found")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, error("Entity not found")),
        (404, {}),
        (404, {"status": True, "message": "Transaction reference not found"}),
        (400, error("Transaction ID should be numeric")),
        (401, error("Invalid key")),
        (429, error("Too many requests")),
        (500, error("Transaction reference not found")),
        (404, error("Transaction reference not found", "transaction_not_found", "api_error")),
        (200, error("Transaction reference not found")),
    ],
)
def test_nothing_else_proves_that_there_is_no_such_payment(status: int, body: object) -> None:
    assert isinstance(verified(body, status), InDoubt)


@pytest.mark.parametrize("body", [b"", b"<!doctype html>", b"null", b"[]", b"{}", b'{"status": tr', b"[" * 100_000])
def test_a_success_that_cannot_be_read_is_in_doubt(body: bytes) -> None:
    adapter = answering(200, body)

    assert isinstance(adapter.initialize_payment(PAYMENT), InDoubt)
    assert isinstance(adapter.verify_payment(query_of(PAYMENT)), InDoubt)
    assert isinstance(adapter.verify_refund(query_of_refund(REFUND)), InDoubt)
    assert isinstance(adapter.verify_refund(query_of_refund(REFUND, "3000001")), InDoubt)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx2.ConnectError, NotSent),
        (httpx2.ConnectTimeout, NotSent),
        (httpx2.ReadTimeout, InDoubt),
        (httpx2.ReadError, InDoubt),
        (httpx2.RemoteProtocolError, InDoubt),
    ],
)
def test_a_broken_call_is_not_sent_only_if_nothing_left(failure: type[Exception], kind: type[Outcome]) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET" and request.url.path == "/refund":
            return httpx2.Response(200, json=NO_REFUNDS)
        raise failure("broken")

    adapter = paystack(answer)

    assert isinstance(adapter.initialize_payment(PAYMENT), kind)
    assert isinstance(adapter.refund_payment(REFUND), kind)
    assert isinstance(adapter.verify_payment(query_of(PAYMENT)), InDoubt)
    assert isinstance(adapter.verify_refund(query_of_refund(REFUND, "1")), InDoubt)


@pytest.mark.parametrize("status", [400, 404])
def test_a_refund_that_is_refused_is_not_possible(status: int) -> None:
    outcome = refunding(status, error("Transaction has been fully reversed")).refund_payment(REFUND)

    assert isinstance(outcome, Declined)
    assert outcome.code == FailureCode.REFUND_NOT_POSSIBLE


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("pending", Pending),
        ("processing", Pending),
        ("needs-attention", Pending),
        ("processed", Succeeded),
        ("failed", Declined),
        ("under_review", Pending),
    ],
)
def test_the_status_of_a_refund_means_what_the_table_says(status: str, kind: type[Outcome]) -> None:
    body = {"status": True, "message": "", "data": {**fixture("refund"), "status": status}}

    assert isinstance(refunding(200, body).refund_payment(REFUND), kind)
    assert isinstance(answering(200, body).verify_refund(query_of_refund(REFUND, "3000001")), kind)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 40_001},
        {"currency": "KES"},
        {"transaction_reference": "another"},
        {"transaction_reference": None, "transaction": {"reference": "another"}},
        {"merchant_note": f"{PAYMENT.transaction_id} of another refund"},
    ],
    ids=repr,
)
def test_an_answer_about_another_refund_is_in_doubt(change: dict[str, object]) -> None:
    body = {"status": True, "message": "", "data": {**fixture("refund"), "status": "processed", **change}}

    assert isinstance(refunding(200, body).refund_payment(REFUND), InDoubt)
    assert isinstance(answering(200, body).verify_refund(query_of_refund(REFUND, "3000001")), InDoubt)


def test_a_refund_with_another_number_than_the_one_that_was_asked_about_is_in_doubt() -> None:
    body = {"status": True, "message": "", "data": {**fixture("refund"), "status": "processed"}}

    assert isinstance(answering(200, body).verify_refund(query_of_refund(REFUND, "3000002")), InDoubt)


@pytest.mark.parametrize(
    ("status", "accepted"), [(200, True), (401, False), (403, False), (404, None), (429, None), (500, None)]
)
def test_a_key_is_checked_by_asking_for_the_balance(*, status: int, accepted: bool | None) -> None:
    check = answering(status, {}).check_credentials()

    assert check == CredentialCheck(accepted=accepted, detail=f"http {status}")
    assert asked_by(lambda one: one.check_credentials()).url.path == "/balance"


def test_a_key_that_cannot_be_checked_is_neither_good_nor_bad() -> None:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    assert paystack(answer).check_credentials().accepted is None


def test_a_key_that_an_answer_repeats_is_redacted() -> None:
    body = error(f"no such key: {API_KEY}, {OLD_KEY}", API_KEY)

    told = repr([answering(status, body).initialize_payment(PAYMENT) for status in (400, 401, 409, 500)])

    assert API_KEY not in told
    assert OLD_KEY not in told
    assert "[redacted]" in told


def test_what_is_kept_of_an_answer_is_neither_card_nor_customer() -> None:
    outcome = verified(transaction())

    assert isinstance(outcome, Succeeded)
    assert set(outcome.answer) <= {
        *("status", "reference", "amount", "currency", "gateway_response", "channel", "paid_at"),
    }


def test_the_address_of_a_page_is_told_and_not_kept_beside() -> None:
    outcome = answering(200, fixture("checkout")).initialize_payment(PAYMENT)

    assert isinstance(outcome, Pending)
    assert outcome.next_action == {"type": "redirect", "url": "https://checkout.paystack.com/x1y2z3"}
    assert "x1y2z3" not in repr(outcome.answer)
