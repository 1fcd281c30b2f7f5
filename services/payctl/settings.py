"""What the command line is told: by the environment, or by a file such as ``.local/gateway.env``."""

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.messaging.retry_ladder import DEFAULT_DELAYS_MS
from shared.runtime.settings import AuditKeyList, PostgresUrl, RetentionSettings, RisingNumbers, split_keys


class PayctlSettings(RetentionSettings):
    """What is in the environment wins over what is in the file.

    ``credential_encryption_keys`` and ``redis_url``: only for what asks a provider, or looks at its breaker.
    ``spool_dir``: where webhook_ingest keeps callbacks on this machine while the database is away.
    """

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    database_url: PostgresUrl
    amqp_url: SecretStr
    audit_key: AuditKeyList
    retry_delays_ms: RisingNumbers = DEFAULT_DELAYS_MS
    credential_encryption_keys: SecretStr | None = None
    redis_url: SecretStr | None = None
    environment: Literal["production", "sandbox"] = "production"
    spool_dir: Path | None = None

    @property
    def fernet_keys(self) -> tuple[str, ...]:
        return split_keys(self.credential_encryption_keys)


class SimSettings(BaseSettings):
    """All that ``payctl sim`` needs: a pipeline may have no more. ``simulator_url``: as this machine reaches them."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    simulator_url: str | None = None
    environment: Literal["production", "sandbox"] = "production"


class SettingsMissing(Exception):
    """Says in one line which settings are missing or wrong; their values are never told."""


Settings = TypeVar("Settings", PayctlSettings, SimSettings)


def load_payctl_settings(env_file: Path) -> PayctlSettings:
    """Raises ``SettingsMissing``."""
    return _load(PayctlSettings, env_file)


def load_sim_settings(env_file: Path) -> SimSettings:
    """Raises ``SettingsMissing``."""
    return _load(SimSettings, env_file)


def _load(settings: type[Settings], env_file: Path) -> Settings:
    try:
        return settings(_env_file=env_file if env_file.is_file() else None)
    except ValidationError as error:
        names = sorted({"_".join(map(str, each["loc"])).upper() for each in error.errors(include_input=False)})
        raise SettingsMissing(f"{', '.join(names)}: not set, neither in the environment nor in {env_file}") from None
