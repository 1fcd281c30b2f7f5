"""The claims of idempotency keys: in the database, under a unique constraint, because a cache forgets."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from shared.domain.ids import MerchantId
from shared.persistence.pending_writes import PendingWrites
from shared.persistence.tables import idempotency_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyClaim:
    """One key of one merchant. ``fingerprint`` is of the request, ``resource_id`` of what it made.

    ``status`` and ``body`` are the stored response; ``None`` when it was purged (after 24 h at the earliest).
    """

    merchant_id: MerchantId
    key: str
    endpoint: str
    fingerprint: str
    resource_id: UUID
    created_at: datetime
    status: int | None = None
    body: bytes | None = None


class IdempotencyKeys:
    def __init__(self, connection: Connection, writes: PendingWrites) -> None:
        self._connection, self._writes = connection, writes

    def claim(self, claim: IdempotencyClaim) -> bool:
        """Take the key; ``False`` if it is taken. Waits for a claim that has not committed yet.

        Raises:
            StorageBusy: it had not committed within the lock timeout.
        """
        statement = (
            insert(idempotency_keys)
            .values(
                merchant_id=claim.merchant_id,
                key=claim.key,
                endpoint=claim.endpoint,
                fingerprint=claim.fingerprint,
                resource_id=claim.resource_id,
                created_at=claim.created_at,
            )
            .on_conflict_do_nothing()
        )
        return self._connection.execute(statement).rowcount == 1

    def store_response(self, merchant_id: MerchantId, key: str, *, status: int, body: bytes) -> None:
        ours = {"merchant_id": merchant_id, "key": key}
        self._writes.update(idempotency_keys, {"status": status, "body": body}, ours)

    def find(self, merchant_id: MerchantId, key: str) -> IdempotencyClaim | None:
        statement = select(idempotency_keys).where(
            idempotency_keys.c.merchant_id == merchant_id, idempotency_keys.c.key == key
        )
        row = self._connection.execute(statement).one_or_none()
        if row is None:
            return None
        return IdempotencyClaim(
            merchant_id=MerchantId(row.merchant_id),
            key=row.key,
            endpoint=row.endpoint,
            fingerprint=row.fingerprint,
            resource_id=row.resource_id,
            created_at=row.created_at,
            status=row.status,
            body=None if row.body is None else bytes(row.body),
        )
