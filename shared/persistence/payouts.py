"""Stores payouts; each row is its own lock, as no payment guards it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from shared.domain.customer import Customer
from shared.domain.ids import MerchantId, PayoutId
from shared.domain.movement_status import MovementStatus
from shared.domain.payout import Payout
from shared.persistence.movements import MovementRepository, shared_facts
from shared.persistence.newest_first import Narrowing, NewestFirst
from shared.persistence.tables import payouts


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutFilter(Narrowing):
    """What a list of payouts is narrowed to."""

    provider: str | None = None
    status: MovementStatus | None = None
    idempotency_key: str | None = None


class PayoutRepository(MovementRepository[Payout]):
    _table = payouts
    _reference = "provider_payout_id"

    def lock(self, payout_id: UUID, merchant_id: MerchantId | None = None) -> Payout | None:
        """The payout, with its row locked until the transaction ends; ``None`` also where it is another merchant's."""
        statement = select(payouts).where(payouts.c.id == payout_id)
        if merchant_id is not None:
            statement = statement.where(payouts.c.merchant_id == merchant_id)
        return self._one(statement.with_for_update())

    def lock_by_reference(self, provider: str, reference: str) -> Payout | None:
        theirs = (payouts.c.provider == provider, payouts.c.provider_payout_id == reference)
        return self._one(select(payouts).where(*theirs).with_for_update())

    def list_newest_first(
        self,
        narrowed_to: PayoutFilter,
        *,
        limit: int,
        offset: int = 0,
        before: PayoutId | None = None,
        after: PayoutId | None = None,
    ) -> Sequence[Payout]:
        """As ``TransactionRepository.list_newest_first``."""
        rows = NewestFirst(self._connection, payouts).page(
            narrowed_to, limit=limit, offset=offset, before=before, after=after
        )
        return [self._entity(row) for row in rows]

    def count(self, narrowed_to: PayoutFilter) -> int:
        return NewestFirst(self._connection, payouts).count(narrowed_to)

    def _own_columns(self, movement: Payout) -> dict[str, object]:
        return {
            "recipient": asdict(movement.recipient),
            "reason": movement.reason,
            "metadata_": dict(movement.metadata),
        }

    def _changing_columns(self, movement: Payout) -> dict[str, object]:
        return {
            **super()._changing_columns(movement),
            "version": movement.version,
            "provider_config_id": movement.provider_config_id,
        }

    def _entity(self, row: Row[Any]) -> Payout:
        column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
        return Payout(
            id=PayoutId(column["id"]),
            recipient=Customer(**column["recipient"]),
            reason=column["reason"],
            metadata=column["metadata"],
            version=column["version"],
            provider_payout_id=column["provider_payout_id"],
            provider_config_id=column["provider_config_id"],
            **shared_facts(column),
        )
