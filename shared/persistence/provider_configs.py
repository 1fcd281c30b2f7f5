"""Stores the providers' configurations; their three secrets only ever encrypted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects.postgresql import insert

from shared.persistence.tables import provider_configs


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProviderConfig:
    """One provider's configuration. The three secrets are ciphertext."""

    id: UUID
    provider_name: str
    is_active: bool
    api_key: str | None
    api_secret: str | None
    webhook_secret: str | None
    config: Mapping[str, object] = field(default_factory=dict)


class ProviderConfigRepository:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, provider_name: str) -> StoredProviderConfig | None:
        statement = select(provider_configs).where(provider_configs.c.provider_name == provider_name)
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _config(row)

    def all(self) -> Sequence[StoredProviderConfig]:
        rows = self._connection.execute(select(provider_configs).order_by(provider_configs.c.provider_name))
        return [_config(row) for row in rows]

    def save(self, config: StoredProviderConfig, now: datetime) -> None:
        """Add it, or replace what is stored for this provider."""
        changed = {
            "is_active": config.is_active,
            "api_key": config.api_key,
            "api_secret": config.api_secret,
            "webhook_secret": config.webhook_secret,
            "config": dict(config.config),
            "updated_at": now,
        }
        statement = insert(provider_configs).values(
            id=config.id, provider_name=config.provider_name, created_at=now, **changed
        )
        self._connection.execute(statement.on_conflict_do_update(index_elements=["provider_name"], set_=changed))


def _config(row: Row[tuple[object, ...]]) -> StoredProviderConfig:
    column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return StoredProviderConfig(
        id=column["id"],
        provider_name=column["provider_name"],
        is_active=column["is_active"],
        api_key=column["api_key"],
        api_secret=column["api_secret"],
        webhook_secret=column["webhook_secret"],
        config=column["config"],
    )
