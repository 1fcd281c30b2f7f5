"""Stores the providers' accounts and their configurations; the secrets in them only ever encrypted."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, or_, select
from sqlalchemy.dialects.postgresql import insert

from shared.domain.ids import MerchantId
from shared.persistence.tables import provider_configs

_ONE_ACCOUNT = ["provider_name", "merchant_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProviderConfig:
    """An account at a provider: the default one, or that of ``merchant_id``. An inactive one starts nothing new.

    The three secrets are ciphertext; any other secret stands in ``config`` as ``{"encrypted": …}``. The times are of
    what has been stored.
    """

    id: UUID
    provider_name: str
    is_active: bool
    api_key: str | None = None
    api_secret: str | None = None
    webhook_secret: str | None = None
    config: Mapping[str, object] = field(default_factory=dict)
    merchant_id: MerchantId | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class ProviderConfigRepository:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, provider_name: str, merchant_id: MerchantId | None = None) -> StoredProviderConfig | None:
        """The account of just this merchant, or the default one."""
        return self._one(_account(provider_name, merchant_id))

    def lock(self, provider_name: str, merchant_id: MerchantId | None = None) -> StoredProviderConfig | None:
        """As ``find``, with the row locked until the transaction ends."""
        return self._one(_account(provider_name, merchant_id).with_for_update())

    def find_by_id(self, config_id: UUID) -> StoredProviderConfig | None:
        return self._one(select(provider_configs).where(provider_configs.c.id == config_id))

    def lock_by_id(self, config_id: UUID) -> StoredProviderConfig | None:
        return self._one(select(provider_configs).where(provider_configs.c.id == config_id).with_for_update())

    def account_for(self, provider_name: str, merchant_id: MerchantId) -> UUID | None:
        """The active account that what this merchant starts goes to: their own, else the default one."""
        statement = (
            select(provider_configs.c.id)
            .where(
                provider_configs.c.provider_name == provider_name,
                provider_configs.c.is_active,
                or_(provider_configs.c.merchant_id == merchant_id, provider_configs.c.merchant_id.is_(None)),
            )
            .order_by(provider_configs.c.merchant_id.nulls_last())
            .limit(1)
        )
        account: UUID | None = self._connection.execute(statement).scalar_one_or_none()
        return account

    def active_accounts(self) -> Set[tuple[str, MerchantId | None]]:
        """The provider and the merchant of each account that takes what is new."""
        columns = (provider_configs.c.provider_name, provider_configs.c.merchant_id)
        rows = self._connection.execute(select(*columns).where(provider_configs.c.is_active))
        return {(provider, None if merchant is None else MerchantId(merchant)) for provider, merchant in rows}

    def all(self) -> Sequence[StoredProviderConfig]:
        """By provider; of each the default account first, then the merchants' accounts, newest first."""
        return self._all(select(provider_configs))

    def of_provider(self, provider_name: str) -> Sequence[StoredProviderConfig]:
        """The default account first, then the merchants' accounts, newest first."""
        return self._all(select(provider_configs).where(provider_configs.c.provider_name == provider_name))

    def add(self, config: StoredProviderConfig, now: datetime) -> bool:
        """Add it; ``False`` if there is such an account already."""
        statement = (
            insert(provider_configs).values(_facts(config, now)).on_conflict_do_nothing(index_elements=_ONE_ACCOUNT)
        )
        return self._connection.execute(statement).rowcount == 1

    def save(self, config: StoredProviderConfig, now: datetime) -> None:
        """Add it, or replace what is stored for this account."""
        statement = insert(provider_configs).values(_facts(config, now))
        changed = _changing_columns(config, now)
        self._connection.execute(statement.on_conflict_do_update(index_elements=_ONE_ACCOUNT, set_=changed))

    def _one(self, statement: Select[tuple[object, ...]]) -> StoredProviderConfig | None:
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _config(row)

    def _all(self, statement: Select[tuple[object, ...]]) -> list[StoredProviderConfig]:
        columns = provider_configs.c
        ordered = statement.order_by(
            columns.provider_name, columns.merchant_id.is_not(None), columns.created_at.desc(), columns.id.desc()
        )
        return [_config(row) for row in self._connection.execute(ordered)]


def _account(provider_name: str, merchant_id: MerchantId | None) -> Select[tuple[object, ...]]:
    whose: ColumnElement[bool] = provider_configs.c.merchant_id.is_not_distinct_from(merchant_id)
    return select(provider_configs).where(provider_configs.c.provider_name == provider_name, whose)


def _facts(config: StoredProviderConfig, now: datetime) -> dict[str, object]:
    return {
        "id": config.id,
        "provider_name": config.provider_name,
        "merchant_id": config.merchant_id,
        "created_at": now,
        **_changing_columns(config, now),
    }


def _changing_columns(config: StoredProviderConfig, now: datetime) -> dict[str, object]:
    return {
        "is_active": config.is_active,
        "api_key": config.api_key,
        "api_secret": config.api_secret,
        "webhook_secret": config.webhook_secret,
        "config": dict(config.config),
        "updated_at": now,
    }


def _config(row: Row[tuple[object, ...]]) -> StoredProviderConfig:
    column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return StoredProviderConfig(
        id=column["id"],
        provider_name=column["provider_name"],
        merchant_id=None if column["merchant_id"] is None else MerchantId(column["merchant_id"]),
        is_active=column["is_active"],
        api_key=column["api_key"],
        api_secret=column["api_secret"],
        webhook_secret=column["webhook_secret"],
        config=column["config"],
        created_at=column["created_at"],
        updated_at=column["updated_at"],
    )
