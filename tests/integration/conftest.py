"""A fresh database and an empty broker for every test module that asks."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
from kombu.connection import Connection
from sqlalchemy import Engine, create_engine, make_url, text

from shared.messaging.connection import publishing_connection
from shared.messaging.topology import build_topology
from shared.persistence.engine import build_engine
from shared.persistence.migrate import migrate
from tests.servers import Servers

# The ladder, scaled: a test with the real broker runs all of it in seconds.
DELAYS_MS = (200, 400, 800)


@dataclass(frozen=True)
class Database:
    """One migrated database: as its owner, and as the application's role, which is not the owner."""

    owner: Engine
    application: Engine


@pytest.fixture(scope="module")
def database(servers: Servers) -> Iterator[Database]:
    with new_database(servers.urls["postgres"]) as found:
        yield found


class new_database:  # noqa: N801 - a context manager
    """Makes a database and a role for it, and drops both at the end."""

    def __init__(self, owner_url: str) -> None:
        self._url = make_url(owner_url).set(drivername="postgresql+psycopg2")
        self._name = f"test_{uuid4().hex}"
        self._admin = create_engine(self._url, isolation_level="AUTOCOMMIT")

    def __enter__(self) -> Database:
        with self._admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {self._name}"))
            connection.execute(text(f"CREATE ROLE {self._name} LOGIN PASSWORD 'test'"))
        owner_url = self._url.set(database=self._name)
        application_url = owner_url.set(username=self._name, password="test")
        self._engines = [
            build_engine(url.render_as_string(hide_password=False), pool_size=40, application_name="tests")
            for url in (owner_url, application_url)
        ]
        migrate(self._engines[0], application_url.render_as_string(hide_password=False))
        return Database(*self._engines)

    def __exit__(self, *_error: object) -> None:
        for engine in self._engines:
            engine.dispose()
        with self._admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {self._name} WITH (FORCE)"))
            connection.execute(text(f"DROP ROLE {self._name}"))
        self._admin.dispose()


@pytest.fixture
def amqp_url(servers: Servers) -> Iterator[str]:
    """The broker with our topology, every queue empty."""
    topology = build_topology(["cpay", "other"], DELAYS_MS)
    with publishing_connection(servers.urls["rabbitmq"]) as connection:
        topology.declare(connection)
        _empty(connection, [queue.name for queue, _ in topology.queues])
        yield servers.urls["rabbitmq"]
        _empty(connection, [queue.name for queue, _ in topology.queues])


def _empty(connection: Connection, queues: list[str]) -> None:
    with connection.channel() as channel:
        for queue in queues:
            channel.queue_purge(queue)
