"""Providers' access tokens: one for all processes, because at some providers each new one ends the last."""

import json
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from shared.coordination.redis_client import OptionalRedis, RedisAway
from shared.domain.outcome import NotSent
from shared.provider_kit.tokens import FetchToken, IssuedToken, LocalTokens, TokenUnavailable
from shared.runtime.clock import Clock
from shared.runtime.crypto import CredentialCipher, CredentialUnreadable
from shared.runtime.metrics import WITHOUT_REDIS

# A token is not used in its last minute: a call that starts with it must end with it.
EARLY = timedelta(seconds=60)

# Who fetches has this long; then the next may, so that nobody's death stops the others.
LOCK_SECONDS = 10.0

# Longer than the lock, so that of those who wait one takes over; short enough for a call within its lease.
WAIT_SECONDS = 12.0
POLL_SECONDS = 0.05

# Only who still has the lock may say what the token is: somebody slower has an older one.
_PUBLISH = """
if redis.call('GET', KEYS[1] .. ':lock') ~= ARGV[1] then return {0} end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[1] .. ':lock')
return {1}
"""
_RELEASE = """
if redis.call('GET', KEYS[1] .. ':lock') ~= ARGV[1] then return {0} end
redis.call('DEL', KEYS[1] .. ':lock')
return {1}
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long others are waited for, and by which watch."""

    lock_seconds: float = LOCK_SECONDS
    wait_seconds: float = WAIT_SECONDS
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class RedisTokens:
    """Keeps each token in Redis, encrypted, under ``gw:token:<name>``.

    While Redis is away each process goes on with the last token that it saw, and fetches its own when that ends or is
    refused: at a provider where a new token ends the last, processes then take it from one another, and each refusal
    costs one more fetch.
    """

    def __init__(
        self, redis: OptionalRedis, cipher: CredentialCipher, clock: Clock, patience: Patience | None = None
    ) -> None:
        self._redis, self._cipher, self._clock = redis, cipher, clock
        self._patience = patience or Patience()
        self._local = LocalTokens(clock)

    def token(self, name: str, fetch: FetchToken, *, refused: str | None = None) -> str:
        """As ``SharedTokens``. Raises ``TokenUnavailable`` also where others fetch one and none comes in time."""
        try:
            return self._shared(name, fetch, refused)
        except RedisAway:
            WITHOUT_REDIS.labels(what="token").inc()
            return self._local.token(name, lambda: _shortened(fetch()), refused=refused)

    def _shared(self, name: str, fetch: FetchToken, refused: str | None) -> str:
        owner, give_up_at = secrets.token_hex(16), self._patience.monotonic() + self._patience.wait_seconds
        while True:
            held = self._held(name, refused)
            if held is not None:
                return held
            if self._lock(name, owner):
                return self._fetch_under_lock(name, fetch, refused, owner)
            if self._patience.monotonic() >= give_up_at:
                raise TokenUnavailable(NotSent(reason="no token in time"))
            self._patience.sleep(POLL_SECONDS)

    def _held(self, name: str, refused: str | None) -> str | None:
        stored = self._redis.ask(lambda redis: redis.get(_key(name)))
        if not isinstance(stored, bytes):
            return None
        try:
            fields = json.loads(self._cipher.decrypt(stored.decode()))
        except CredentialUnreadable:  # encrypted with a key that is gone
            return None
        value, left = str(fields["value"]), datetime.fromisoformat(fields["ends_at"]) - self._clock.now()
        if value == refused or left <= timedelta(0):
            return None
        self._local.keep(name, IssuedToken(value=value, lifetime=left))
        return value

    def _lock(self, name: str, owner: str) -> bool:
        lock_ms = round(self._patience.lock_seconds * 1000)
        return bool(self._redis.ask(lambda redis: redis.set(f"{_key(name)}:lock", owner, nx=True, px=lock_ms)))

    def _fetch_under_lock(self, name: str, fetch: FetchToken, refused: str | None, owner: str) -> str:
        try:
            # Somebody may have brought one between our look and our lock.
            held = self._held(name, refused)
            issued = None if held is not None else _shortened(fetch())
        except BaseException:
            self._release(name, owner)
            raise
        if issued is None:
            self._release(name, owner)
            return str(held)
        return self._published(name, issued, refused, owner)

    def _published(self, name: str, issued: IssuedToken, refused: str | None, owner: str) -> str:
        """The token that counts now. From here on nothing is fetched again: it would end the one just issued."""
        self._local.keep(name, issued)
        ends_at = self._clock.now() + issued.lifetime
        sealed = self._cipher.encrypt(json.dumps({"value": issued.value, "ends_at": ends_at.isoformat()}))
        lifetime_ms = max(1, issued.lifetime // timedelta(milliseconds=1))
        try:
            (was_published,) = self._redis.run(_PUBLISH, _key(name), owner, sealed, lifetime_ms)
            log.info("token.fetched", name=name, lifetime_seconds=issued.lifetime // timedelta(seconds=1))
            # We were so slow that another has fetched since: its token is the newer one.
            newer = None if was_published else self._held(name, refused)
        except RedisAway:
            WITHOUT_REDIS.labels(what="token").inc()
            return issued.value
        return newer or issued.value

    def _release(self, name: str, owner: str) -> None:
        with suppress(RedisAway):
            self._redis.run(_RELEASE, _key(name), owner)


def _key(name: str) -> str:
    return f"gw:token:{name}"


def _shortened(issued: IssuedToken) -> IssuedToken:
    """A life that ends early; of a very short one, half is left."""
    return IssuedToken(value=issued.value, lifetime=max(issued.lifetime - EARLY, issued.lifetime / 2))
