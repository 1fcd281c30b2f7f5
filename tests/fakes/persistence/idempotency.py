"""Idempotency keys in memory."""

from dataclasses import replace

from shared.domain.ids import MerchantId
from shared.persistence.idempotency import IdempotencyClaim, IdempotencyKeys
from tests.fakes.persistence.columns import stored
from tests.fakes.persistence.session import Session


class InMemoryIdempotencyKeys(IdempotencyKeys):
    def __init__(self, session: Session) -> None:
        self._session = session

    def claim(self, claim: IdempotencyClaim) -> bool:
        rows = self._session.own_rows.idempotency_keys
        if (claim.merchant_id, claim.key) in rows:
            return False
        rows[claim.merchant_id, claim.key] = stored(replace(claim, status=None, body=None))
        return True

    def store_response(self, merchant_id: MerchantId, key: str, *, status: int, body: bytes) -> None:
        rows = self._session.own_rows.idempotency_keys
        rows[merchant_id, key] = replace(rows[merchant_id, key], status=status, body=body)

    def find(self, merchant_id: MerchantId, key: str) -> IdempotencyClaim | None:
        return self._session.rows.idempotency_keys.get((merchant_id, key))
