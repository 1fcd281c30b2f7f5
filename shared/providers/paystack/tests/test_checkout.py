"""A payment on Paystack's page, and one on the customer's phone."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.domain.customer import Customer
from shared.domain.failure import FailureCode
from shared.domain.outcome import Declined, Pending, Succeeded
from shared.provider_kit.provider import PaymentReported, PaymentRequest
from shared.providers.paystack.tests.played import BY_PHONE, Played, playing, query_of


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Played]:
    """Without customers who come by themselves."""
    one = Played(tmp_path, auto_pay="0")
    yield one
    one.simulator.close()


def opened(played: Played, request: PaymentRequest) -> str:
    """The path of the payment's page."""
    outcome = played.adapter().initialize_payment(request)
    assert isinstance(outcome, Pending)
    assert outcome.next_action is not None
    assert outcome.next_action["type"] == "redirect"
    return outcome.next_action["url"].removeprefix("http://paystack/paystack")


def test_a_payment_waits_at_its_page_for_as_long_as_nobody_comes(patient: Played) -> None:
    request = playing("succeeds")
    opened(patient, request)
    patient.pass_time(days=1)

    outcome = patient.adapter().verify_payment(query_of(request, known=True))

    assert isinstance(outcome, Pending)
    assert outcome.reference == str(request.transaction_id)
    assert outcome.next_action == {"type": "redirect"}
    assert outcome.answer["status"] == "abandoned"


def test_a_page_that_is_open_is_still_waited_at(patient: Played) -> None:
    request = playing("succeeds")
    page = patient.ask("GET", opened(patient, request), api_key="")

    outcome = patient.adapter().verify_payment(query_of(request, known=True))

    assert (page.status, page.headers["Content-Type"]) == (200, "text/html")
    assert isinstance(outcome, Pending)
    assert outcome.answer["status"] == "ongoing"


def test_a_customer_pays_at_the_page_and_is_sent_back_to_the_shop(patient: Played) -> None:
    request = replace(playing("succeeds"), return_url="https://shop.example/thanks?a=b")

    answer = patient.ask("POST", opened(patient, request), b"decision=pay", api_key="")

    ours = str(request.transaction_id)
    assert answer.status == 303
    assert answer.headers["Location"] == f"https://shop.example/thanks?a=b&trxref={ours}&reference={ours}"
    assert isinstance(patient.adapter().verify_payment(query_of(request, known=True)), Succeeded)


def test_a_customer_who_was_declined_may_try_again_and_the_success_counts(patient: Played) -> None:
    request = playing("succeeds")
    page = opened(patient, request)

    patient.ask("POST", page, b"decision=decline", api_key="")
    declined = patient.adapter().verify_payment(query_of(request, known=True))
    patient.ask("POST", page, b"decision=pay", api_key="")

    assert isinstance(declined, Declined)
    assert declined.code == FailureCode.DECLINED
    assert isinstance(patient.adapter().verify_payment(query_of(request, known=True)), Succeeded)


def test_a_page_takes_the_money_once(patient: Played) -> None:
    page = opened(patient, playing("succeeds"))

    answers = [patient.ask("POST", page, b"decision=pay", api_key="").status for _ in range(2)]

    assert answers == [200, 400]
    patient.pass_time(seconds=0)
    assert patient.shop.events() == ["charge.success"]


def test_a_page_that_is_not_there_and_a_decision_that_is_none_change_nothing(patient: Played) -> None:
    request = playing("succeeds")

    assert patient.ask("GET", "/checkout/nothing").status == 404
    assert patient.ask("POST", opened(patient, request), b"decision=fly").status == 400
    assert patient.truth(request.transaction_id)["captured_minor"] == 0


def test_what_a_customer_did_at_the_page_is_not_undone_by_what_was_to_come(played: Played) -> None:
    request = playing("insufficient_funds")
    played.ask("POST", opened(played, request), b"decision=pay")
    played.pass_time(seconds=1)

    assert isinstance(played.adapter().verify_payment(query_of(request)), Succeeded)


def test_a_phone_is_asked_without_a_page(played: Played) -> None:
    adapter, request = played.adapter(mobile_money=True), playing("succeeds", BY_PHONE)

    begun = adapter.initialize_payment(request)
    waiting = adapter.verify_payment(query_of(request, known=True))
    played.pass_time(seconds=1)

    assert isinstance(begun, Pending)
    assert begun.next_action is None
    assert isinstance(waiting, Pending)
    assert waiting.next_action is None
    assert isinstance(adapter.verify_payment(query_of(request, known=True)), Succeeded)
    assert played.asked[0] == "POST /paystack/charge"


def test_only_shillings_are_asked_for_on_the_phone_and_only_where_that_is_wanted(played: Played) -> None:
    played.adapter(mobile_money=True).initialize_payment(playing("succeeds"))
    played.adapter().initialize_payment(playing("succeeds", BY_PHONE))

    assert played.asked == ["POST /paystack/transaction/initialize"] * 2


@pytest.mark.parametrize(
    "customer", [Customer(phone="+254700000000"), Customer(email="amina@example.com")], ids=["no email", "no phone"]
)
def test_a_customer_who_cannot_be_asked_is_refused_before_anything_is_sent(played: Played, customer: Customer) -> None:
    request = replace(playing("succeeds", BY_PHONE), customer=customer)

    outcome = played.adapter(mobile_money=True).initialize_payment(request)

    assert isinstance(outcome, Declined)
    assert outcome.code == FailureCode.INVALID_ACCOUNT
    assert played.asked == []


def test_the_refusal_of_a_phone_is_told_and_that_of_a_page_is_not(played: Played) -> None:
    adapter = played.adapter(mobile_money=True)
    by_phone, by_page = playing("insufficient_funds", BY_PHONE), playing("insufficient_funds")
    adapter.initialize_payment(by_phone)
    adapter.initialize_payment(by_page)
    played.pass_time(seconds=1)

    [callback] = played.shop.callbacks
    report = adapter.handle_webhook(json.loads(callback.body))

    assert isinstance(report, PaymentReported)
    assert report.transaction_id == by_phone.transaction_id
    assert isinstance(report.outcome, Declined)
    assert isinstance(adapter.verify_payment(query_of(by_page, known=True)), Declined)
