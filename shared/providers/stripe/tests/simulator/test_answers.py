"""How requests are read and refused, one parameter at a time, and which amounts there are."""

import base64
from pathlib import Path

import pytest

from shared.providers.stripe.simulator.form import nested
from shared.providers.stripe.tests.simulator.played import API_KEY, PAYMENT, Played


def test_brackets_become_a_tree() -> None:
    tree = nested([("a[b][c]", "1"), ("a[d]", "2"), ("expand[]", "x"), ("expand[]", "y"), ("e[0]", "z"), ("m", "")])

    assert tree == {"a": {"b": {"c": "1"}, "d": "2"}, "expand": {"0": "x", "1": "y"}, "e": {"0": "z"}, "m": ""}


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"amount": "1.5"}, "parameter_invalid_integer", "amount"),
        ({"amount": "0"}, "parameter_invalid_integer", "amount"),
        ({"amount": ""}, "parameter_invalid_empty", "amount"),
        ({"amount": "49", "currency": "usd"}, "amount_too_small", "amount"),
        ({"amount": "29", "currency": "gbp"}, "amount_too_small", "amount"),
        ({"amount": "49", "currency": "jpy"}, "amount_too_small", "amount"),
        ({"amount": "100000000"}, "amount_too_large", "amount"),
        ({"amount": "12345", "currency": "ugx"}, "parameter_invalid_integer", "amount"),
        ({"amount": "5124", "currency": "kwd"}, "parameter_invalid_integer", "amount"),
        ({"currency": "moon"}, None, "currency"),
        ({"capture_method": "later"}, None, "capture_method"),
        ({"confirm": "maybe"}, None, "confirm"),
        (
            {"automatic_payment_methods[allow_redirects]": "sometimes"},
            None,
            "automatic_payment_methods[allow_redirects]",
        ),
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"payment_method": "pm_nobodys"}, "resource_missing", "payment_method"),
        ({"confirm": "false", "return_url": "https://x.example"}, None, "return_url"),
        ({"return_url": "nowhere"}, "url_invalid", "return_url"),
        ({"metadata[x]": "y" * 501}, "parameter_invalid_string", "metadata[x]"),
        ({"metadata[a][b]": "y"}, "parameter_invalid_string", "metadata[a]"),
    ],
)
def test_a_wrong_parameter_is_named(played: Played, changes: dict[str, str], code: str | None, param: str) -> None:
    refused = played.pay(**changes)

    assert (refused.status, refused.error["type"]) == (400, "invalid_request_error")
    assert (refused.error.get("code"), refused.error["param"]) == (code, param)
    assert played.get("/v1/payment_intents").body["data"] == []


@pytest.mark.parametrize("name", ["amount", "currency"])
def test_a_missing_parameter_is_named(played: Played, name: str) -> None:
    params = {key: value for key, value in PAYMENT.items() if key != name}

    refused = played.post("/v1/payment_intents", params)

    assert (refused.error["code"], refused.error["param"]) == ("parameter_missing", name)
    assert refused.error["doc_url"] == "https://stripe.com/docs/error-codes/parameter-missing"
    assert refused.headers["Request-Id"] in refused.error["request_log_url"]


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("50", "usd"), ("30", "gbp"), ("50", "jpy"), ("12300", "ugx"), ("5120", "kwd"), ("100", "KES")],
)
def test_amounts_that_the_currency_has_are_taken(played: Played, amount: str, currency: str) -> None:
    taken = played.pay(amount=amount, currency=currency)

    assert (taken.status, taken.body["amount_received"], taken.body["currency"]) == (200, int(amount), currency.lower())


def test_a_body_that_is_no_form_is_refused(played: Played) -> None:
    assert played.post("/v1/payment_intents", {"a[": "1"}).status == 400
    assert played.post("/v1/payment_intents", {"a": "1", "a[b]": "1"}).status == 400


def basic(user: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:'.encode()).decode()}"


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {API_KEY}", 200),
        (basic(API_KEY), 200),
        (basic("sk_test_wrong_key"), 401),
        ("Bearer sk_live_somebody1", 401),
        ("Bearer rk_test_restricted", 403),
        ("Basic !", 401),
        ("", 401),
    ],
)
def test_a_key_comes_as_bearer_or_basic(played: Played, authorization: str, status: int) -> None:
    answer = played.get("/v1/payment_intents", authorization=authorization)

    assert answer.status == status
    assert answer.headers["Request-Id"].startswith("req_")


def test_the_version_is_echoed_and_a_wrong_one_refused(played: Played) -> None:
    assert played.get("/v1/balance", stripe_version="2024-06-20").headers["Stripe-Version"] == "2024-06-20"
    assert played.get("/v1/balance", stripe_version="newest").status == 400


