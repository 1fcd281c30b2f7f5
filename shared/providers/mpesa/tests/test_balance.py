"""The accounts' balances, and the other things that an operator asks for by hand."""

import httpx2
import pytest

from shared.domain.errors import WebhookRejected
from shared.domain.money import Money
from shared.provider_kit.provider import NothingReported
from shared.providers.mpesa.balance import Balance, balances_in
from shared.providers.mpesa.tests.scripted import SHORTCODE, Script, error, fixture, reply


def test_a_balance_is_asked_for_and_comes_as_a_callback_that_moves_nothing() -> None:
    script = Script(reply(fixture("transaction_status_ack")))

    assert script.adapter.ask_for_balance().reason == "asked; they answer by callback"
    sent = script.sent()
    assert str(script.posts[0].url) == "http://mpesa.test/mpesa/accountbalance/v1/query"
    assert (sent["CommandID"], sent["PartyA"], sent["IdentifierType"]) == ("AccountBalance", "600992", "4")
    report = script.heard(script.path("ResultURL"), fixture("account_balance_result"))

    assert isinstance(report, NothingReported)
    assert report.reason == (
        "balances: Working Account KES 700000.00, Float Account KES 0.00, Utility Account KES 228037.00, "
        "Charges Paid Account KES -1540.00, Organization Settlement Account KES 0.00"
    )
    assert script.heard(script.path("QueueTimeOutURL"), {}) == NothingReported(reason="status-timeout")


@pytest.mark.parametrize("text", [None, "", "&&|", "A|KES", "A|KES|much|1", "A|USD|1.00|1.00"])
def test_what_is_no_balance_is_left_out(text: str | None) -> None:
    assert list(balances_in(text)) == []
    assert list(balances_in(f"{text}&B|KES|-1.50|0")) == [Balance("B", Money(-150, "KES"))]


def test_pulled_payments_are_switched_on_with_the_number_of_who_answers_for_it() -> None:
    script = Script(reply(fixture("pull_register_ack")))

    result = script.adapter.register_pull("254708374149")

    assert (result.accepted, result.detail) == (True, "Shortcode Registered Successfully")
    sent = script.sent()
    assert str(script.posts[0].url) == "http://mpesa.test/pulltransactions/v1/register"
    assert (sent["ShortCode"], sent["RequestType"], sent["NominatedNumber"]) == (SHORTCODE, "Pull", "254708374149")
    assert isinstance(script.heard(script.path("CallBackURL"), {"anything": 1}), NothingReported)
    with pytest.raises(WebhookRejected):
        script.believed(script.path("CallBackURL"), b"[]")


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        (reply({"ResponseStatus": 1001, "ResponseDescription": "already registered"}), True),
        (reply({"ResponseStatus": "1002"}), False),
        (error(400, "400.002.05", "Invalid Request Payload"), False),
        (reply(b"", 200), False),
    ],
    ids=str,
)
def test_only_what_is_registered_is_said_to_be(answer: httpx2.Response, *, accepted: bool) -> None:
    assert Script(answer).adapter.register_pull("254708374149").accepted is accepted
