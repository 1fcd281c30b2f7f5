"""What the job is told."""

from pydantic import SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.messaging.retry_ladder import DEFAULT_DELAYS_MS
from shared.runtime.settings import AuditKeyList, PostgresUrl, RisingNumbers, refuse_default_secrets


class SeedSettings(BaseSettings):
    """The sandbox's first merchant, people, key and provider. Nothing is seeded where these are not set."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    seed_api_key_id: str
    seed_api_key_secret: SecretStr
    seed_admin_email: str
    seed_admin_password: SecretStr
    cpay_base_url: str
    cpay_api_key: SecretStr
    cpay_webhook_secrets: SecretStr
    credential_encryption_keys: SecretStr

    @property
    def fernet_keys(self) -> tuple[str, ...]:
        return tuple(
            key.strip() for key in self.credential_encryption_keys.get_secret_value().split(",") if key.strip()
        )


class PrepareSettings(BaseSettings):
    """``database_owner_url`` may change tables; ``database_url`` is what the services use."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    environment: str = "production"
    database_url: PostgresUrl
    database_owner_url: PostgresUrl
    amqp_url: SecretStr
    audit_key: AuditKeyList
    seed_api_key_id: str | None = None
    retry_delays_ms: RisingNumbers = DEFAULT_DELAYS_MS

    @model_validator(mode="after")
    def _refuse_the_sandboxs_secrets(self) -> "PrepareSettings":
        if self.environment == "production":
            refuse_default_secrets(self)
        return self
