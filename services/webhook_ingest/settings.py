"""What webhook_ingest is told."""

from pathlib import Path

from pydantic import Field, SecretStr

from shared.runtime.settings import AuditKeyList, CredentialSettings, PostgresUrl


class IngestSettings(CredentialSettings):
    """``trusted_proxies``: how many proxies of ours set ``X-Forwarded-For``."""

    database_url: PostgresUrl
    amqp_url: SecretStr
    audit_key: AuditKeyList
    ingest_host: str = "127.0.0.1"
    ingest_port: int
    ingest_workers: int = Field(default=1, ge=1, le=16)
    ingest_threads: int = Field(default=8, ge=1, le=64)
    trusted_proxies: int = Field(default=0, ge=0, le=4)

    @property
    def metrics_folder(self) -> Path:
        return self.state_dir / "metrics"
