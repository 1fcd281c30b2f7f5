"""Token buckets: how often a provider may be called by all our workers together."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shared.coordination.redis_client import OptionalRedis, RedisAway
from shared.runtime.metrics import WITHOUT_REDIS

# Who would have to wait longer than this comes again later: a thread that only waits holds up the others.
LONGEST_WAIT_SECONDS = 2.0

# The bucket is one number: when it is full again, in microseconds of Redis's own clock (GCRA; what is taken is promised
# at once, so nobody is overtaken and nobody asks twice). Lua would round so large a number when it writes it.
_RESERVE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local pause, burst, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full_at = math.max(now, tonumber(redis.call('GET', KEYS[1])) or 0)
local wait = math.max(0, full_at - (burst - 1) * pause - now)
if wait > longest then return {0, wait} end
local life_ms = math.ceil((full_at + pause - now) / 1000) + 1000
redis.call('SET', KEYS[1], string.format('%.0f', full_at + pause), 'PX', life_ms)
return {1, wait}
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """If granted, the call is to be made after ``wait_seconds``; if not, there may be room then."""

    is_granted: bool
    wait_seconds: float


class Bucket(Protocol):
    def reserve(self) -> Turn:
        """Take one call out of the bucket, if its turn comes soon enough."""


class Unlimited:
    """For providers that name no limit."""

    def reserve(self) -> Turn:
        return Turn(is_granted=True, wait_seconds=0)


class LocalBucket:
    """Of this process alone: ``burst`` calls at once, ``calls_per_second`` in the long run."""

    def __init__(self, *, calls_per_second: float, burst: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pause, self._burst, self._monotonic = 1 / calls_per_second, burst, monotonic
        self._full_at = 0.0
        self._lock = threading.Lock()

    def reserve(self) -> Turn:
        with self._lock:
            now = self._monotonic()
            full_at = max(now, self._full_at)
            wait = max(0.0, full_at - (self._burst - 1) * self._pause - now)
            if wait > LONGEST_WAIT_SECONDS:
                return Turn(is_granted=False, wait_seconds=wait)
            self._full_at = full_at + self._pause
            return Turn(is_granted=True, wait_seconds=wait)


class RedisBucket:
    """Shared by all processes, under ``gw:bucket:<name>``; while Redis is away each has one as large of its own."""

    def __init__(self, redis: OptionalRedis, name: str, *, calls_per_second: float, burst: int) -> None:
        self._redis, self._name = redis, f"gw:bucket:{name}"
        self._limits = (round(1_000_000 / calls_per_second), burst, round(LONGEST_WAIT_SECONDS * 1_000_000))
        self._local = LocalBucket(calls_per_second=calls_per_second, burst=burst)

    def reserve(self) -> Turn:
        try:
            granted, wait = self._redis.run(_RESERVE, self._name, *self._limits)
        except RedisAway:
            WITHOUT_REDIS.labels(what="bucket").inc()
            return self._local.reserve()
        return Turn(is_granted=bool(granted), wait_seconds=wait / 1_000_000)
