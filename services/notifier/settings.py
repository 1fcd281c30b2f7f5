"""What the notifier is told."""

import re

from pydantic import Field, SecretStr, model_validator

from shared.runtime.settings import PostgresUrl, SigningSettings

ANY_ORIGIN = "*"

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")


class NotifierSettings(SigningSettings):
    """``allowed_origins``: browser origins that may connect, separated by commas; what sends no Origin always may.

    ``max_handshakes``: connections that have not said yet who they are. ``trusted_proxies``: how many proxies of ours
    set ``X-Forwarded-For``. ``write_seconds``: how long one frame may wait for a client that does not read.
    ``reconnect_seconds``: over how long clients are asked to spread their return when this process stops.
    ``event_log_restores``: raised by one after a restore that PostgreSQL cannot tell, such as a disk's snapshot.
    """

    database_url: PostgresUrl
    amqp_url: SecretStr
    redis_url: SecretStr
    notifier_host: str = "127.0.0.1"
    notifier_port: int
    notifier_readers: int = Field(default=8, ge=1, le=64)
    max_connections: int = Field(default=5000, ge=1)
    max_connections_per_merchant: int = Field(default=1000, ge=1)
    max_connections_per_address: int = Field(default=200, ge=1)
    max_handshakes: int = Field(default=200, ge=1)
    trusted_proxies: int = Field(default=0, ge=0, le=4)
    allowed_origins: str = ""
    ticket_session_seconds: int = Field(default=3600, ge=1)
    write_seconds: float = Field(default=10.0, gt=0, le=60)
    reconnect_seconds: float = Field(default=10.0, ge=0, le=300)
    event_log_restores: int = Field(default=0, ge=0)

    @property
    def origins(self) -> frozenset[str]:
        return frozenset(origin.strip() for origin in self.allowed_origins.split(",") if origin.strip())

    @model_validator(mode="after")
    def _refuse_what_is_no_origin(self) -> "NotifierSettings":
        if self.is_production and ANY_ORIGIN in self.origins:
            raise ValueError("ALLOWED_ORIGINS: * lets every web page connect; production lists those that may")
        if not all(origin == ANY_ORIGIN or _ORIGIN.fullmatch(origin) for origin in self.origins):
            raise ValueError("ALLOWED_ORIGINS: each must look like https://shop.example, as browsers write it")
        return self
