"""What the delivery of webhooks is told."""

from pydantic import Field, SecretStr

from shared.egress.settings import EgressSettings
from shared.messaging.retry_ladder import DEFAULT_DELAYS_MS
from shared.runtime.settings import AuditKeyList, CredentialSettings, PostgresUrl, RisingNumbers


class DeliverySettings(CredentialSettings, EgressSettings):
    """``webhook_threads`` call the endpoints that answer quickly; half as many call all others.

    ``retry_delays_ms``: the schedule begins with it, and goes on from it for more than three days.
    ``webhook_disable_hours``: an endpoint that has only failed for so long is switched off.
    """

    database_url: PostgresUrl
    amqp_url: SecretStr
    audit_key: AuditKeyList
    retry_delays_ms: RisingNumbers = DEFAULT_DELAYS_MS
    webhook_threads: int = Field(default=16, ge=1, le=64)
    webhook_sweep_seconds: float = Field(default=1.0, gt=0)
    webhook_disable_hours: int = Field(default=120, ge=1)
    shutdown_seconds: int = Field(default=25, ge=1)

    @property
    def slow_threads(self) -> int:
        return (self.webhook_threads + 1) // 2
