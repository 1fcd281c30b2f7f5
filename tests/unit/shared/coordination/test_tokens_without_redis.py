"""Tokens while Redis is away: each process goes on alone, and fetches no more than it must."""

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from shared.coordination.redis_client import OptionalRedis, build_redis
from shared.coordination.tokens import RedisTokens
from shared.domain.outcome import NotSent
from shared.provider_kit.tokens import IssuedToken, TokenUnavailable
from shared.runtime.crypto import CredentialCipher
from tests.fakes.clock import FakeClock

NOBODY_LISTENS = "redis://127.0.0.1:1/0"
HOUR = timedelta(hours=1)


class Issuer:
    """Gives T1, T2, …."""

    def __init__(self, lifetime: timedelta = HOUR) -> None:
        self.issued, self._lifetime = 0, lifetime

    def __call__(self) -> IssuedToken:
        self.issued += 1
        return IssuedToken(value=f"T{self.issued}", lifetime=self._lifetime)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def tokens(clock: FakeClock) -> RedisTokens:
    redis = OptionalRedis(build_redis(NOBODY_LISTENS, connections=1))
    return RedisTokens(redis, CredentialCipher((Fernet.generate_key().decode(),)), clock)


def test_without_redis_a_process_fetches_one_token_and_goes_on_with_it(tokens: RedisTokens) -> None:
    issuer = Issuer()

    assert [tokens.token("mpesa:app", issuer) for _ in range(3)] == ["T1", "T1", "T1"]


def test_without_redis_a_token_that_is_refused_is_replaced_once(tokens: RedisTokens) -> None:
    issuer = Issuer()
    tokens.token("mpesa:app", issuer)

    assert [tokens.token("mpesa:app", issuer, refused="T1") for _ in range(3)] == ["T2", "T2", "T2"]


@pytest.mark.parametrize(
    ("lifetime", "lasts"),
    [(HOUR, HOUR - timedelta(seconds=60)), (timedelta(seconds=70), timedelta(seconds=35))],
)
def test_a_token_is_not_used_in_its_last_minute_nor_in_the_second_half_of_a_short_life(
    tokens: RedisTokens, clock: FakeClock, lifetime: timedelta, lasts: timedelta
) -> None:
    issuer = Issuer(lifetime)
    tokens.token("mpesa:app", issuer)

    clock.advance(lasts.total_seconds() - 1)
    assert tokens.token("mpesa:app", issuer) == "T1"

    clock.advance(1)
    assert tokens.token("mpesa:app", issuer) == "T2"


def test_why_no_token_was_given_reaches_the_caller(tokens: RedisTokens) -> None:
    def refuse() -> IssuedToken:
        raise TokenUnavailable(NotSent(reason="misconfigured: http 401"))

    with pytest.raises(TokenUnavailable) as raised:
        tokens.token("mpesa:app", refuse)

    assert raised.value.outcome.reason == "misconfigured: http 401"
