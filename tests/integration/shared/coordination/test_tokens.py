"""One token for all processes: fetched by one at a time, and nobody is left with one that the next has ended."""

import multiprocessing
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from redis import Redis, RedisError

from shared.coordination.redis_client import OptionalRedis, build_redis
from shared.coordination.tokens import Patience, RedisTokens
from shared.provider_kit.tokens import IssuedToken, TokenUnavailable
from shared.runtime.clock import SystemClock
from shared.runtime.crypto import CredentialCipher
from tests.servers import Servers

# The same in every process that these tests start.
KEY = "dGVzdHMtb25seS1rZXktb2YtMzItYnl0ZXMtMDAwMDA="
HOUR = timedelta(hours=1)
THREADS, PROCESSES = 50, 2


class Provider:
    """Of all tokens that it has issued only the last is good. Its books are in Redis, for several processes to see."""

    def __init__(self, redis: Redis, name: str) -> None:
        self._redis, self._name = redis, name

    def issue(self) -> IssuedToken:
        under_way = self._redis.incr(f"{self._name}:under-way")
        time.sleep(0.2)
        number = self._redis.incr(f"{self._name}:issued")
        self._redis.decr(f"{self._name}:under-way")
        if under_way > 1:
            self._redis.incr(f"{self._name}:collisions")
        return IssuedToken(value=f"T{number}", lifetime=HOUR)

    def figure(self, what: str) -> int:
        return int(self._redis.get(f"{self._name}:{what}") or 0)


class Stage:
    """One token and its provider; ``tokens()`` is what one more process would have."""

    def __init__(self, url: str, name: str) -> None:
        self.url, self.name = url, name
        self.redis = Redis.from_url(url)
        self.provider = Provider(self.redis, name)

    def tokens(self, patience: Patience | None = None) -> RedisTokens:
        # More patient with Redis than we are: this machine is shared, and 100 threads start at once.
        redis = OptionalRedis(Redis.from_url(self.url, max_connections=THREADS + 10))
        return RedisTokens(redis, CredentialCipher((KEY,)), SystemClock(), patience)


@pytest.fixture
def stage(servers: Servers) -> Iterator[Stage]:
    found = Stage(servers.urls["redis"], f"test-{uuid4().hex}")
    yield found
    for name in found.redis.scan_iter(f"*{found.name}*"):
        found.redis.delete(name)


def _callers(url: str, name: str, begin_at: float) -> None:
    """One process of many threads that each need a token, and then another because the first was refused."""
    stage = Stage(url, name)
    tokens = stage.tokens()

    def call() -> None:
        time.sleep(max(0.0, begin_at - time.time()))
        first = tokens.token(name, stage.provider.issue)
        stage.redis.incr(f"{name}:got-{first}")
        give_up_at = time.monotonic() + 60
        while stage.provider.figure(f"got-{first}") < THREADS * PROCESSES and time.monotonic() < give_up_at:
            time.sleep(0.05)
        # The provider has ended the first, and each of the hundred says so.
        second = tokens.token(name, stage.provider.issue, refused=first)
        stage.redis.incr(f"{name}:got-{second}")

    threads = [threading.Thread(target=call) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_of_a_hundred_threads_in_two_processes_one_fetches_at_a_time_and_all_get_the_token_that_counts(
    stage: Stage,
) -> None:
    begin_at = time.time() + 3
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_callers, args=(stage.url, stage.name, begin_at)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)

    figures = {what: stage.provider.figure(what) for what in ("got-T1", "got-T2", "issued", "collisions")}
    assert figures == {"got-T1": 100, "got-T2": 100, "issued": 2, "collisions": 0}


def test_a_slow_workers_refusal_of_an_old_token_does_not_end_the_newer_one(stage: Stage) -> None:
    slow, quick = stage.tokens(), stage.tokens()
    old = slow.token(stage.name, stage.provider.issue)
    new = quick.token(stage.name, stage.provider.issue, refused=old)

    assert slow.token(stage.name, stage.provider.issue, refused=old) == new
    assert stage.provider.figure("issued") == 2


def test_the_token_is_not_readable_in_redis_and_ends_a_minute_early(stage: Stage) -> None:
    token = stage.tokens().token(stage.name, lambda: IssuedToken(value="canary-token", lifetime=HOUR))

    stored = stage.redis.get(f"gw:token:{stage.name}")
    assert isinstance(stored, bytes)
    assert token.encode() not in stored
    assert 3530 <= stage.redis.ttl(f"gw:token:{stage.name}") <= 3540


def test_a_token_under_a_key_that_is_gone_is_fetched_again(stage: Stage) -> None:
    stage.redis.set(f"gw:token:{stage.name}", Fernet(Fernet.generate_key()).encrypt(b"{}"))

    assert stage.tokens().token(stage.name, stage.provider.issue) == "T1"


def test_when_who_fetches_dies_another_takes_over(stage: Stage) -> None:
    stage.redis.set(f"gw:token:{stage.name}:lock", "somebody who died", px=500)

    assert stage.tokens().token(stage.name, stage.provider.issue) == "T1"


def test_who_waits_in_vain_fetches_nothing_beside_the_others(stage: Stage) -> None:
    stage.redis.set(f"gw:token:{stage.name}:lock", "somebody slow", px=60_000)

    with pytest.raises(TokenUnavailable):
        stage.tokens(Patience(wait_seconds=0.2)).token(stage.name, stage.provider.issue)

    assert stage.provider.figure("issued") == 0


def test_a_fetch_that_fails_leaves_the_way_free_for_the_next(stage: Stage) -> None:
    def fail() -> IssuedToken:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        stage.tokens().token(stage.name, fail)

    assert stage.tokens(Patience(wait_seconds=0)).token(stage.name, stage.provider.issue) == "T1"


def test_who_fetched_so_slowly_that_another_has_since_uses_the_newer_token(stage: Stage) -> None:
    quick = stage.tokens()

    def fetch_slowly() -> IssuedToken:
        old = stage.provider.issue()
        stage.redis.delete(f"gw:token:{stage.name}:lock")  # it has run out meanwhile
        quick.token(stage.name, stage.provider.issue)
        return old

    assert stage.tokens().token(stage.name, fetch_slowly) == "T2"
    assert quick.token(stage.name, stage.provider.issue) == "T2"


def test_when_redis_goes_away_a_process_goes_on_with_the_shared_token(stage: Stage) -> None:
    redis = build_redis(stage.url, connections=2)
    tokens = RedisTokens(OptionalRedis(redis), CredentialCipher((KEY,)), SystemClock())
    shared = stage.tokens().token(stage.name, stage.provider.issue)
    assert tokens.token(stage.name, stage.provider.issue) == shared

    redis.connection_pool = build_redis("redis://127.0.0.1:1/0", connections=2).connection_pool
    with pytest.raises(RedisError):
        redis.ping()

    assert tokens.token(stage.name, stage.provider.issue) == shared
    assert stage.provider.figure("issued") == 1
