"""A circuit breaker for each provider, one for all its workers: who does not answer is left alone for a while."""

import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import structlog

from shared.coordination.redis_client import OptionalRedis, RedisAway
from shared.runtime.metrics import WITHOUT_REDIS

# Failures that nothing follows for this long are no longer "in a row".
FORGET_SECONDS = 3600

# An open breaker that nobody comes to any more.
KEEP_SECONDS = 86_400

# The hash has `failures` while it is closed, `ready_at` (ms of Redis's own clock) while it is not, and `probe` while
# one call is let through. Every script is one step: no two callers can both become the probe.
_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
_ADMIT = (
    _NOW
    + """
local ready_at = tonumber(redis.call('HGET', KEYS[1], 'ready_at'))
if not ready_at then return {1, 0} end
if now < ready_at then return {0, ready_at - now} end
redis.call('HSET', KEYS[1], 'probe', ARGV[1], 'ready_at', now + ARGV[2])
return {2, 0}
"""
)
_FAILED = (
    _NOW
    + """
if redis.call('HEXISTS', KEYS[1], 'ready_at') == 1 then
  if redis.call('HGET', KEYS[1], 'probe') ~= ARGV[1] then return {0} end
else
  local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
  redis.call('EXPIRE', KEYS[1], ARGV[4])
  if failures < tonumber(ARGV[2]) then return {0} end
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'ready_at', now + ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return {1}
"""
)
_SUCCEEDED = """
local is_closed = redis.call('HEXISTS', KEYS[1], 'ready_at') == 0
if not is_closed and redis.call('HGET', KEYS[1], 'probe') ~= ARGV[1] then return {0} end
redis.call('DEL', KEYS[1])
return {is_closed and 0 or 1}
"""
_WITHDRAW = (
    _NOW
    + """
if redis.call('HGET', KEYS[1], 'probe') ~= ARGV[1] then return {0} end
redis.call('HDEL', KEYS[1], 'probe')
redis.call('HSET', KEYS[1], 'ready_at', now)
return {1}
"""
)
_STATE = (
    _NOW
    + """
local ready_at = tonumber(redis.call('HGET', KEYS[1], 'ready_at'))
if not ready_at then return {0} end
if redis.call('HEXISTS', KEYS[1], 'probe') == 1 or now >= ready_at then return {1} end
return {2}
"""
)
_CLOSE = "return {redis.call('DEL', KEYS[1])}"

log = structlog.get_logger()


class BreakerState(StrEnum):
    """``unknown``: Redis is away, and every call is made."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"
    UNKNOWN = "unknown"


# As the metric has them.
BREAKER_VALUES: Mapping[BreakerState, float] = {
    BreakerState.CLOSED: 0,
    BreakerState.HALF_OPEN: 1,
    BreakerState.OPEN: 2,
    BreakerState.UNKNOWN: math.nan,
}
_STATES = (BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRules:
    """Opens after ``failures`` in a row, for ``open_seconds``; then one call probes, and has ``probe_seconds``."""

    failures: int = 5
    open_seconds: float = 30
    probe_seconds: float = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Whether a call may be made, else when to come again; ``probe`` names the one call that tries an open breaker."""

    is_admitted: bool
    retry_after_seconds: int = 0
    probe: str = ""


class Breakers:
    """Asked before each call, told after it. While Redis is away every call is admitted: slower, never wrong."""

    def __init__(self, redis: OptionalRedis, rules: BreakerRules) -> None:
        self._redis, self._rules = redis, rules

    def admit(self, name: str) -> Admission:
        probe = secrets.token_hex(8)
        try:
            verdict, wait_ms = self._redis.run(_ADMIT, _key(name), probe, _ms(self._rules.probe_seconds))
        except RedisAway:
            WITHOUT_REDIS.labels(what="breaker").inc()
            return Admission(is_admitted=True)
        if verdict == 0:
            return Admission(is_admitted=False, retry_after_seconds=math.ceil(wait_ms / 1000))
        return Admission(is_admitted=True, probe=probe if verdict == 2 else "")

    def failed(self, name: str, admission: Admission) -> None:
        """The provider could not be reached, or nobody knows what it did."""
        rules = self._rules
        limits = (rules.failures, _ms(rules.open_seconds), FORGET_SECONDS, KEEP_SECONDS)
        if self._tell(lambda: self._redis.run(_FAILED, _key(name), admission.probe, *limits)):
            log.error("breaker.opened", provider=name, seconds=rules.open_seconds, after_probe=bool(admission.probe))

    def succeeded(self, name: str, admission: Admission) -> None:
        """The provider answered, whatever it said."""
        if self._tell(lambda: self._redis.run(_SUCCEEDED, _key(name), admission.probe)):
            log.warning("breaker.closed", provider=name)

    def withdraw(self, name: str, admission: Admission) -> None:
        """The call was not made after all: another may probe."""
        if admission.probe:
            self._tell(lambda: self._redis.run(_WITHDRAW, _key(name), admission.probe))

    def state(self, name: str) -> BreakerState:
        """``half_open``: the next call is the probe, or it is under way."""
        try:
            (state,) = self._redis.run(_STATE, _key(name))
        except RedisAway:
            return BreakerState.UNKNOWN
        return _STATES[state]

    def close(self, name: str) -> None:
        """Let every call through again, as an operator wishes. Raises ``RedisAway``."""
        self._redis.run(_CLOSE, _key(name))
        log.warning("breaker.closed", provider=name)

    def _tell(self, tell: Callable[[], list[int]]) -> bool:
        """Whether that changed the breaker's state."""
        try:
            (changed,) = tell()
        except RedisAway:
            WITHOUT_REDIS.labels(what="breaker").inc()
            return False
        return bool(changed)


def _key(name: str) -> str:
    return f"gw:breaker:{name}"


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
