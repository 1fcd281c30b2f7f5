"""What the job is told."""

import os
from typing import get_origin

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.messaging.retry_ladder import DEFAULT_DELAYS_MS
from shared.provider_kit.plugin import ProviderPlugin
from shared.provider_kit.sandbox import SandboxSite
from shared.runtime.settings import AuditKeyList, PostgresUrl, RisingNumbers, refuse_default_secrets, split_keys


class SeedSettings(BaseSettings):
    """The sandbox's first merchant, people and key, and its providers. Nothing is seeded where these are not set."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    seed_api_key_id: str
    seed_api_key_secret: SecretStr
    seed_admin_email: str
    seed_admin_password: SecretStr
    sandbox_secret: SecretStr
    simulator_url: str
    callbacks_url: str
    credential_encryption_keys: SecretStr

    @property
    def site(self) -> SandboxSite:
        return SandboxSite(
            secret=self.sandbox_secret.get_secret_value(),
            simulator_url=self.simulator_url,
            callbacks_url=self.callbacks_url,
        )

    @property
    def fernet_keys(self) -> tuple[str, ...]:
        return split_keys(self.credential_encryption_keys)


class PrepareSettings(BaseSettings):
    """``database_owner_url`` may change tables; ``database_url`` is what the services use."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    environment: str = "production"
    database_url: PostgresUrl
    database_owner_url: PostgresUrl
    amqp_url: SecretStr
    audit_key: AuditKeyList
    credential_encryption_keys: SecretStr
    seed_api_key_id: str | None = None
    retry_delays_ms: RisingNumbers = DEFAULT_DELAYS_MS
    event_log_restores: int = Field(default=0, ge=0)

    @property
    def fernet_keys(self) -> tuple[str, ...]:
        return split_keys(self.credential_encryption_keys)

    @model_validator(mode="after")
    def _refuse_the_sandboxs_secrets(self) -> "PrepareSettings":
        if self.environment == "production":
            refuse_default_secrets(self)
        return self


def told_of(plugin: ProviderPlugin) -> dict[str, object]:
    """The fields of a provider's configuration that the environment gives: ``CPAY_BASE_URL`` as ``base_url``.

    Of a field that is a list, the values are separated by commas.
    """
    fields = plugin.config_model.model_fields
    names = {f"{plugin.name}_{field}".upper(): field for field in fields} | dict(plugin.environment)
    given = {field: os.environ[name] for name, field in names.items() if os.environ.get(name)}
    return {field: _listed(text) if _is_list(fields[field].annotation) else text for field, text in given.items()}


def _is_list(annotation: object) -> bool:
    return get_origin(annotation) is tuple


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
