"""What the scheduler is told."""

from pathlib import Path

from pydantic import Field, SecretStr

from shared.runtime.settings import AuditKeyList, CredentialSettings, PostgresUrl, ProcessSettings, RetentionSettings


class SchedulerSettings(ProcessSettings):
    """What beat and worker are told.

    ``…_seconds`` of a task is its period.

    ``reconciliation_period_hours``: how often our books are compared with a provider's; ``…_lookback_hours``: how far
    back. ``reconciliation_seconds`` is only how often it is looked whether that is due.
    ``outbox_alert_seconds``: how old a message may grow in the outbox before somebody should look.
    """

    database_url: PostgresUrl
    amqp_url: SecretStr
    recovery_seconds: float = Field(default=2.0, gt=0)
    outbox_watchdog_seconds: float = Field(default=10.0, gt=0)
    outbox_alert_seconds: int = Field(default=60, ge=1)
    audit_sealing_seconds: float = Field(default=10.0, gt=0)
    stray_seconds: float = Field(default=300.0, gt=0)
    retention_seconds: float = Field(default=3600.0, gt=0)
    reconciliation_seconds: float = Field(default=3600.0, gt=0)
    reconciliation_period_hours: int = Field(default=24, ge=1)
    reconciliation_lookback_hours: int = Field(default=72, ge=1)

    @property
    def beat_file(self) -> Path:
        return self.state_dir / "beat-schedule"

    @property
    def audit_head_file(self) -> Path:
        return self.state_dir / "audit-head"


class SchedulerWorkerSettings(SchedulerSettings, CredentialSettings, RetentionSettings):
    """The worker also seals the audit trail and asks providers for their statements; beat knows no secret."""

    audit_key: AuditKeyList
    redis_url: SecretStr
    connect_seconds: float = Field(default=2, gt=0)
    read_seconds: float = Field(default=10, gt=0)
