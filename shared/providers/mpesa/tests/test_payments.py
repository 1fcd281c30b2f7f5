"""Prompts on phones: what is sent, what its answer says, and what a question about it finds."""

import base64
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from shared.domain.customer import Customer
from shared.domain.failure import FailureCode
from shared.domain.ids import short_reference
from shared.domain.money import Money
from shared.domain.outcome import Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.domain.transaction import CaptureMethod
from shared.provider_kit.provider import PaymentRequest
from shared.providers.mpesa.outcomes import STK_RESULTS, Moved, Refused
from shared.providers.mpesa.tests.scripted import (
    CHECKOUT_ID,
    LOST_QUERY,
    MSISDN,
    PASSKEY,
    PAYMENT,
    QUERY,
    SHORTCODE,
    Script,
    error,
    fixture,
    reply,
)

ACCEPTED = reply(fixture("stk_push_ack"))
MERCHANT = "01980000-0000-7000-8000-000000000009"
REFERENCE = short_reference(PAYMENT.transaction_id)
HTML = b"<html><body>Service unavailable</body></html>"


def pay(answer: httpx2.Response, request: PaymentRequest = PAYMENT) -> Outcome:
    return Script(answer).adapter.initialize_payment(request)


def asked(answer: httpx2.Response) -> Outcome:
    return Script(answer).adapter.verify_payment(QUERY)


def queried(**changes: object) -> httpx2.Response:
    return reply({**fixture("stk_query_success"), "CheckoutRequestID": CHECKOUT_ID, **changes})


def fault(status: int, code: str, words: str) -> httpx2.Response:
    return reply({"fault": {"faultstring": words, "detail": {"errorcode": code}}}, status)


def pulled(*rows: dict[str, object]) -> httpx2.Response:
    return reply({"ResponseRefID": "1", "ResponseCode": "1000", "ResponseMessage": "Success", "Response": [list(rows)]})


def row(**changes: object) -> dict[str, object]:
    return {
        "transactionId": "NLJ7RT61SV",
        "trxDate": "2026-01-15T12:55:00+03:00",
        "msisdn": 254708374149,
        "transactiontype": "c2b-pay-bill-debit",
        "billreference": REFERENCE,
        "amount": "1.00",
        "organizationname": "Test",
        **changes,
    }


NO_MORE = reply({"ResponseRefID": "1", "ResponseCode": "1001", "ResponseMessage": "None"})


def test_a_prompt_is_sent_with_whole_shillings_twelve_digits_and_our_reference() -> None:
    script = Script(ACCEPTED)

    outcome = script.adapter.initialize_payment(replace(PAYMENT, amount=Money(25_000_000, "KES")))

    assert isinstance(outcome, Pending)
    assert outcome.reference == CHECKOUT_ID
    sent = script.sent()
    assert str(script.posts[0].url) == "http://mpesa.test/mpesa/stkpush/v1/processrequest"
    assert base64.b64decode(sent.pop("Password")).decode() == f"{SHORTCODE}{PASSKEY}20260115130000"
    assert sent.pop("CallBackURL").startswith("https://pay.example.com/api/v1/webhooks/mm/stk/")
    assert sent == {
        "BusinessShortCode": SHORTCODE,
        "Timestamp": "20260115130000",
        "TransactionType": "CustomerPayBillOnline",
        "Amount": "250000",
        "PartyA": MSISDN,
        "PartyB": SHORTCODE,
        "PhoneNumber": MSISDN,
        "AccountReference": REFERENCE,
        "TransactionDesc": "Payment",
    }


def test_a_prompt_has_every_field_of_their_sample_and_no_other() -> None:
    script = Script(ACCEPTED)

    script.adapter.initialize_payment(PAYMENT)

    assert script.sent().keys() == fixture("stk_push_request").keys()


def test_of_a_till_the_till_is_paid() -> None:
    script = Script(ACCEPTED, party_b="832909", transaction_type="CustomerBuyGoodsOnline")

    script.adapter.initialize_payment(PAYMENT)

    sent = script.sent()
    assert (sent["BusinessShortCode"], sent["PartyB"]) == (SHORTCODE, "832909")
    assert sent["TransactionType"] == "CustomerBuyGoodsOnline"


