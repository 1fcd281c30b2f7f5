"""Keeps answers in Redis so that a repetition need not touch the database."""

import json
import time
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import structlog
from redis import Redis, RedisError

from shared.domain.ids import MerchantId
from shared.persistence.idempotency import IdempotencyClaim

LIFETIME_SECONDS = 86_400

# After an error Redis is left alone for this long, so that its being away costs one timeout and not one a request.
PAUSE_SECONDS = 1.0

log = structlog.get_logger()


class RedisResponseCache:
    """Only committed answers come here; PostgreSQL decides, this is only faster."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._resume_at = 0.0

    def find(self, merchant_id: MerchantId, key: str) -> IdempotencyClaim | None:
        if time.monotonic() < self._resume_at:
            return None
        try:
            stored = self._redis.get(_name(merchant_id, key))
        except RedisError as error:
            self._pause(error)
            return None
        return _decoded(stored) if isinstance(stored, bytes) else None

    def keep(self, claim: IdempotencyClaim) -> None:
        if claim.body is None or time.monotonic() < self._resume_at:
            return
        try:
            self._redis.set(_name(claim.merchant_id, claim.key), _encoded(claim), ex=LIFETIME_SECONDS)
        except RedisError as error:
            self._pause(error)

    def _pause(self, error: RedisError) -> None:
        self._resume_at = time.monotonic() + PAUSE_SECONDS
        log.warning("cache.away", reason=type(error).__name__)


def _name(merchant_id: MerchantId, key: str) -> str:
    return f"gw:idempotency:{merchant_id}:{key}"


def _encoded(claim: IdempotencyClaim) -> bytes:
    head = {
        "merchant_id": str(claim.merchant_id),
        "key": claim.key,
        "endpoint": claim.endpoint,
        "fingerprint": claim.fingerprint,
        "resource_id": str(claim.resource_id),
        "created_at": claim.created_at.isoformat(),
        "status": claim.status,
    }
    return json.dumps(head).encode() + b"\n" + (claim.body or b"")


def _decoded(stored: bytes) -> IdempotencyClaim:
    head, _, body = stored.partition(b"\n")
    fields = json.loads(head)
    claim = IdempotencyClaim(
        merchant_id=MerchantId(UUID(fields["merchant_id"])),
        key=fields["key"],
        endpoint=fields["endpoint"],
        fingerprint=fields["fingerprint"],
        resource_id=UUID(fields["resource_id"]),
        created_at=datetime.fromisoformat(fields["created_at"]),
        status=fields["status"],
    )
    return replace(claim, body=body)
