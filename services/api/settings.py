"""What the API is told."""

from pathlib import Path

from pydantic import Field, SecretStr

from shared.egress.settings import EgressSettings
from shared.runtime.settings import AuditKeyList, PostgresUrl, SigningSettings, split_keys


class ApiSettings(SigningSettings, EgressSettings):
    """``payment_lifetime_seconds``: how long a payment may stay unfinished before it expires.

    ``api_waiters_percent``: how many of a worker process's threads may wait at once (``Prefer: wait=N``). Limits are
    written as ``1000/second;30000/minute``. ``trusted_proxies``: how many proxies of ours set ``X-Forwarded-For``.
    ``cors_origins``: exact origins separated by commas. ``audit_reads``: whether calls that only read are in the audit
    trail. ``egress_…``: which addresses merchants may be told at, as ``webhook_delivery`` has them.
    """

    database_url: PostgresUrl
    amqp_url: SecretStr
    audit_key: AuditKeyList
    credential_encryption_keys: SecretStr
    redis_url: SecretStr
    api_host: str = "127.0.0.1"
    api_port: int
    api_workers: int = Field(default=2, ge=1, le=64)
    api_threads: int = Field(default=16, ge=1, le=128)
    api_waiters_percent: int = Field(default=50, ge=0, le=90)
    payment_lifetime_seconds: int = Field(default=3600, ge=60)
    refund_lifetime_seconds: int = Field(default=86_400, ge=60)
    payout_lifetime_seconds: int = Field(default=86_400, ge=60)
    rate_limit_reads: str = "2000/second"
    rate_limit_writes: str = "1000/second"
    rate_limit_sign_in: str = "30/second;600/minute"
    trusted_proxies: int = Field(default=0, ge=0, le=4)
    cors_origins: str = ""
    audit_reads: bool = True

    @property
    def fernet_keys(self) -> tuple[str, ...]:
        return split_keys(self.credential_encryption_keys)

    @property
    def metrics_folder(self) -> Path:
        return self.state_dir / "metrics"

    @property
    def waiting_places(self) -> int:
        return self.api_threads * self.api_waiters_percent // 100

    @property
    def allowed_origins(self) -> list[str]:
        return [origin.strip() for origin in self.cors_origins.split(",") if origin.strip()]
