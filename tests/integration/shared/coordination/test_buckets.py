"""One bucket for all workers of a provider: together they call no more often than it takes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from redis import Redis

from shared.coordination.buckets import LONGEST_WAIT_SECONDS, RedisBucket
from shared.coordination.redis_client import OptionalRedis, build_redis
from tests.servers import Servers


class Stage:
    def __init__(self, url: str) -> None:
        self.name, self.redis = f"test-{uuid4().hex}", Redis.from_url(url)

    def bucket(self, name: str = "", *, rate: float = 10, burst: int = 3) -> RedisBucket:
        return RedisBucket(OptionalRedis(self.redis), self.name + name, calls_per_second=rate, burst=burst)


@pytest.fixture
def stage(servers: Servers) -> Iterator[Stage]:
    found = Stage(servers.urls["redis"])
    yield found
    for name in found.redis.scan_iter(f"*{found.name}*"):
        found.redis.delete(name)


def test_of_two_processes_with_many_threads_no_two_get_one_turn(stage: Stage) -> None:
    ours, theirs = stage.bucket(rate=0.1, burst=5), stage.bucket(rate=0.1, burst=5)

    with ThreadPoolExecutor(20) as pool:
        turns = list(pool.map(lambda number: (ours, theirs)[number % 2].reserve(), range(20)))

    assert [turn.wait_seconds for turn in turns if turn.is_granted] == [0] * 5
    assert all(turn.wait_seconds > LONGEST_WAIT_SECONDS for turn in turns if not turn.is_granted)


def test_turns_follow_one_another_at_the_rate(stage: Stage) -> None:
    bucket = stage.bucket(rate=2, burst=1)

    waits = [bucket.reserve().wait_seconds for _ in range(4)]

    # Redis's clock goes on between two questions, so each waits a little less than it would.
    assert waits[0] == 0
    assert waits == sorted(waits)
    assert 1.0 < waits[3] <= 1.5


def test_who_is_refused_takes_nothing_out(stage: Stage) -> None:
    bucket = stage.bucket(rate=0.1, burst=1)
    bucket.reserve()

    refused = [bucket.reserve() for _ in range(5)]

    assert {turn.is_granted for turn in refused} == {False}
    assert all(turn.wait_seconds <= 10 for turn in refused)


def test_another_providers_bucket_is_untouched(stage: Stage) -> None:
    empty, other = stage.bucket(rate=0.1, burst=1), stage.bucket("-other", rate=0.1, burst=1)
    empty.reserve()

    assert not empty.reserve().is_granted
    assert other.reserve().wait_seconds == 0


def test_a_bucket_leaves_redis_when_it_is_full_again(stage: Stage) -> None:
    stage.bucket(rate=10, burst=1).reserve()

    assert 0 < stage.redis.pttl(f"gw:bucket:{stage.name}") <= 1200


def test_while_redis_is_away_each_process_has_a_bucket_of_its_own() -> None:
    redis = OptionalRedis(build_redis("redis://127.0.0.1:1/0", connections=1))
    bucket = RedisBucket(redis, "x", calls_per_second=0.1, burst=2)

    assert [bucket.reserve().is_granted for _ in range(3)] == [True, True, False]