@pytest.mark.parametrize(
    ("given", "changes", "sent"),
    [
        ("INV2026001", {}, "INV2026001"),
        ("ABCDEFGHIJKL", {}, "ABCDEFGHIJKL"),
        ("ABCDEFGHIJKLM", {}, REFERENCE),
        ("INV-1", {}, REFERENCE),
        ("", {}, REFERENCE),
        ("INV2026001", {"account_reference": "payment"}, REFERENCE),
        # The confirmation of this prompt's money would be taken for a payment that nobody asked for.
        ("INV2026001", {"tills": {SHORTCODE: MERCHANT}}, REFERENCE),
    ],
)
def test_a_merchants_account_is_shown_where_it_fits_and_cannot_be_mistaken(
    given: str, changes: dict[str, Any], sent: str
) -> None:
    script = Script(ACCEPTED, **changes)

    script.adapter.initialize_payment(replace(PAYMENT, metadata={"account_reference": given}))

    assert script.sent()["AccountReference"] == sent


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": Money(1_050, "KES")}, FailureCode.PROVIDER_REFUSED),
        ({"amount": Money(100, "UGX")}, FailureCode.PROVIDER_REFUSED),
        ({"amount": Money(0, "KES")}, FailureCode.AMOUNT_TOO_SMALL),
        ({"amount": Money(25_000_100, "KES")}, FailureCode.AMOUNT_TOO_LARGE),
        ({"capture_method": CaptureMethod.MANUAL}, FailureCode.PROVIDER_REFUSED),
        ({"customer": Customer(phone="+255754000000")}, FailureCode.INVALID_ACCOUNT),
        ({"customer": Customer(phone="+254208374149")}, FailureCode.INVALID_ACCOUNT),
        ({"customer": Customer(phone="0708374149")}, FailureCode.INVALID_ACCOUNT),
        ({"customer": Customer(email="a@example.com")}, FailureCode.INVALID_ACCOUNT),
    ],
    ids=repr,
)
def test_what_m_pesa_cannot_do_is_declined_before_anything_is_sent(change: dict[str, object], code: str) -> None:
    script = Script(ACCEPTED)

    outcome = script.adapter.initialize_payment(replace(PAYMENT, **change))  # type: ignore[arg-type]  # one field

    assert isinstance(outcome, Declined)
    assert outcome.code == code
    assert (script.posts, script.tokens) == ([], 0)


def test_the_newer_numbers_are_kenyan_too() -> None:
    script = Script(ACCEPTED)

    script.adapter.initialize_payment(replace(PAYMENT, customer=Customer(phone="+254110000001")))

    assert script.sent()["PhoneNumber"] == "254110000001"


PUSH_ERRORS = [
    (400, "400.002.02", "Bad Request - Invalid BusinessShortCode", Declined),
    (400, "400.002.02", "Bad Request - Invalid PhoneNumber", Declined),
    (400, "400.002.05", "Invalid Request Payload", Declined),
    (400, "400.003.02", "Bad Request", Declined),
    (404, "404.001.01", "Resource not found", Declined),
    (405, "405.001", "Method Not Allowed", Declined),
    (500, "500.001.1001", "Merchant does not exist", Declined),
    (500, "500.001.1001", "[MerchantValidate] - Wrong credentials", Declined),
    (401, "oauth.v2", "Invalid API call as no apiproduct match found", Declined),
    (
        500,
        "500.001.1001",
        "Unable to lock subscriber, a transaction is already in process for the current subscriber",
        NotSent,
    ),
    (500, "500.003.02", "System is busy. Please try again in few minutes.", NotSent),
    (500, "500.003.02", "Error Occurred: Spike Arrest Violation", NotSent),
    (500, "500.003.03", "Quota Violation", NotSent),
    (503, "00.002.1001", "Service is currently under maintenance. Please try again later", NotSent),
    (429, "429.001", "Too many requests", NotSent),
    (500, "500.001.1001", "Internal Server Error", InDoubt),
    (500, "500.001.1001", "The transaction is being processed", InDoubt),
    (500, "500.002.1001", "Duplicate OriginatorConversationID.", InDoubt),
    (500, "500.003.1001", "Internal Server Error", InDoubt),
    (500, "500.999.9999", "Something new", InDoubt),
    (400, "400.999.99", "Something new", InDoubt),
    (503, "400.002.02", "Bad Request - Invalid Amount", InDoubt),
]


