"""Providers' configurations in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shared.persistence.provider_configs import ProviderConfigRepository, StoredProviderConfig
from tests.fakes.persistence.columns import stored
from tests.fakes.persistence.session import Session


class InMemoryProviderConfigs(ProviderConfigRepository):
    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, provider_name: str) -> StoredProviderConfig | None:
        return self._session.rows.provider_configs.get(provider_name)

    def all(self) -> Sequence[StoredProviderConfig]:
        rows = self._session.rows.provider_configs
        return [rows[name] for name in sorted(rows)]

    def save(self, config: StoredProviderConfig, now: datetime) -> None:
        rows = self._session.own_rows.provider_configs
        known = rows.get(config.provider_name, config)
        rows[config.provider_name] = stored(replace(config, id=known.id))
