"""What a worker is told."""

from pydantic import Field, SecretStr

from shared.application.check_schedule import DEFAULT_CHECK_SECONDS
from shared.messaging.retry_ladder import DEFAULT_DELAYS_MS
from shared.runtime.settings import AuditKeyList, CredentialSettings, PostgresUrl, RisingNumbers


class WorkerSettings(CredentialSettings):
    """``provider`` names the one provider that this worker serves; scale by starting more.

    ``lease_seconds`` is how long an attempt belongs to its worker: at least twice what a call may take.
    ``breaker_failures`` in a row open the provider's breaker for ``breaker_open_seconds``.
    ``calls_per_second`` and ``calls_burst``: how often all workers together call; 0: what the provider's plugin says.
    ``authorization_lifetime_seconds``: how long what is reserved waits for its captures.
    """

    database_url: PostgresUrl
    amqp_url: SecretStr
    redis_url: SecretStr
    audit_key: AuditKeyList
    provider: str
    retry_delays_ms: RisingNumbers = DEFAULT_DELAYS_MS
    status_check_seconds: RisingNumbers = DEFAULT_CHECK_SECONDS
    worker_threads: int = Field(default=8, ge=1, le=32)
    connect_seconds: float = Field(default=2, gt=0)
    read_seconds: float = Field(default=10, gt=0)
    authorization_lifetime_seconds: int = Field(default=604_800, ge=60)
    lease_seconds: int = Field(default=30, ge=5)
    breaker_failures: int = Field(default=5, ge=1)
    breaker_open_seconds: float = Field(default=30, gt=0)
    calls_per_second: float = Field(default=0, ge=0)
    calls_burst: int = Field(default=0, ge=0)
    shutdown_seconds: int = Field(default=25, ge=1)

    @property
    def side_threads(self) -> int:
        """Of those that ask about payments, and of those that take callbacks: each half of those that move money."""
        return (self.worker_threads + 1) // 2

    @property
    def all_threads(self) -> int:
        return self.worker_threads + 2 * self.side_threads