@pytest.mark.parametrize(("status", "code", "message", "kind"), PUSH_ERRORS, ids=str)
def test_an_error_is_read_by_its_status_its_code_and_its_message(
    status: int, code: str, message: str, kind: type[Outcome]
) -> None:
    assert isinstance(pay(error(status, code, message)), kind)


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"), [row for row in PUSH_ERRORS if row[0] in {400, 500}], ids=str
)
def test_an_error_that_comes_with_200_means_the_same(status: int, code: str, message: str, kind: type[Outcome]) -> None:
    assert str(status) == code[:3]
    assert isinstance(pay(error(200, code, message)), kind)


def test_their_sample_of_an_error_is_a_no_with_their_words() -> None:
    outcome = pay(reply(fixture("stk_push_error_400_002_02"), 400))

    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.provider_code) == (FailureCode.PROVIDER_REFUSED, "400.002.02")
    assert outcome.provider_message == "Bad Request - Invalid BusinessShortCode"
    assert outcome.answer["alert"] == "configuration"


def test_a_customer_who_is_busy_is_left_alone_for_a_minute_and_a_quota_for_five() -> None:
    busy = pay(error(500, "500.001.1001", "Unable to lock subscriber, a transaction is already in process"))
    spent = pay(error(500, "500.003.03", "Quota Violation"))
    wished = pay(reply({"errorCode": "500.003.02", "errorMessage": "busy"}, 500, retry_after="17"))

    assert isinstance(busy, NotSent)
    assert isinstance(spent, NotSent)
    assert isinstance(wished, NotSent)
    assert (busy.retry_after_seconds, spent.retry_after_seconds, wished.retry_after_seconds) == (60, 300, 17)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (fault(500, "policies.ratelimit.SpikeArrestViolation", "Spike arrest violation. Allowed rate : 5ps"), NotSent),
        (fault(429, "policies.ratelimit.QuotaViolation", "Rate limit quota violation"), NotSent),
        (fault(403, "", "Invalid API call as no apiproduct match found"), Declined),
        (fault(504, "messaging.adaptors.http.flow.GatewayTimeout", "Gateway Timeout"), InDoubt),
        (reply(b"", 429), NotSent),
        (reply(HTML, 503), InDoubt),
        (reply(HTML, 200), InDoubt),
        (reply(b"", 500), InDoubt),
        (reply(b"", 200), InDoubt),
        (reply(b"", 400), InDoubt),
        (reply(b"", 302), InDoubt),
        (reply([], 200), InDoubt),
        (reply({"ResponseCode": "0"}), InDoubt),
        (reply({**fixture("stk_push_ack"), "ResponseCode": "1"}), InDoubt),
        (reply(fixture("stk_push_ack"), 502), InDoubt),
    ],
    ids=lambda value: value.text[:70] if isinstance(value, httpx2.Response) else value.__name__,
)
def test_an_answer_of_another_kind_is_in_doubt_unless_their_gate_gave_it(
    answer: httpx2.Response, kind: type[Outcome]
) -> None:
    assert isinstance(pay(answer), kind)


def test_a_number_for_a_response_code_is_the_same_as_text() -> None:
    assert isinstance(pay(reply({**fixture("stk_push_ack"), "ResponseCode": 0})), Pending)


def test_a_question_names_the_prompt() -> None:
    script = Script(queried())

    outcome = script.adapter.verify_payment(QUERY)

    assert str(script.posts[0].url) == "http://mpesa.test/mpesa/stkpushquery/v1/query"
    assert script.sent().keys() == {"BusinessShortCode", "Password", "Timestamp", "CheckoutRequestID"}
    assert isinstance(outcome, Succeeded)
    assert (outcome.reference, outcome.receipt) == (CHECKOUT_ID, None)


def test_an_answer_about_another_prompt_is_not_believed() -> None:
    assert isinstance(asked(reply(fixture("stk_query_success"))), InDoubt)


def test_both_ways_of_being_at_work_are_pending() -> None:
    new = queried(ResultCode="4999", ResultDesc="The transaction is still under processing")

    assert isinstance(asked(reply(fixture("stk_query_pending_http500"), 500)), Pending)
    assert isinstance(asked(reply(fixture("stk_query_pending_http500"), 200)), Pending)
    assert isinstance(asked(new), Pending)
    assert isinstance(asked(queried(ResultCode=4999)), Pending)


