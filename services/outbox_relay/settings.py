"""What the relay is told."""

from pydantic import Field, SecretStr

from shared.application.check_schedule import DEFAULT_CHECK_SECONDS
from shared.messaging.retry_ladder import DEFAULT_DELAYS_MS
from shared.runtime.settings import AuditKeyList, PostgresUrl, ProcessSettings, RisingNumbers


class RelaySettings(ProcessSettings):
    """``sweep_seconds``: the pause between two looks into the outbox."""

    database_url: PostgresUrl
    amqp_url: SecretStr
    audit_key: AuditKeyList
    retry_delays_ms: RisingNumbers = DEFAULT_DELAYS_MS
    status_check_seconds: RisingNumbers = DEFAULT_CHECK_SECONDS
    sweep_seconds: float = Field(default=0.3, gt=0)
