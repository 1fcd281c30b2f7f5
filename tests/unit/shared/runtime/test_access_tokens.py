"""Tokens: whose they are, what they are for, how long; and everything that is no token of ours."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.runtime.access_tokens import (
    API_AUDIENCE,
    ISSUER,
    WATCH_AUDIENCE,
    WATCH_LIFETIME,
    AccessTokens,
    Principal,
    TokenRejected,
    WatchGrant,
)
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import MERCHANT, USER

KEY = "kX9vQ2mT7pL4wR8zB3nC6yF1hJ5dG0sA-kX9vQ2mT7pL4wR8zB3nC6yF1hJ5dG0sA"
OTHER_KEY = "A0s5dG1hJ6yF3nC8zB4wR7pL2mT9vQkX"
PAYMENT = UUID("01900000-0000-7000-8000-000000000001")
PRINCIPAL = Principal(
    user_id=USER, merchant_id=MERCHANT, role="developer", scopes=frozenset({"payments:read", "payments:write"})
)
NOW = int(NOON.timestamp())
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": API_AUDIENCE,
    "sub": str(USER),
    "iat": NOW,
    "exp": NOW + 900,
    "jti": "1",
    "merchant": str(MERCHANT),
    "role": "developer",
    "scope": "payments:read payments:write",
}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def tokens(clock: FakeClock) -> AccessTokens:
    return AccessTokens(KEY, clock)


def _signed(key: str = KEY, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **changes: Any) -> str:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not ...}
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


def _by_hand(header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
    return ".".join([*parts, signature])


def test_a_token_says_who_it_is_for(tokens: AccessTokens) -> None:
    assert tokens.verify(tokens.issue(PRINCIPAL)) == PRINCIPAL


def test_those_of_the_platform_belong_to_no_merchant(tokens: AccessTokens) -> None:
    platform = Principal(user_id=USER, merchant_id=None, role="platform_admin", scopes=frozenset())

    assert tokens.verify(tokens.issue(platform)) == platform


def test_the_claims_of_these_tests_are_accepted_as_they_stand(tokens: AccessTokens) -> None:
    assert tokens.verify(_signed()) == PRINCIPAL


def test_no_two_tokens_have_the_same_id(tokens: AccessTokens) -> None:
    ids = {jwt.decode(tokens.issue(PRINCIPAL), options={"verify_signature": False})["jti"] for _ in range(10)}

    assert len(ids) == 10


@pytest.mark.parametrize(("seconds", "is_good"), [(0, True), (899, True), (900, False), (90_000, False)])
def test_an_access_token_is_good_for_fifteen_minutes(
    seconds: int, is_good: bool, tokens: AccessTokens, clock: FakeClock
) -> None:
    token = tokens.issue(PRINCIPAL)
    clock.advance(seconds)

    if is_good:
        assert tokens.verify(token) == PRINCIPAL
        return
    with pytest.raises(TokenRejected):
        tokens.verify(token)


@pytest.mark.parametrize(("seconds", "is_good"), [(60, True), (61, False)])
def test_a_token_from_the_future_is_good_only_as_far_as_clocks_differ(
    seconds: int, is_good: bool, tokens: AccessTokens
) -> None:
    token = _signed(iat=NOW + seconds, exp=NOW + seconds + 900)

    if is_good:
        assert tokens.verify(token) == PRINCIPAL
        return
    with pytest.raises(TokenRejected):
        tokens.verify(token)


RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RSA_PEM = RSA_KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
OWN_JWK = {"kty": "oct", "k": base64.urlsafe_b64encode(OTHER_KEY.encode()).decode()}

BAD: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "no token": lambda: "abc",
    "two parts": lambda: "a.b",
    "four parts": lambda: _signed() + ".x",
    "not base64": lambda: "ä.ö.ü",
    "100 kB": lambda: "a" * 100_000,
    "100 kB of claims": lambda: _signed(key=OTHER_KEY, pad="a" * 100_000),
    "alg none": lambda: _by_hand({"alg": "none", "typ": "JWT"}, CLAIMS),
    "alg NoNe": lambda: _by_hand({"alg": "NoNe", "typ": "JWT"}, CLAIMS),
    "alg missing": lambda: _by_hand({"typ": "JWT"}, CLAIMS),
    "alg null": lambda: _by_hand({"alg": None}, CLAIMS),
    "none with our signature": lambda: _by_hand({"alg": "none"}, CLAIMS, _signed().rpartition(".")[2]),
    "other HMAC": lambda: _signed(algorithm="HS384"),
    "RS256": lambda: _signed(key=RSA_PEM, algorithm="RS256"),
    "signature missing": lambda: _signed().rpartition(".")[0] + ".",
    "signature of other claims": lambda: _signed(role="x").rpartition(".")[0] + "." + _signed().rpartition(".")[2],
    "other key": lambda: _signed(key=OTHER_KEY),
    "own key embedded": lambda: _signed(key=OTHER_KEY, headers={"jwk": OWN_JWK}),
    "own key by URL": lambda: _signed(key=OTHER_KEY, headers={"jku": "http://evil.example/keys"}),
    "kid as a path": lambda: _signed(key=OTHER_KEY, headers={"kid": "../../dev/null"}),
    "kid as SQL": lambda: _signed(key=OTHER_KEY, headers={"kid": "' OR 1=1 --"}),
    "unknown critical header": lambda: _signed(headers={"crit": ["x"], "x": 1}),
    "header altered": lambda: _by_hand({"alg": "HS256", "x": 1}, CLAIMS, _signed().rpartition(".")[2]),
    "expired": lambda: _signed(iat=NOW - 1000, exp=NOW - 100),
    "expires now": lambda: _signed(iat=NOW - 900, exp=NOW),
    "ten years": lambda: _signed(exp=NOW + 10 * 365 * 86_400),
    "one second too long": lambda: _signed(exp=NOW + 901),
    "not yet": lambda: _signed(nbf=4_000_000_000),
    "exp as text": lambda: _signed(exp=str(NOW + 900)),
    "exp as a fraction": lambda: _signed(exp=NOW + 900.5),
    "exp true": lambda: _signed(exp=True),
    "exp null": lambda: _by_hand_signed(exp=None),
    "iat as text": lambda: _by_hand_signed(iat=str(NOW)),
    "exp huge": lambda: _by_hand_signed(exp=10**400),
    "exp infinite": lambda: _by_hand_signed(exp=float("inf")),
    "exp not a number": lambda: _by_hand_signed(exp=float("nan")),
    "other issuer": lambda: _signed(iss="evil"),
    "issuer as prefix": lambda: _signed(iss=ISSUER + "x"),
    "issuer as list": lambda: _by_hand_signed(iss=[ISSUER]),
    "other audience": lambda: _signed(aud="payment-gateway/admin"),
    "audience as list": lambda: _signed(aud=[API_AUDIENCE]),
    "audience as list with others": lambda: _signed(aud=[API_AUDIENCE, "other"]),
    "audience null": lambda: _by_hand_signed(aud=None),
    "sub as number": lambda: _by_hand_signed(sub=7),
    "sub no id": lambda: _signed(sub="admin"),
    "sub null": lambda: _by_hand_signed(sub=None),
    "merchant no id": lambda: _signed(merchant="x"),
    "merchant as number": lambda: _signed(merchant=7),
    "merchant missing": lambda: _signed(merchant=...),
    "role missing": lambda: _signed(role=...),
    "scope missing": lambda: _signed(scope=...),
    "iss missing": lambda: _signed(iss=...),
    "aud missing": lambda: _signed(aud=...),
    "sub missing": lambda: _signed(sub=...),
    "exp missing": lambda: _signed(exp=...),
    "iat missing": lambda: _signed(iat=...),
    "jti missing": lambda: _signed(jti=...),
    "claims as a list": lambda: jwt.api_jws.encode(b"[]", KEY, algorithm="HS256"),
    "claims as text": lambda: jwt.api_jws.encode(b'"x"', KEY, algorithm="HS256"),
    "claims not JSON": lambda: jwt.api_jws.encode(b"x", KEY, algorithm="HS256"),
    "claims nested 30k deep": lambda: jwt.api_jws.encode(b"[" * 30_000, KEY, algorithm="HS256"),
}


def _by_hand_signed(**changes: Any) -> str:
    """Our key under claims that the library would not write."""
    return jwt.api_jws.encode(json.dumps(CLAIMS | changes).encode(), KEY, algorithm="HS256")


@pytest.mark.parametrize("name", sorted(BAD))
def test_what_is_no_access_token_of_ours_is_rejected(name: str, tokens: AccessTokens) -> None:
    with pytest.raises(TokenRejected):
        tokens.verify(BAD[name]())


def test_no_character_of_a_token_can_be_changed(tokens: AccessTokens) -> None:
    token = _signed()
    places = [each for each in range(0, len(token) - 1, 7) if token[each] != "."]

    for place in places:
        tampered = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(TokenRejected):
            tokens.verify(tampered)


def test_a_token_for_watching_is_for_one_payment(tokens: AccessTokens) -> None:
    assert tokens.verify_watch(tokens.issue_watch(PAYMENT, NOON)) == WatchGrant(
        transaction_id=PAYMENT, expires_at=NOON + WATCH_LIFETIME
    )


def test_the_same_payment_always_gets_the_same_watch_token(tokens: AccessTokens, clock: FakeClock) -> None:
    first = tokens.issue_watch(PAYMENT, NOON)
    clock.advance(3600)

    assert tokens.issue_watch(PAYMENT, NOON) == first


@pytest.mark.parametrize(("after", "is_good"), [(timedelta(hours=23, minutes=59), True), (timedelta(hours=24), False)])
def test_a_watch_token_is_good_for_a_day(
    after: timedelta, is_good: bool, tokens: AccessTokens, clock: FakeClock
) -> None:
    token = tokens.issue_watch(PAYMENT, NOON)
    clock.advance(after.total_seconds())

    if is_good:
        assert tokens.verify_watch(token).transaction_id == PAYMENT
        return
    with pytest.raises(TokenRejected):
        tokens.verify_watch(token)


def test_a_watch_token_is_no_access_token(tokens: AccessTokens) -> None:
    with pytest.raises(TokenRejected):
        tokens.verify(tokens.issue_watch(PAYMENT, NOON))


def test_an_access_token_is_no_watch_token(tokens: AccessTokens) -> None:
    with pytest.raises(TokenRejected):
        tokens.verify_watch(tokens.issue(PRINCIPAL))


@pytest.mark.parametrize("aud", [[WATCH_AUDIENCE], [WATCH_AUDIENCE, API_AUDIENCE], API_AUDIENCE])
def test_a_watch_token_is_for_watching_alone(aud: object, tokens: AccessTokens) -> None:
    with pytest.raises(TokenRejected):
        tokens.verify_watch(_signed(aud=aud, sub=str(PAYMENT)))


@pytest.mark.parametrize("sub", ["x", "", "7"])
def test_a_watch_token_names_a_payment(sub: str, tokens: AccessTokens) -> None:
    with pytest.raises(TokenRejected):
        tokens.verify_watch(_signed(aud=WATCH_AUDIENCE, sub=sub))


def test_a_token_of_another_environment_is_rejected(tokens: AccessTokens, clock: FakeClock) -> None:
    with pytest.raises(TokenRejected):
        tokens.verify(AccessTokens(OTHER_KEY, clock).issue(PRINCIPAL))