@pytest.mark.parametrize("code", sorted(code for code, meaning in STK_RESULTS.items() if isinstance(meaning, Refused)))
def test_each_terminal_code_is_a_no(code: str) -> None:
    meaning = STK_RESULTS[code]
    assert isinstance(meaning, Refused)

    outcome = asked(queried(ResultCode=code, ResultDesc="words"))

    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.provider_code, outcome.provider_message) == (meaning.code, code, "words")
    assert outcome.reference == CHECKOUT_ID


def test_the_table_says_what_the_facts_say() -> None:
    F = FailureCode  # noqa: N806 - a short name for a table
    said = {code: meaning.code for code, meaning in STK_RESULTS.items() if isinstance(meaning, Refused)}

    assert said == {
        "1": F.INSUFFICIENT_FUNDS, "2": F.AMOUNT_TOO_SMALL, "3": F.AMOUNT_TOO_LARGE, "4": F.LIMIT_EXCEEDED,
        "8": F.LIMIT_EXCEEDED, "17": F.DUPLICATE_WINDOW, "26": F.PROVIDER_UNAVAILABLE, "1001": F.PROVIDER_UNAVAILABLE,
        "1019": F.EXPIRED, "1025": F.PROVIDER_FAILED, "1031": F.CANCELLED_BY_CUSTOMER,
        "1032": F.CANCELLED_BY_CUSTOMER, "1036": F.EXPIRED, "1037": F.EXPIRED, "2001": F.WRONG_PIN,
        "2028": F.PROVIDER_REFUSED, "8006": F.BLOCKED, "9999": F.PROVIDER_FAILED, "SFC_IC0003": F.PROVIDER_REFUSED,
        "E3008": F.DECLINED,
    }  # fmt: skip
    assert [code for code, meaning in STK_RESULTS.items() if meaning is Moved.DONE] == ["0"]


@pytest.mark.parametrize("code", ["5555", "00", "0x0", "R000001", "ABC", 17.5])
def test_an_unknown_code_is_undecided_and_raises_an_alert(code: object) -> None:
    outcome = asked(queried(ResultCode=code))

    assert isinstance(outcome, Pending)
    assert outcome.answer["alert"] == "unknown_code"


@pytest.mark.parametrize(
    "answer",
    [
        error(500, "500.003.02", "System is busy"),
        error(500, "500.003.03", "Quota Violation"),
        error(400, "400.002.02", "Bad Request - Invalid CheckoutRequestID"),
        error(500, "500.001.1001", "Merchant does not exist"),
        error(500, "500.001.1001", "Internal Server Error"),
        error(404, "404.001.01", "Resource not found"),
        reply(b"", 429),
        reply(HTML, 503),
        reply(b"", 200),
        reply({"ResponseCode": "0"}),
    ],
    ids=lambda answer: answer.text[:70],
)
def test_a_question_that_fails_says_nothing_of_the_payment(answer: httpx2.Response) -> None:
    assert isinstance(asked(answer), InDoubt)


def test_a_lost_prompt_is_waited_for_and_never_proven_absent() -> None:
    script = Script(queried())

    assert isinstance(script.adapter.verify_payment(LOST_QUERY), InDoubt)
    assert script.posts == []


def test_a_lost_prompt_is_found_among_the_pulled_payments_by_our_reference() -> None:
    other = row(transactionId="OTHER12345", billreference="x")
    found = Script(pulled(row(), row(), other), pulled(other), pull_transactions=True)

    outcome = found.adapter.verify_payment(LOST_QUERY)

    assert outcome == Succeeded(reference=None, receipt="NLJ7RT61SV", answer={"TransID": "NLJ7RT61SV"})
    assert found.sent(0) == {
        "ShortCode": SHORTCODE,
        "StartDate": "2026-01-15 12:46:00",
        "EndDate": "2026-01-15 13:00:00",
        "OffSetValue": "0",
    }
    assert [found.sent(number)["OffSetValue"] for number in (0, 1)] == ["0", "2"]


@pytest.mark.parametrize(
    "answers",
    [
        (NO_MORE,),
        (pulled(row(amount="2.00")), NO_MORE),
        (pulled(row(), row(transactionId="SECOND1234")), NO_MORE),
        (pulled(row(billreference="somebody's")), NO_MORE),
        (pulled(row(amount="many")), NO_MORE),
        (reply(HTML, 503),),
    ],
)
def test_what_is_not_surely_it_leaves_the_lost_prompt_in_doubt(answers: tuple[httpx2.Response, ...]) -> None:
    assert isinstance(Script(*answers, pull_transactions=True).adapter.verify_payment(LOST_QUERY), InDoubt)