def test_an_unknown_address_is_not_found(played: Played) -> None:
    assert played.get("/v1/moons").status == 404
    assert played.post("/v1/moons").error["message"].startswith("Unrecognized request URL (POST: /v1/moons)")


def test_more_requests_than_the_limit_are_throttled(tmp_path: Path) -> None:
    played = Played(tmp_path, rate_limit_per_second="25")

    statuses = [played.get("/v1/balance").status for _ in range(27)]
    played.clock.pass_time(seconds=1)

    assert statuses == [200] * 25 + [429] * 2
    assert played.get("/v1/balance").status == 200
    played.simulator.close()


def test_ids_are_expanded_and_what_is_none_is_refused(played: Played) -> None:
    intent_id = played.pay(capture_method="automatic").id
    path = f"/v1/payment_intents/{intent_id}"

    shown = played.get(path, {"expand[0]": "latest_charge.balance_transaction", "expand[1]": "payment_method"}).body
    listed = played.get("/v1/payment_intents", {"expand[]": "data.latest_charge"}).body["data"][0]

    assert shown["latest_charge"]["balance_transaction"]["amount"] == 109_900
    assert (shown["payment_method"]["type"], listed["latest_charge"]["object"]) == ("card", "charge")
    assert played.get(path, {"expand[]": "status"}).status == 400


def test_metadata_is_changed_key_by_key(played: Played) -> None:
    intent_id = played.pay(**{"metadata[a]": "1", "metadata[b]": "2"}).id
    path = f"/v1/payment_intents/{intent_id}"

    changed = played.post(path, {"metadata[a]": "", "metadata[c]": "3"}).body["metadata"]
    emptied = played.post(path, {"metadata": ""}).body["metadata"]

    assert (changed, emptied) == ({"gateway_payment_id": "p1", "b": "2", "c": "3"}, {})


def test_the_amount_of_what_is_paid_does_not_change(played: Played) -> None:
    paid, open_one = played.pay().id, played.pay(confirm="false").id

    assert played.post(f"/v1/payment_intents/{paid}", {"amount": "5000"}).error["code"] == (
        "payment_intent_unexpected_state"
    )
    assert played.post(f"/v1/payment_intents/{open_one}", {"amount": "5000"}).body["amount"] == 5000


def test_a_direct_debit_needs_a_mandate_and_is_decided_later(played: Played) -> None:
    debit = {
        "currency": "eur",
        "payment_method": "",
        "payment_method_data[type]": "sepa_debit",
        "payment_method_data[sepa_debit][iban]": "AT32 1904 3002 3547 3204",
    }
    params = {key: value for key, value in {**PAYMENT, **debit}.items() if value}
    without = played.post("/v1/payment_intents", params)
    mandate = {"mandate_data[customer_acceptance][type]": "offline"}
    asked = played.post("/v1/payment_intents", {**params, **mandate})

    played.pass_time(seconds=1)

    assert without.error["param"] == "mandate_data"
    assert asked.body["status"] == "processing"
    assert played.get(f"/v1/payment_intents/{asked.id}").body["status"] == "succeeded"


def test_a_card_is_known_by_its_number(played: Played) -> None:
    card = {"payment_method_data[type]": "card", "payment_method_data[card][number]": "4000000000009995"}
    params = {key: value for key, value in {**PAYMENT, **card}.items() if key != "payment_method"}

    assert played.post("/v1/payment_intents", params).error["decline_code"] == "insufficient_funds"
    wrong = {**params, "payment_method_data[card][number]": "4111111111111111"}
    assert played.post("/v1/payment_intents", wrong).error["code"] == "incorrect_number"


@pytest.mark.parametrize(
    ("amount", "status"),
    [("10001", 402), ("110001", 402), ("10006", 200), ("9901", 200), ("10100", 200)],
)
def test_the_last_four_digits_of_a_large_amount_choose(played: Played, amount: str, status: int) -> None:
    assert played.pay(amount=amount).status == status


def test_an_unknown_status_and_an_unknown_decline_code_are_played(played: Played) -> None:
    assert played.pay(scenario="unknown_status").body["status"] == "under_review"
    assert played.pay(scenario="unknown_decline_code").error["decline_code"] == "moon_in_wrong_phase"


def test_an_authorization_expires_after_seven_days(played: Played) -> None:
    intent_id = played.pay(capture_method="manual").id
    path = f"/v1/payment_intents/{intent_id}"
    played.pass_time(days=6, hours=23)
    before = played.get(path).body["status"]

    played.pass_time(hours=1)

    after = played.get(path).body
    assert (before, after["status"], after["cancellation_reason"]) == ("requires_capture", "canceled", "automatic")
    assert "charge.expired" in played.merchant.types()


def test_what_is_not_settled_yet_is_not_refunded(played: Played) -> None:
    intent_id = played.pay(capture_method="manual").id

    refused = played.refund(intent_id)

    assert "does not have a successful charge" in refused.error["message"]
