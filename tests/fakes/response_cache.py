"""Redis for replayed answers, in memory."""

from shared.domain.ids import MerchantId
from shared.persistence.idempotency import IdempotencyClaim


class InMemoryResponseCache:
    """``is_away``: it finds nothing and keeps nothing, as the real one does without Redis."""

    def __init__(self) -> None:
        self.is_away = False
        self.kept: dict[tuple[MerchantId, str], IdempotencyClaim] = {}

    def find(self, merchant_id: MerchantId, key: str) -> IdempotencyClaim | None:
        return None if self.is_away else self.kept.get((merchant_id, key))

    def keep(self, claim: IdempotencyClaim) -> None:
        if not self.is_away and claim.body is not None:
            self.kept[claim.merchant_id, claim.key] = claim
