"""Answers in Redis: fast while it is there, and never wrong when it is not."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from redis import RedisError
from redis.exceptions import ConnectionError as RedisAway

from services.api.response_cache import LIFETIME_SECONDS, PAUSE_SECONDS, RedisResponseCache
from shared.persistence.idempotency import IdempotencyClaim
from tests.fakes.clock import NOON
from tests.fakes.makers import MERCHANT, OTHER_MERCHANT

CLAIM = IdempotencyClaim(
    merchant_id=MERCHANT,
    key="k1",
    endpoint="POST /x",
    fingerprint="f",
    resource_id=UUID(int=7),
    created_at=NOON + timedelta(microseconds=123),
    status=202,
    body='{"a":"line\\n","b":"é"}\n'.encode(),
)


class FakeRedis:
    """Keeps what it is given, until it is away."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.lifetimes: set[int] = set()
        self.error: RedisError | None = None
        self.asked = 0

    def get(self, name: str) -> bytes | None:
        self._answer()
        return self.kept.get(name)

    def set(self, name: str, value: bytes, *, ex: int) -> None:
        self._answer()
        self.kept[name] = value
        self.lifetimes.add(ex)

    def _answer(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error


@pytest.fixture
def redis() -> FakeRedis:
    return FakeRedis()


@pytest.fixture
def cache(redis: FakeRedis) -> RedisResponseCache:
    return RedisResponseCache(redis)  # type: ignore[arg-type] # as much of Redis as it uses


def test_an_answer_is_found_again_byte_for_byte(cache: RedisResponseCache) -> None:
    cache.keep(CLAIM)

    assert cache.find(MERCHANT, "k1") == CLAIM


def test_an_answer_is_its_merchants_and_its_keys(cache: RedisResponseCache) -> None:
    cache.keep(CLAIM)

    assert cache.find(OTHER_MERCHANT, "k1") is None
    assert cache.find(MERCHANT, "k2") is None


def test_an_answer_is_kept_for_a_day(cache: RedisResponseCache, redis: FakeRedis) -> None:
    cache.keep(CLAIM)

    assert redis.lifetimes == {LIFETIME_SECONDS} == {86_400}


def test_a_claim_without_an_answer_is_not_kept(cache: RedisResponseCache, redis: FakeRedis) -> None:
    cache.keep(replace(CLAIM, status=None, body=None))

    assert redis.kept == {}


@pytest.mark.parametrize("error", [RedisAway("refused"), RedisError("other")])
def test_without_redis_nothing_is_found_and_nothing_fails(
    cache: RedisResponseCache, redis: FakeRedis, error: RedisError
) -> None:
    redis.error = error

    assert cache.find(MERCHANT, "k1") is None
    cache.keep(CLAIM)


def test_after_an_error_redis_is_left_alone_for_a_moment(
    cache: RedisResponseCache, redis: FakeRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("services.api.response_cache.time.monotonic", lambda: now[0])
    redis.error = RedisAway("refused")

    for _ in range(10):
        cache.find(MERCHANT, "k1")
        cache.keep(CLAIM)
    assert redis.asked == 1

    redis.error = None
    now[0] += PAUSE_SECONDS
    cache.keep(CLAIM)
    assert cache.find(MERCHANT, "k1") == CLAIM
