"""The idempotency contract of every POST that moves money: the claim, the work and the answer are one transaction."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from shared.application.views import View
from shared.domain.errors import FieldError, IdempotencyKeyInvalid, IdempotencyKeyMissing, IdempotencyKeyReused
from shared.domain.ids import MerchantId
from shared.persistence.idempotency import IdempotencyClaim
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.runtime.clock import Clock
from shared.runtime.crash_points import reach
from shared.runtime.identifiers import new_id

ACCEPTED = 202

_UUID_V4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_WHAT_IS_RIGHT = FieldError(
    "Idempotency-Key", "a new UUID v4 for each thing to be done, the same one when repeating it"
)

# Makes the resource with the given id, inside the claim's transaction.
Work = Callable[[UnitOfWork, UUID], View]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotentRequest:
    """``endpoint`` and ``fingerprint`` say what the key was first used for.

    ``resource_id`` is what something is done to, where nothing new is made.
    """

    merchant_id: MerchantId
    key: str
    endpoint: str
    fingerprint: str
    resource_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResponse:
    """What was answered the first time, byte for byte; or, after ``waited_seconds``, the resource as it is now."""

    status: int
    body: bytes
    resource_id: UUID
    is_replay: bool
    waited_seconds: int | None = None


class ResponseCache(Protocol):
    """Makes replays fast; nothing is wrong, only slower, when it is empty or away."""

    def find(self, merchant_id: MerchantId, key: str) -> IdempotencyClaim | None: ...

    def keep(self, claim: IdempotencyClaim) -> None: ...


def idempotency_key(values: Sequence[str]) -> str:
    """The key from its header lines: a UUID v4, bare or in quotes, in lower case.

    Raises:
        IdempotencyKeyMissing: no such header.
        IdempotencyKeyInvalid: two of them, or not a UUID v4.
    """
    if not values:
        raise key_missing()
    key = canonical_key(values[0])
    if len(values) > 1 or key is None:
        raise IdempotencyKeyInvalid("The Idempotency-Key is not one UUID v4.", _WHAT_IS_RIGHT)
    return key


def canonical_key(text: str) -> str | None:
    """The one form of a key that may be written bare or in quotes, in letters of any case; ``None``: it is no key."""
    key = text.strip()
    if len(key) > 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    return key.lower() if _UUID_V4.fullmatch(key) else None


def key_missing() -> IdempotencyKeyMissing:
    return IdempotencyKeyMissing("The header Idempotency-Key is needed.", _WHAT_IS_RIGHT)


def fingerprint_of(endpoint: str, validated: Mapping[str, object]) -> str:
    """The same for requests that mean the same, whatever the order of their keys or the form of their numbers."""
    canonical = json.dumps(validated, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(f"{endpoint}\n{canonical}".encode()).hexdigest()


class IdempotentExecution:
    def __init__(self, unit_of_work: UnitOfWorkFactory, cache: ResponseCache, clock: Clock) -> None:
        self._unit_of_work, self._cache, self._clock = unit_of_work, cache, clock

    def run(self, request: IdempotentRequest, do: Work, current: Callable[[UUID], View]) -> StoredResponse:
        """Do it once; every repetition gets the first answer.

        ``current`` gives the resource as it is now, for a repetition whose first answer has been purged.

        Raises:
            IdempotencyKeyReused: the key came first with another body, or on another endpoint.
            StorageBusy: the first request has not finished.
        """
        known = self._cache.find(request.merchant_id, request.key)
        if known is None:
            known, is_first = self._claim_or_find(request, do)
            self._cache.keep(known)
            if is_first:
                return StoredResponse(
                    status=ACCEPTED, body=known.body or b"", resource_id=known.resource_id, is_replay=False
                )
        return _replayed(request, known, current)

    def _claim_or_find(self, request: IdempotentRequest, do: Work) -> tuple[IdempotencyClaim, bool]:
        reach("api.before_claim")
        claim = self._new_claim(request)
        with self._unit_of_work() as work:
            if not work.idempotency_keys.claim(claim):
                found = work.idempotency_keys.find(request.merchant_id, request.key)
                assert found is not None, "a key that conflicts has been committed, and keys are never deleted"
                return found, False
            body = encoded(do(work, claim.resource_id))
            work.idempotency_keys.store_response(request.merchant_id, request.key, status=ACCEPTED, body=body)
            reach("api.inside_transaction")
            work.commit()
        reach("api.after_commit")
        return _answered(claim, body), True

    def _new_claim(self, request: IdempotentRequest) -> IdempotencyClaim:
        return IdempotencyClaim(
            merchant_id=request.merchant_id,
            key=request.key,
            endpoint=request.endpoint,
            fingerprint=request.fingerprint,
            resource_id=request.resource_id or new_id(),
            created_at=self._clock.now(),
        )


def _replayed(request: IdempotentRequest, known: IdempotencyClaim, current: Callable[[UUID], View]) -> StoredResponse:
    if (known.endpoint, known.fingerprint) != (request.endpoint, request.fingerprint):
        raise IdempotencyKeyReused("This Idempotency-Key was first used for another request.", _WHAT_IS_RIGHT)
    if known.status is None or known.body is None:
        body = encoded(current(known.resource_id))
        return StoredResponse(status=200, body=body, resource_id=known.resource_id, is_replay=True)
    return StoredResponse(status=known.status, body=known.body, resource_id=known.resource_id, is_replay=True)


def _answered(claim: IdempotencyClaim, body: bytes) -> IdempotencyClaim:
    return IdempotencyClaim(
        merchant_id=claim.merchant_id,
        key=claim.key,
        endpoint=claim.endpoint,
        fingerprint=claim.fingerprint,
        resource_id=claim.resource_id,
        created_at=claim.created_at,
        status=ACCEPTED,
        body=body,
    )


def encoded(view: View) -> bytes:
    """The bytes of an answer: the same for the same view."""
    return json.dumps(view, separators=(",", ":"), ensure_ascii=False).encode()
