"""What the scheduler is told."""

from pathlib import Path

from pydantic import Field, SecretStr

from shared.runtime.settings import PostgresUrl, ProcessSettings


class SchedulerSettings(ProcessSettings):
    """``recovery_seconds``: the period of the recovery sweep."""

    database_url: PostgresUrl
    amqp_url: SecretStr
    recovery_seconds: float = Field(default=2.0, gt=0)

    @property
    def beat_file(self) -> Path:
        return self.state_dir / "beat-schedule"
