"""What the scheduler is told."""

from pathlib import Path

from pydantic import Field, SecretStr

from shared.runtime.settings import AuditKeyList, PostgresUrl, ProcessSettings


class SchedulerSettings(ProcessSettings):
    """``recovery_seconds``: the period of the recovery sweep; ``audit_sealing_seconds``: of the audit trail's seals."""

    database_url: PostgresUrl
    amqp_url: SecretStr
    audit_key: AuditKeyList
    recovery_seconds: float = Field(default=2.0, gt=0)
    audit_sealing_seconds: float = Field(default=10.0, gt=0)

    @property
    def beat_file(self) -> Path:
        return self.state_dir / "beat-schedule"

    @property
    def audit_head_file(self) -> Path:
        return self.state_dir / "audit-head"
