"""Redis being away costs one timeout a second, and one line a minute."""

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisError
from structlog.testing import capture_logs

from shared.coordination.redis_client import PAUSE_SECONDS, TELL_SECONDS, OptionalRedis, RedisAway, build_redis


class Trial:
    """Counts the questions that got as far as Redis."""

    def __init__(self) -> None:
        self.now, self.asked, self.is_away = 1000.0, 0, True
        self.redis = OptionalRedis(build_redis("redis://127.0.0.1:1/0", connections=1), lambda: self.now)

    def ask(self) -> bool:
        def question(_redis: Redis) -> bool:
            self.asked += 1
            if self.is_away:
                raise RedisError
            return True

        return self.redis.ask(question)


def test_after_an_error_redis_is_left_alone_for_a_second() -> None:
    trial = Trial()

    for _ in range(5):
        with pytest.raises(RedisAway):
            trial.ask()

    assert trial.asked == 1


def test_when_it_is_back_it_is_used_again() -> None:
    trial = Trial()
    with pytest.raises(RedisAway):
        trial.ask()

    trial.now, trial.is_away = trial.now + PAUSE_SECONDS, False

    assert trial.ask()


def test_that_it_is_away_is_told_once_a_minute() -> None:
    trial = Trial()

    with capture_logs() as lines:
        for _ in range(int(2 * TELL_SECONDS / PAUSE_SECONDS)):
            with pytest.raises(RedisAway):
                trial.ask()
            trial.now += PAUSE_SECONDS

    assert [line["event"] for line in lines] == ["redis.away"] * 2
