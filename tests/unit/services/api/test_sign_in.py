"""Signing in: with an API key, or with a password."""

from typing import Any

import pytest

from services.api.auth import ROLES
from shared.domain.ids import UserId
from shared.persistence.accounts import Account
from shared.runtime.identifiers import new_id
from tests.fakes.api import ApiOnFakes, pointers, problem
from tests.fakes.clock import NOON
from tests.fakes.makers import MERCHANT
from tests.fakes.persistence.tables import Tables

URL = "/api/v1/auth/token"
BY_KEY = {"api_key_id": "key_1", "api_key_secret": "gws_canary"}
BY_PASSWORD = {"email": "dev@gateway.example", "password": "canary-password"}


@pytest.fixture
def api() -> ApiOnFakes:
    made = ApiOnFakes()
    user = UserId(new_id())
    by_password = Account(user_id=user, merchant_id=MERCHANT, role="developer", secret_hash="cheap:canary-password")
    by_key = Account(user_id=user, merchant_id=MERCHANT, role="developer", secret_hash="cheap:gws_canary")
    with made.books.unit_of_work() as work:
        work.accounts.ensure_merchant(MERCHANT, "Shop", NOON)
        work.accounts.ensure_user(by_password, "dev@gateway.example", NOON)
        work.accounts.ensure_api_key("key_1", by_key, NOON)
        work.commit()
    return made


def _sign_in(api: ApiOnFakes, body: dict[str, Any]) -> Any:
    return api.post(URL, body, Authorization=None, Idempotency_Key=None)


@pytest.mark.parametrize(
    "body",
    [
        BY_KEY,
        BY_PASSWORD,
        BY_PASSWORD | {"email": "DEV@Gateway.Example"},
        BY_PASSWORD | {"grant_type": "password"},
        {"grant_type": "client_credentials", "client_id": "key_1", "client_secret": "gws_canary"},
    ],
    ids=["key", "password", "capitals", "grant", "OAuth 2"],
)
def test_good_credentials_give_a_token_that_works(api: ApiOnFakes, body: dict[str, Any]) -> None:
    response = _sign_in(api, body)

    given = response.get_json()
    assert (response.status_code, given["token_type"], given["expires_in"]) == (200, "Bearer", 900)
    assert given["merchant_id"] == str(MERCHANT)
    assert api.get("/payments", Authorization=f"Bearer {given['access_token']}").status_code == 200


def test_the_token_carries_the_scopes_of_the_role(api: ApiOnFakes) -> None:
    given = _sign_in(api, BY_KEY).get_json()

    assert set(given["scope"].split()) == ROLES["developer"] == api.tokens.verify(given["access_token"]).scopes


UNKNOWN: dict[str, dict[str, Any]] = {
    "wrong secret": BY_KEY | {"api_key_secret": "gws_other"},
    "unknown key": BY_KEY | {"api_key_id": "key_2"},
    "key in capitals": BY_KEY | {"api_key_id": "KEY_1"},
    "wrong password": BY_PASSWORD | {"password": "other"},
    "unknown user": BY_PASSWORD | {"email": "other@gateway.example"},
    "secret as password": BY_PASSWORD | {"password": "gws_canary"},
    "password as secret": BY_KEY | {"api_key_secret": "canary-password"},
    "empty secret": BY_KEY | {"api_key_secret": ""},
    "empty password": BY_PASSWORD | {"password": ""},
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_whatever_is_wrong_with_credentials_the_answer_is_the_same(api: ApiOnFakes, name: str) -> None:
    body = problem(_sign_in(api, UNKNOWN[name]), 401, "not_authenticated")

    assert body["detail"] == "These credentials are not known."


@pytest.mark.parametrize("name", ["wrong secret", "unknown key", "wrong password", "unknown user"])
def test_an_unknown_account_costs_as_much_as_a_known_one(api: ApiOnFakes, name: str) -> None:
    _sign_in(api, UNKNOWN[name])

    assert api.hasher.verified == 1


def test_a_secret_that_was_right_before_is_recognised_without_the_cost(api: ApiOnFakes) -> None:
    for _ in range(3):
        assert _sign_in(api, BY_KEY).status_code == 200
    assert api.hasher.verified == 1

    problem(_sign_in(api, UNKNOWN["wrong secret"]), 401, "not_authenticated")


def test_a_secret_that_was_replaced_is_not_recognised_any_more(api: ApiOnFakes) -> None:
    _sign_in(api, BY_KEY)
    (user,) = api.books.database.committed.users
    changed = Account(user_id=UserId(user), merchant_id=MERCHANT, role="developer", secret_hash="cheap:gws_new")
    api.books.do(lambda work: work.accounts.ensure_api_key("key_1", changed, NOON))

    problem(_sign_in(api, BY_KEY), 401, "not_authenticated")
    assert _sign_in(api, BY_KEY | {"api_key_secret": "gws_new"}).status_code == 200


def _revoke(tables: Tables) -> None:
    (key,) = tables.api_keys.values()
    tables.api_keys["key_1"] = type(key)(
        user_id=key.user_id, merchant_id=key.merchant_id, secret_hash=key.secret_hash, is_revoked=True
    )


def test_a_revoked_key_is_unknown_even_if_it_was_used_before(api: ApiOnFakes) -> None:
    _sign_in(api, BY_KEY)
    _revoke(api.books.database.committed)

    problem(_sign_in(api, BY_KEY), 401, "not_authenticated")


PAIRS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "only a key": {"api_key_id": "key_1"},
    "only a secret": {"api_key_secret": "x"},
    "only an email": {"email": "a@b.co"},
    "both pairs": BY_KEY | BY_PASSWORD,
    "one of each": {"api_key_id": "key_1", "password": "x"},
    "three": BY_KEY | {"email": "a@b.co"},
    "unknown field": BY_KEY | {"role": "platform_admin"},
    "other grant": BY_KEY | {"grant_type": "implicit"},
    "secret a number": BY_KEY | {"api_key_secret": 7},
    "secret too long": BY_KEY | {"api_key_secret": "x" * 201},
    "NUL in the key": BY_KEY | {"api_key_id": "key_1\x00"},
    "NUL in the email": BY_PASSWORD | {"email": "a\x00@b.co"},
    "surrogate in the password": BY_PASSWORD | {"password": "\ud800"},
    "surrogate in the secret": BY_KEY | {"api_key_secret": "\udfff"},
}


@pytest.mark.parametrize("name", PAIRS)
def test_exactly_one_pair_of_credentials_is_needed(api: ApiOnFakes, name: str) -> None:
    response = _sign_in(api, PAIRS[name])

    assert pointers(problem(response, 422, "validation_failed"))
    assert api.hasher.verified == 0


@pytest.mark.parametrize("body", [*UNKNOWN.values(), *PAIRS.values()], ids=[*UNKNOWN, *PAIRS])
def test_no_refusal_repeats_a_secret(api: ApiOnFakes, body: dict[str, Any]) -> None:
    assert b"canary" not in _sign_in(api, body).data


def test_with_the_database_away_signing_in_is_told_to_try_again(api: ApiOnFakes) -> None:
    api.books.database.is_away = True

    problem(_sign_in(api, BY_KEY), 503, "unavailable")
