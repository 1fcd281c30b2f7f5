"""What every process is told by its environment; a missing or weak setting stops it with one clear line."""

import sys
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.runtime import crash_points

PostgresUrl = Annotated[SecretStr, AfterValidator(lambda url: SecretStr(_with_psycopg2(url.get_secret_value())))]

# Keys of the audit trail, separated by commas: the first signs, all verify (``shared.runtime.audit_keys``).
AuditKeyList = Annotated[SecretStr, AfterValidator(lambda keys: _long_enough(keys))]  # noqa: PLW0108 - defined below

# ``60000,300000`` in the environment.
RisingNumbers = Annotated[tuple[int, ...], NoDecode, BeforeValidator(lambda given: _rising(given))]  # noqa: PLW0108 - defined below

_MIN_SECRET_BYTES = 32

# Every secret that this project ships says so of itself; compose's URLs contain theirs.
_DEFAULT_MARK = "change-me"

# Words of keys that were typed, not made.
_TYPED = ("changeme", "secret", "insecure", "password", "example")


class ProcessSettings(BaseSettings):
    """Common to all processes. The health port is private: it is never published outside."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, secrets_dir=None)

    environment: Literal["production", "sandbox"] = "production"
    health_host: str = "127.0.0.1"
    health_port: int
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    state_dir: Path = Path(".local/state")
    crash_at: Annotated[str, AfterValidator(crash_points.check)] = ""

    @property
    def is_production(self) -> bool:
        return self.environment == "production"

    @model_validator(mode="after")
    def _refuse_the_sandboxs_secrets(self) -> "ProcessSettings":
        if self.is_production:
            refuse_default_secrets(self)
        return self

    @model_validator(mode="after")
    def _refuse_crash_points_in_production(self) -> "ProcessSettings":
        if self.is_production and self.crash_at:
            raise ValueError("CRASH_AT kills this process on purpose; production does not take it")
        return self


class SigningSettings(ProcessSettings):
    """The key that access tokens are signed with (HMAC-SHA256)."""

    jwt_secret_key: SecretStr

    @model_validator(mode="after")
    def _refuse_a_weak_key(self) -> "SigningSettings":
        key = self.jwt_secret_key.get_secret_value()
        if len(key.encode()) < _MIN_SECRET_BYTES:
            raise ValueError(f"JWT_SECRET_KEY must be at least {_MIN_SECRET_BYTES} bytes long")
        if self.is_production and any(word in key.lower() for word in _TYPED):
            raise ValueError("JWT_SECRET_KEY is a default; make one with: openssl rand -base64 48")
        return self


class CredentialSettings(ProcessSettings):
    """The Fernet keys that stored credentials are encrypted with, separated by commas; the first encrypts."""

    credential_encryption_keys: SecretStr

    @property
    def fernet_keys(self) -> tuple[str, ...]:
        return split_keys(self.credential_encryption_keys)


class RetentionSettings(BaseSettings):
    """How long is kept what need not be kept for ever. A response answers repetitions for 24 hours at least."""

    keep_responses_hours: int = Field(default=72, ge=24)
    keep_outbox_days: int = Field(default=7, ge=1)
    keep_payloads_days: int = Field(default=90, ge=1)


SettingsT = TypeVar("SettingsT", bound=BaseSettings)


def split_keys(keys: SecretStr | None) -> tuple[str, ...]:
    """The keys in a list that is separated by commas; none where there is no list."""
    return tuple(key.strip() for key in (keys.get_secret_value() if keys else "").split(",") if key.strip())


def refuse_default_secrets(settings: BaseSettings) -> None:
    """Raises ``ValueError`` naming each secret that is the one of the sandbox; its value is not told."""
    given = ((name, getattr(settings, name)) for name in type(settings).model_fields)
    secrets = ((name, value) for name, value in given if isinstance(value, SecretStr))
    defaults = [name.upper() for name, value in secrets if _DEFAULT_MARK in value.get_secret_value().lower()]
    if defaults:
        raise ValueError(f"{', '.join(defaults)}: the sandbox's default; production needs one of its own")


def load_settings(settings_class: type[SettingsT]) -> SettingsT:
    """Read the environment, or leave with one line per setting that is missing or wrong. Values are never printed."""
    try:
        return settings_class()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            name = "_".join(str(part) for part in problem["loc"]).upper() or "settings"
            sys.stderr.write(f"{name}: {problem['msg']}\n")
        raise SystemExit(78) from None  # EX_CONFIG


def _with_psycopg2(url: str) -> str:
    # SQLAlchemy 2.1 reads postgresql:// as psycopg 3, and does not know postgres:// at all.
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg2"}:
        raise ValueError("must look like postgresql://user:password@host:port/database")
    return f"postgresql+psycopg2://{rest}"


def _long_enough(keys: SecretStr) -> SecretStr:
    lengths = [len(key.strip().encode()) for key in keys.get_secret_value().split(",")]
    if min(lengths) < _MIN_SECRET_BYTES:
        raise ValueError(f"each key must be at least {_MIN_SECRET_BYTES} bytes long")
    return keys


def _rising(given: object) -> object:
    if not isinstance(given, str):
        return given
    parts = given.split(",")
    numbers = tuple(int(part) for part in parts if part.strip().isdecimal())
    if len(numbers) != len(parts) or 0 in numbers or list(numbers) != sorted(set(numbers)):
        raise ValueError("must be rising whole numbers separated by commas, such as 60000,300000")
    return numbers
