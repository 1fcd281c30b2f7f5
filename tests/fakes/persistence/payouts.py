"""Payouts in memory; each is its own lock."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from shared.domain.ids import MerchantId, PayoutId
from shared.domain.payout import Payout
from shared.persistence.payouts import PayoutFilter, PayoutRepository
from tests.fakes.persistence.columns import check, stored
from tests.fakes.persistence.movements import InMemoryMovements
from tests.fakes.persistence.newest_first import count_of, page_of


class InMemoryPayouts(InMemoryMovements[Payout], PayoutRepository):
    _name = "payouts"

    def add(self, movement: Payout) -> None:
        super().add(movement)
        self._session.locked.add(movement.id)

    def save(self, movement: Payout) -> None:
        assert movement.id in self._session.locked, "save() is for payouts that this transaction has locked"
        self._check_own(movement)
        rows = self._rows(self._session.own_rows)
        changed = self._changed(rows[movement.id], movement)
        own = replace(changed, version=movement.version, provider_config_id=movement.provider_config_id)
        rows[movement.id] = stored(own)

    def lock(self, payout_id: UUID, merchant_id: MerchantId | None = None) -> Payout | None:
        row = self._rows(self._session.own_rows).get(payout_id)
        return self._locked(row if row is not None and merchant_id in {None, row.merchant_id} else None)

    def lock_by_reference(self, provider: str, reference: str) -> Payout | None:
        assert self._session.own_rows is not None
        return self._locked(self.find_by_reference(provider, reference))

    def list_newest_first(
        self,
        narrowed_to: PayoutFilter,
        *,
        limit: int,
        offset: int = 0,
        before: PayoutId | None = None,
        after: PayoutId | None = None,
    ) -> Sequence[Payout]:
        rows = self._session.rows.payouts
        return page_of(rows, narrowed_to, limit=limit, offset=offset, before=before, after=after)

    def count(self, narrowed_to: PayoutFilter) -> int:
        return count_of(self._session.rows.payouts, narrowed_to)

    def _locked(self, row: Payout | None) -> Payout | None:
        if row is not None:
            self._session.locked.add(row.id)
        return row

    def _check_own(self, movement: Payout) -> None:
        theirs = (movement.provider, movement.reference)
        others = (each for each in self._rows(self._session.own_rows).values() if each.id != movement.id)
        taken = movement.reference is not None and any((each.provider, each.reference) == theirs for each in others)
        check(not taken, "uq_payouts_provider_payout_id")
