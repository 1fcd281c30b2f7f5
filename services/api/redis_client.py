"""Connects to Redis so that its being away costs a moment, not a request.

redis-py's own defaults would wait three seconds for a refused connection and a minute for a hung server.
"""

from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

_SECONDS = 0.25


def redis_timeouts() -> dict[str, Any]:
    return {"socket_timeout": _SECONDS, "socket_connect_timeout": _SECONDS, "retry": Retry(NoBackoff(), 0)}


def build_redis(redis_url: str, *, connections: int) -> Redis:
    return Redis.from_url(redis_url, max_connections=connections, **redis_timeouts())
