"""What webhook_ingest is told."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from services.webhook_ingest.admission import Networks, networks_in
from shared.runtime.settings import AuditKeyList, CredentialSettings, PostgresUrl

# ``stripe=3.18.12.63 3.130.192.231;paystack=52.31.139.75``, as ``networks_in`` reads it.
Sources = Annotated[str, AfterValidator(lambda text: _checked(text))]  # noqa: PLW0108 - defined below


class IngestSettings(CredentialSettings):
    """``trusted_proxies``: how many proxies of ours set ``X-Forwarded-For``.

    ``callback_sources``: where each provider's callbacks may come from; one that is not named may be anywhere.
    ``spool_dir``: a folder of this machine that outlives the process.
    """

    database_url: PostgresUrl
    amqp_url: SecretStr
    audit_key: AuditKeyList
    ingest_host: str = "127.0.0.1"
    ingest_port: int
    ingest_workers: int = Field(default=1, ge=1, le=16)
    ingest_threads: int = Field(default=8, ge=1, le=64)
    trusted_proxies: int = Field(default=0, ge=0, le=4)
    callback_sources: Sources = ""
    strangers_per_second: float = Field(default=20.0, gt=0, le=1000)
    accounts_known_seconds: float = Field(default=86_400.0, ge=10)
    spool_dir: Path | None = None
    spool_megabytes: int = Field(default=256, ge=1, le=65_536)

    @property
    def metrics_folder(self) -> Path:
        return self.state_dir / "metrics"

    @property
    def spool_folder(self) -> Path:
        return self.spool_dir or self.state_dir / "spool"

    @property
    def callback_networks(self) -> dict[str, Networks]:
        return networks_in(self.callback_sources)


def _checked(sources: str) -> str:
    networks_in(sources)
    return sources
