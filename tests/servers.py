"""Real servers for tests, each from the first tier that has it: URLs given, testcontainers, native."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from docker.errors import DockerException
from testcontainers.community.postgres import PostgresContainer
from testcontainers.community.rabbitmq import RabbitMqContainer
from testcontainers.community.redis import RedisContainer
from testcontainers.core.config import testcontainers_config

from deploy.local.errors import LocalError
from deploy.local.servers.docker_engine import docker_can_start
from deploy.local.servers.postgres import superuser_address
from deploy.local.settings import LocalSettings
from deploy.local.site import open_site
from deploy.local.system import LocalSystem

GIVEN = {"postgres": "TEST_DATABASE_URL", "redis": "TEST_REDIS_URL", "rabbitmq": "TEST_AMQP_URL"}
IMAGES = {"postgres": "postgres:16-bookworm", "redis": "redis:7-bookworm", "rabbitmq": "rabbitmq:4-management"}
URLS = {"postgres": "DATABASE_URL", "redis": "REDIS_URL", "rabbitmq": "AMQP_URL"}


@dataclass
class Servers:
    """``urls`` by server; PostgreSQL's is its superuser's. ``tiers`` says where each came from."""

    urls: dict[str, str] = field(default_factory=dict)
    tiers: dict[str, str] = field(default_factory=dict)


@contextmanager
def running_servers(folder: Path) -> Iterator[Servers]:
    """All three, stopped at the end if they are ours."""
    servers = Servers()
    with ExitStack() as stack:
        for name in GIVEN:
            _provide(name, servers, stack)
        missing = [name for name in GIVEN if name not in servers.urls]
        if missing:
            _provide_natively(missing, servers, folder, stack)
        yield servers


def _provide(name: str, servers: Servers, stack: ExitStack) -> None:
    given = os.environ.get(GIVEN[name])
    if given:
        servers.urls[name], servers.tiers[name] = given, f"given by {GIVEN[name]}"
    elif os.environ.get("GATEWAY_SERVERS") != "native" and docker_can_start(IMAGES[name]):
        # Its reaper is one more image that may not be had; ours are stopped by the stack.
        testcontainers_config.ryuk_disabled = True
        # An engine that answers is not yet one that starts this container: then the next tier provides it.
        with suppress(DockerException):
            servers.urls[name] = stack.enter_context(_CONTAINERS[name]())
            servers.tiers[name] = f"testcontainers {IMAGES[name]}"


def _provide_natively(names: list[str], servers: Servers, folder: Path, stack: ExitStack) -> None:
    system = LocalSystem(settings=LocalSettings(state_dir=folder, forced_kind="native"))
    stack.callback(system.clean)
    try:
        system.up(only=names)
    except LocalError as error:
        _give_up(str(error))
    # Each test module makes a database and a role of its own: that takes the superuser.
    superuser = superuser_address(open_site(system.settings, lambda _message: None))
    urls = {**system.environment(), "DATABASE_URL": superuser.url}
    for name in names:
        servers.urls[name], servers.tiers[name] = urls[URLS[name]], "native"


def _give_up(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"no servers for the integration tests: {reason}")
    pytest.skip(f"no servers for the integration tests: {reason}")


@contextmanager
def _postgres() -> Iterator[str]:
    with PostgresContainer(IMAGES["postgres"], driver=None) as container:
        yield container.get_connection_url()


@contextmanager
def _redis() -> Iterator[str]:
    with RedisContainer(IMAGES["redis"]) as container:
        yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"


@contextmanager
def _rabbitmq() -> Iterator[str]:
    with RabbitMqContainer(IMAGES["rabbitmq"]) as container:
        yield f"amqp://guest:guest@{container.get_container_host_ip()}:{container.get_exposed_port(5672)}//"


_CONTAINERS: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "postgres": _postgres,
    "redis": _redis,
    "rabbitmq": _rabbitmq,
}
