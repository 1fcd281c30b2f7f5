"""What the scheduler is told."""

from pathlib import Path

from pydantic import Field, SecretStr

from shared.runtime.settings import AuditKeyList, PostgresUrl, ProcessSettings


class SchedulerSettings(ProcessSettings):
    """``…_seconds`` of a task is its period.

    ``outbox_alert_seconds``: how old a message may grow in the outbox before somebody should look.
    """

    database_url: PostgresUrl
    amqp_url: SecretStr
    audit_key: AuditKeyList
    recovery_seconds: float = Field(default=2.0, gt=0)
    outbox_watchdog_seconds: float = Field(default=10.0, gt=0)
    outbox_alert_seconds: int = Field(default=60, ge=1)
    audit_sealing_seconds: float = Field(default=10.0, gt=0)

    @property
    def beat_file(self) -> Path:
        return self.state_dir / "beat-schedule"

    @property
    def audit_head_file(self) -> Path:
        return self.state_dir / "audit-head"
