"""Connects to Redis so that its being away costs a moment, not a request.

redis-py's own defaults would wait three seconds for a refused connection and a minute for a hung server.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

_SECONDS = 0.25

# After an error Redis is left alone for this long, so that its being away costs one timeout and not one a call.
PAUSE_SECONDS = 1.0
TELL_SECONDS = 60.0

ValueT = TypeVar("ValueT")

log = structlog.get_logger()


def redis_timeouts() -> dict[str, Any]:
    return {"socket_timeout": _SECONDS, "socket_connect_timeout": _SECONDS, "retry": Retry(NoBackoff(), 0)}


def build_redis(redis_url: str, *, connections: int) -> Redis:
    return Redis.from_url(redis_url, max_connections=connections, **redis_timeouts())


def check_redis(redis: Redis) -> None:
    """Raises ``RedisError`` if it is away."""
    redis.ping()


class RedisAway(Exception):
    """Redis did not answer, or is left alone because it just did not: go on without."""


class OptionalRedis:
    """Redis while it is there. Safe for threads; that it is away is logged once a minute."""

    def __init__(self, redis: Redis, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._redis, self._monotonic = redis, monotonic
        self._resume_at = self._tell_at = monotonic()

    def ask(self, question: Callable[[Redis], ValueT]) -> ValueT:
        """Raises ``RedisAway``; whether the question was carried out then is not known."""
        if self._monotonic() < self._resume_at:
            raise RedisAway
        try:
            return question(self._redis)
        except RedisError as error:
            self._pause(error)
            raise RedisAway from error

    def run(self, script: str, name: str, *arguments: str | int) -> list[int]:
        """Run a Lua script on one key; it answers with whole numbers. Raises as ``ask``."""

        def evaluate(redis: Redis) -> list[int]:
            answer = redis.register_script(script)(keys=[name], args=list(arguments))
            return [int(number) for number in answer]

        return self.ask(evaluate)

    def _pause(self, error: RedisError) -> None:
        now = self._monotonic()
        self._resume_at = now + PAUSE_SECONDS
        if now >= self._tell_at:
            self._tell_at = now + TELL_SECONDS
            log.warning("redis.away", reason=type(error).__name__)
