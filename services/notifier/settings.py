"""What the notifier is told."""

from pydantic import Field, SecretStr

from shared.runtime.settings import PostgresUrl, SigningSettings


class NotifierSettings(SigningSettings):
    """``allowed_origins``: browser origins that may connect, separated by commas; what sends no Origin always may."""

    database_url: PostgresUrl
    amqp_url: SecretStr
    notifier_host: str = "127.0.0.1"
    notifier_port: int
    notifier_readers: int = Field(default=8, ge=1, le=64)
    max_connections: int = Field(default=5000, ge=1)
    allowed_origins: str = ""

    @property
    def origins(self) -> list[str]:
        return [origin.strip() for origin in self.allowed_origins.split(",") if origin.strip()]
