"""Providers' accounts in memory."""

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from shared.domain.ids import MerchantId
from shared.persistence.provider_configs import ProviderConfigRepository, StoredProviderConfig
from tests.fakes.persistence.columns import check, stored
from tests.fakes.persistence.session import Session


class InMemoryProviderConfigs(ProviderConfigRepository):
    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, provider_name: str, merchant_id: MerchantId | None = None) -> StoredProviderConfig | None:
        return _account(self._session.rows.provider_configs, provider_name, merchant_id)

    def lock(self, provider_name: str, merchant_id: MerchantId | None = None) -> StoredProviderConfig | None:
        return _account(self._session.own_rows.provider_configs, provider_name, merchant_id)

    def find_by_id(self, config_id: UUID) -> StoredProviderConfig | None:
        return self._session.rows.provider_configs.get(config_id)

    def lock_by_id(self, config_id: UUID) -> StoredProviderConfig | None:
        return self._session.own_rows.provider_configs.get(config_id)

    def account_for(self, provider_name: str, merchant_id: MerchantId) -> UUID | None:
        own, default = self.find(provider_name, merchant_id), self.find(provider_name)
        return next((each.id for each in (own, default) if each is not None and each.is_active), None)

    def active_accounts(self) -> Set[tuple[str, MerchantId | None]]:
        return {(row.provider_name, row.merchant_id) for row in self.all() if row.is_active}

    def all(self) -> Sequence[StoredProviderConfig]:
        rows = self._session.rows.provider_configs.values()
        newest = sorted(
            rows, key=lambda row: (row.created_at or datetime.min.replace(tzinfo=UTC), row.id), reverse=True
        )
        return sorted(newest, key=lambda row: (row.provider_name, row.merchant_id is not None))

    def of_provider(self, provider_name: str) -> Sequence[StoredProviderConfig]:
        return [row for row in self.all() if row.provider_name == provider_name]

    def add(self, config: StoredProviderConfig, now: datetime) -> bool:
        rows = self._session.own_rows.provider_configs
        if _account(rows, config.provider_name, config.merchant_id) is not None:
            return False
        check(config.id not in rows, "pk_provider_configs")
        rows[config.id] = stored(replace(config, created_at=now, updated_at=now))
        return True

    def save(self, config: StoredProviderConfig, now: datetime) -> None:
        rows = self._session.own_rows.provider_configs
        known = _account(rows, config.provider_name, config.merchant_id)
        if known is None:
            assert self.add(config, now)
            return
        rows[known.id] = stored(replace(config, id=known.id, created_at=known.created_at, updated_at=now))


def _account(
    rows: dict[UUID, StoredProviderConfig], provider_name: str, merchant_id: MerchantId | None
) -> StoredProviderConfig | None:
    found = (row for row in rows.values() if (row.provider_name, row.merchant_id) == (provider_name, merchant_id))
    return next(found, None)
