"""What customers pay by themselves: the question whether they may, the news that they have, and the statement."""

from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from shared.domain.customer import Customer
from shared.domain.errors import WebhookRejected
from shared.domain.money import Money
from shared.domain.outcome import Succeeded
from shared.provider_kit.provider import (
    AnswersWebhooks,
    ChecksCredentials,
    GivesStatements,
    MoneyReceived,
    SendsPayouts,
    StatementUnavailable,
)
from shared.providers.mpesa.tests.scripted import NOW, SHORTCODE, Script, error, fixture, reply
from shared.providers.mpesa.tests.test_payments import NO_MORE, pulled, row

MERCHANT = "01980000-0000-7000-8000-000000000009"
TILLS = {SHORTCODE: MERCHANT}
REGISTERED = reply(fixture("c2b_register_ack"))
# As D3 shows it, with what it has masked.
CONFIRMED: dict[str, object] = {
    "TransactionType": "Pay Bill",
    "TransID": "RKTQDM7W6S",
    "TransTime": "20191122063845",
    "TransAmount": "10.00",
    "BusinessShortCode": SHORTCODE,
    "BillRefNumber": "invoice008",
    "InvoiceNumber": "",
    "OrgAccountBalance": "",
    "ThirdPartyTransID": "",
    "MSISDN": "2547 ***** 149",
    "FirstName": "TEST",
    "MiddleName": "",
    "LastName": "CUSTOMER",
}


def registered(**changes: object) -> Script:
    given = {"tills": TILLS, **changes}
    script = Script(REGISTERED, **given)  # type: ignore[arg-type]  # settings
    assert script.adapter.register_webhooks().accepted
    return script


def told(**changes: object) -> MoneyReceived:
    script = registered()
    report = script.heard(script.path("ConfirmationURL"), {**CONFIRMED, **changes})
    assert isinstance(report, MoneyReceived)
    return report


def answered(body: dict[str, object], **settings: object) -> object:
    script = registered(**settings)
    verified = script.believed(script.path("ValidationURL"), body)
    assert verified.is_question
    return script.adapter.answer_webhook(verified).body


def test_the_addresses_are_registered_for_the_shortcode() -> None:
    script = registered()

    sent = script.sent()
    assert str(script.posts[0].url) == "http://mpesa.test/mpesa/c2b/v2/registerurl"
    assert (sent["ShortCode"], sent["ResponseType"]) == (SHORTCODE, "Completed")
    assert f"/c2b-confirm/{SHORTCODE}/" in sent["ConfirmationURL"]
    assert f"/c2b-check/{SHORTCODE}/" in sent["ValidationURL"]


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (error(500, "500.003.1001", "Urls are already registered."), "Urls are already registered."),
        (reply(b"", 500), "unreadable"),
        (httpx2.ReadTimeout("slow"), "ReadTimeout"),
    ],
    ids=str,
)
def test_addresses_that_are_not_taken_are_said_to_be_so(answer: httpx2.Response | Exception, detail: str) -> None:
    result = Script(answer).adapter.register_webhooks()

    assert not result.accepted
    assert detail in result.detail


def test_a_confirmation_is_money_received_without_names_and_masked_numbers() -> None:
    report = told()

    assert report == MoneyReceived(
        is_receipt=True,
        reference="RKTQDM7W6S",
        amount=Money(1_000, "KES"),
        till=SHORTCODE,
        account="invoice008",
        customer=Customer(),
        received_at=datetime(2019, 11, 22, 3, 38, 45, tzinfo=UTC),
        answer={"TransID": "RKTQDM7W6S", "TransTime": "20191122063845", "TransactionType": "Pay Bill"},
    )


@pytest.mark.parametrize(
    ("msisdn", "phone"),
    [
        ("254708374149", "+254708374149"),
        (254708374149, "+254708374149"),
        ("ed8e2b0a" * 8, None),
        ("2547 ***** 149", None),
        (None, None),
    ],
)
def test_only_a_whole_number_is_the_customers(msisdn: object, phone: str | None) -> None:
    assert told(MSISDN=msisdn).customer.phone == phone


def test_money_is_not_lost_for_a_time_that_cannot_be_read_nor_for_a_till_without_an_account() -> None:
    report = told(TransTime="yesterday", BillRefNumber=None)

    assert (report.received_at, report.account) == (NOW, "")


def test_a_confirmation_is_one_event_however_often_it_comes() -> None:
    script = registered()
    path = script.path("ConfirmationURL")

    ids = {script.believed(path, {**CONFIRMED, "OrgAccountBalance": balance}).event_id for balance in ("1.00", "2.00")}

    assert ids == {f"c2b-confirm:{SHORTCODE}:RKTQDM7W6S"}
    assert script.adapter.answer_webhook(script.believed(path, CONFIRMED)).body == {
        "ResultCode": 0,
        "ResultDesc": "Accepted",
    }


