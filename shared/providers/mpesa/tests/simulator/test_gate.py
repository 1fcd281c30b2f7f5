"""Tokens: how one is got, that only the last is good, and how each product refuses the others."""

from pathlib import Path

import pytest

from shared.providers.mpesa.tests.simulator.played import BASE, PHONE, SHORTCODE, Played, basic, read

TOKEN_PATH = "/oauth/v1/generate?grant_type=client_credentials"  # noqa: S105 - an address

REFUSALS = [
    ("/mpesa/stkpush/v1/processrequest", 404, "404.001.03"),
    ("/mpesa/stkpushquery/v1/query", 404, "404.001.03"),
    ("/mpesa/reversal/v1/request", 404, "404.001.03"),
    ("/mpesa/c2b/v1/registerurl", 400, "400.003.01"),
    ("/mpesa/c2b/v2/registerurl", 400, "400.003.01"),
    ("/mpesa/c2b/v2/simulate", 400, "400.003.01"),
    ("/mpesa/transactionstatus/v1/query", 400, "400.003.01"),
    ("/mpesa/b2c/v1/paymentrequest", 401, "401.002.01"),
    ("/mpesa/b2c/v3/paymentrequest", 401, "401.002.01"),
    ("/mpesa/accountbalance/v1/query", 401, "401.002.01"),
]


@pytest.mark.parametrize("credentials", [("key", "wrong"), ("wrong", "secret"), ("", "")])
def test_wrong_credentials_are_refused_with_an_empty_body(played: Played, credentials: tuple[str, str]) -> None:
    answer = played.ask("GET", TOKEN_PATH, authorization=basic(*credentials))

    assert (answer.status, answer.body) == (400, b"")


@pytest.mark.parametrize(
    ("path", "authorization", "code"),
    [
        (TOKEN_PATH, "Bearer abc", "400.008.01"),
        (TOKEN_PATH, "", "400.008.01"),
        ("/oauth/v1/generate", basic("key", "secret"), "400.008.02"),
        ("/oauth/v1/generate?grant_type=password", basic("key", "secret"), "400.008.02"),
    ],
)
def test_a_wrong_scheme_or_grant_is_refused(played: Played, path: str, authorization: str, code: str) -> None:
    answer = played.ask("GET", path, authorization=authorization)

    assert (answer.status, read(answer)["errorCode"]) == (400, code)


@pytest.mark.parametrize(("path", "status", "code"), REFUSALS)
def test_each_product_refuses_a_dead_token_in_its_own_way(played: Played, path: str, status: int, code: str) -> None:
    dead = played.new_token()
    played.new_token()

    answer = played.ask("POST", path, {}, authorization=f"Bearer {dead}")

    assert (answer.status, read(answer)["errorCode"]) == (status, code)
    assert (dead in read(answer)["errorMessage"]) is (status == 401)


def test_a_new_token_ends_the_life_of_the_last(played: Played) -> None:
    first = played.new_token()
    body = played.stk_body()
    path = "/mpesa/stkpush/v1/processrequest"
    second = played.new_token()

    answers = [played.ask("POST", path, body, authorization=f"Bearer {token}").status for token in (first, second)]

    assert answers == [404, 200]


def test_a_token_dies_of_age(tmp_path: Path) -> None:
    played = Played(tmp_path, token_lifetime_seconds="60")  # noqa: S106 - a duration
    token = played.new_token()

    played.clock.pass_time(seconds=59)
    young = played.push()
    played.clock.pass_time(seconds=2)
    old = played.push()

    assert [young.status, old.status] == [200, 404]
    assert token
    played.simulator.close()


def test_a_token_outlives_a_restart(played: Played) -> None:
    played.new_token()
    played.restart()

    assert played.push().status == 200


@pytest.mark.parametrize("authorization", ["", "Basic abc", "Bearer "])
def test_a_missing_token_is_another_error_than_a_dead_one(played: Played, authorization: str) -> None:
    answer = played.ask("POST", "/mpesa/stkpush/v1/processrequest", {}, authorization=authorization)

    assert (answer.status, read(answer)["errorCode"]) == (404, "404.001.04")


def test_an_unknown_address_and_a_wrong_method_are_refused(played: Played) -> None:
    unknown = played.call("/mpesa/stkpush/v9/processrequest", {})
    wrong = played.ask("GET", "/mpesa/stkpush/v1/processrequest")

    assert (unknown.status, read(unknown)["errorCode"]) == (404, "404.001.01")
    assert (wrong.status, read(wrong)["errorCode"]) == (405, "405.001")


def test_a_body_that_is_no_json_object_is_refused(played: Played) -> None:
    answers = [played.call("/mpesa/stkpush/v1/processrequest", body) for body in (b"{", b"[]", b"7")]

    assert {(answer.status, read(answer)["errorCode"]) for answer in answers} == {(400, "400.002.05")}


def test_a_form_has_no_fields_at_all(played: Played) -> None:
    form = f"BusinessShortCode={SHORTCODE}&PhoneNumber={PHONE}&CallBackURL={BASE}".encode()

    answer = played.call("/mpesa/stkpush/v1/processrequest", form, content_type="application/x-www-form-urlencoded")

    assert (answer.status, read(answer)["errorMessage"]) == (400, "Bad Request - Invalid BusinessShortCode")
