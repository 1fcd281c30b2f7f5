"""Where a server is, and the question whether it really answers: a login, not an open port."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg2
import redis
from kombu.connection import Connection
from redis.backoff import NoBackoff
from redis.retry import Retry

CONNECT_TIMEOUT_SECONDS = 3
SERVER_NAMES = ("postgres", "redis", "rabbitmq")


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """A server's address with the application's credentials; ``owner_url`` is set for PostgreSQL only."""

    name: str
    url: str
    owner_url: str | None = None

    @property
    def shown(self) -> str:
        """The address without its password."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}:{parts.port}" if parts.port else f"{parts.scheme}://{parts.hostname}"


def why_not_ready(server: ServerUrl) -> str | None:
    """One line saying why the server does not take a login now; None when it does."""
    try:
        _LOGINS[server.name](server.url)
    except Exception as error:  # noqa: BLE001 - every driver has its own family of errors, and OSError besides
        return (str(error).strip().splitlines() or [type(error).__name__])[0]
    return None


def is_ready(server: ServerUrl) -> bool:
    return why_not_ready(server) is None


def _log_into_postgres(url: str) -> None:
    with (
        closing(psycopg2.connect(url, connect_timeout=CONNECT_TIMEOUT_SECONDS)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT 1")


def _log_into_redis(url: str) -> None:
    limits = {"socket_timeout": CONNECT_TIMEOUT_SECONDS, "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS}
    with closing(redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **limits)) as client:
        client.ping()


def _log_into_rabbitmq(url: str) -> None:
    limits = {"read_timeout": CONNECT_TIMEOUT_SECONDS, "write_timeout": CONNECT_TIMEOUT_SECONDS}
    with Connection(url, connect_timeout=CONNECT_TIMEOUT_SECONDS, transport_options=limits) as connection:
        transport = connection.transport  # connection.connect() would sleep for two seconds and try again
        transport.close_connection(transport.establish_connection())


_LOGINS: Mapping[str, Callable[[str], None]] = {
    "postgres": _log_into_postgres,
    "redis": _log_into_redis,
    "rabbitmq": _log_into_rabbitmq,
}