@pytest.mark.parametrize(
    "change",
    [{"TransID": ""}, {"TransAmount": "ten"}, {"TransAmount": None}, {"BusinessShortCode": "999999"}],
    ids=repr,
)
def test_a_confirmation_that_is_not_about_money_of_ours_is_refused(change: dict[str, object]) -> None:
    script = registered()

    with pytest.raises(WebhookRejected):
        script.believed(script.path("ConfirmationURL"), {**CONFIRMED, **change})


def test_a_till_of_ours_may_be_named_instead_of_the_shortcode_that_was_registered() -> None:
    script = registered(tills={"832909": MERCHANT})

    report = script.heard(script.path("ConfirmationURL"), {**CONFIRMED, "BusinessShortCode": "832909"})

    assert isinstance(report, MoneyReceived)
    assert report.till == "832909"


def test_a_customer_may_pay_what_we_can_take() -> None:
    assert answered(CONFIRMED) == fixture("c2b_validation_accept")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"BusinessShortCode": "999999"}, "C2B00015"),
        ({"TransAmount": "10.50"}, "C2B00013"),
        ({"TransAmount": "0"}, "C2B00013"),
        ({"TransAmount": "-5"}, "C2B00013"),
        ({"TransAmount": "250001.00"}, "C2B00013"),
        ({"TransAmount": "ten"}, "C2B00013"),
    ],
    ids=repr,
)
def test_a_customer_may_not_pay_what_we_cannot_take(change: dict[str, object], code: str) -> None:
    assert answered({**CONFIRMED, **change}) == {"ResultCode": code, "ResultDesc": "Rejected"}


def test_at_a_shortcode_of_nobody_only_the_account_of_a_prompt_of_ours_may_be_paid() -> None:
    nobodys: dict[str, object] = {"tills": {}, "account_reference": "payment"}

    assert answered(CONFIRMED, **nobodys) == {"ResultCode": "C2B00012", "ResultDesc": "Rejected"}
    assert answered({**CONFIRMED, "BillRefNumber": "0123456789AB"}, **nobodys) == fixture("c2b_validation_accept")
    # Where payments bring accounts of their own, none can be told from a mistyped one.
    assert answered(CONFIRMED, tills={}) == fixture("c2b_validation_accept")


def test_the_adapter_offers_what_m_pesa_can() -> None:
    adapter = Script().adapter

    for protocol in (SendsPayouts, ChecksCredentials, AnswersWebhooks):
        assert isinstance(adapter, protocol)


def test_it_gives_statements_only_where_pull_transactions_is_switched_on() -> None:
    adapters = [Script(pull_transactions=each).adapter for each in (True, False)]

    assert [isinstance(each, GivesStatements) for each in adapters] == [True, False]


def test_a_statement_has_every_pulled_payment_of_the_window_once_and_oldest_first() -> None:
    early, late = NOW - timedelta(hours=40), NOW - timedelta(hours=1)
    one = row(transactionId="LATE123456", trxDate=late.isoformat())
    two = row(transactionId="EARLY12345", trxDate="2026-01-13 21:00:00")
    outside = row(transactionId="OUTSIDE123")
    script = Script(pulled(one, outside), pulled(one, two), NO_MORE, pull_transactions=True)

    lines = script.statement(NOW - timedelta(hours=48), NOW - timedelta(minutes=30))

    assert [line.reference for line in lines] == ["EARLY12345", "LATE123456"]
    assert [line.occurred_at for line in lines] == [early, late]
    assert {(line.kind, line.amount, type(line.outcome)) for line in lines} == {
        ("payment", Money(100, "KES"), Succeeded)
    }
    assert [script.sent(number)["OffSetValue"] for number in range(3)] == ["0", "2", "3"]
    assert (script.sent(0)["StartDate"], script.sent(0)["EndDate"]) == ("2026-01-13 13:00:00", "2026-01-15 12:30:00")


def test_their_flat_list_of_older_documents_is_read_too() -> None:
    flat = reply({"ResponseCode": 1000, "Response": [row(trxDate="2026-01-15T09:00:00Z")]})

    assert len(Script(flat, NO_MORE, pull_transactions=True).statement(NOW - timedelta(hours=2), NOW)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"<html>", 503),
        reply(b"", 200),
        error(500, "500.003.02", "System is busy"),
        reply({"ResponseCode": "1002"}),
        reply({"ResponseCode": "1000", "Response": [[{"transactionId": "X"}]]}),
        pulled(row(amount="ten")),
        pulled(row(trxDate="yesterday")),
        httpx2.ConnectError("refused"),
    ],
    ids=str,
)
def test_a_statement_is_whole_or_there_is_none(answer: httpx2.Response | Exception) -> None:
    script = Script(answer, pull_transactions=True)

    with pytest.raises(StatementUnavailable):
        script.statement(NOW - timedelta(hours=1), NOW)


def test_there_is_no_statement_of_more_than_48_hours_ago() -> None:
    with pytest.raises(StatementUnavailable, match="48 hours"):
        Script(NO_MORE, pull_transactions=True).statement(NOW - timedelta(hours=49), NOW)
