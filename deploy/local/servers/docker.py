"""Servers run by Docker: the services of the root docker-compose.yml, under a project name of this system's own."""

import hashlib
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import cache

from deploy.local.commands import Answer
from deploy.local.errors import LocalError, StartFailed
from deploy.local.servers import postgres, rabbitmq, redis
from deploy.local.servers.addresses import ServerUrl, is_ready, why_not_ready
from deploy.local.servers.docker_engine import ask, can_start
from deploy.local.settings import CHECKOUT
from deploy.local.site import Site
from deploy.local.waiting import wait_until

COMPOSE_FILE = CHECKOUT / "docker-compose.yml"
PORTS_FILE = CHECKOUT / "deploy" / "local" / "compose.ports.yml"
ASK_TIMEOUT_SECONDS = 20.0
UP_TIMEOUT_SECONDS = 180.0
STOP_TIMEOUT_SECONDS = 60.0
READY_TIMEOUT_SECONDS = 90.0

_ADDRESSES: Mapping[str, Callable[[Site], ServerUrl]] = {
    "postgres": postgres.address,
    "redis": redis.address,
    "rabbitmq": rabbitmq.address,
}
_one_at_a_time = threading.Lock()  # two `compose up` at once both make the project's network


class Docker:
    """A service of the root docker-compose.yml, published on this machine's own address only."""

    def start(self, site: Site, name: str, on_launch: Callable[[str], None]) -> ServerUrl:
        server = self.address(site, name)
        if self.pid(site, name) is None:
            site.ports.claim(name)
            server = self.address(site, name)
            on_launch(name)
            with _one_at_a_time:
                _require(name, _compose(site, ["up", "--detach", "--no-deps", name], UP_TIMEOUT_SECONDS))
        self._wait_ready(site, server)
        if name == postgres.NAME:
            _create_application_role(site, server)
        return server

    def address(self, site: Site, name: str) -> ServerUrl:
        return _ADDRESSES[name](site)

    def pid(self, site: Site, name: str) -> int | None:
        container = _container(site, name)
        if container is None:
            return None
        answer = _docker(site, ["docker", "inspect", "--format", "{{.State.Pid}}", container], ASK_TIMEOUT_SECONDS)
        return int(answer.last_line) or None if answer.code == 0 and answer.last_line.isdigit() else None

    def stop(self, site: Site, name: str) -> bool:
        return _end(site, name, ["docker", "stop", "--time", "20"])

    def kill(self, site: Site, name: str) -> bool:
        return _end(site, name, ["docker", "kill"])

    def forget(self, site: Site, name: str) -> None:
        _compose(site, ["rm", "--force", "--stop", "-v", name], STOP_TIMEOUT_SECONDS)
        _compose(site, ["down", "--volumes"], STOP_TIMEOUT_SECONDS)

    def _wait_ready(self, site: Site, server: ServerUrl) -> None:
        if not wait_until(lambda: is_ready(server), READY_TIMEOUT_SECONDS, site.cancelled, every_seconds=0.2):
            tail = _compose(site, ["logs", "--tail", "15", server.name], ASK_TIMEOUT_SECONDS).output
            raise StartFailed(server.name, f"no login to its container: {why_not_ready(server)}", tail)


def can_start_server(site: Site, name: str) -> bool:
    """Whether Docker can really run this server here: engine, compose, and the image that the compose file names."""
    image = _image(site, name)
    return image is not None and can_start(image, _variables(site), site.cancelled, site.report)


def image_of(service: str, configuration: str) -> str | None:
    """The image of a service in the output of `compose config`."""
    block = re.search(rf"^  {re.escape(service)}:\n((?:(?:   .*)?\n)*)", configuration, re.MULTILINE)
    image = re.search(r"^    image: *['\"]?([^'\"\s]+)", block.group(1), re.MULTILINE) if block else None
    return image.group(1) if image else None


def _image(site: Site, name: str) -> str | None:
    if not COMPOSE_FILE.exists():
        return None
    answer = _compose(site, ["config"], ASK_TIMEOUT_SECONDS)
    return image_of(name, answer.output) if answer.code == 0 else None


def _container(site: Site, name: str) -> str | None:
    """The running container of a service; asked of Docker itself, as compose takes ten times as long."""
    labels = (f"com.docker.compose.project={_project(site)}", f"com.docker.compose.service={name}")
    filters = [part for label in labels for part in ("--filter", f"label={label}")]
    answer = _docker(site, ["docker", "ps", "--quiet", *filters], ASK_TIMEOUT_SECONDS)
    words = answer.output.split()
    return words[0] if answer.code == 0 and words else None


def _end(site: Site, name: str, command: Sequence[str]) -> bool:
    container = _container(site, name)
    if container is not None:
        _require(name, _docker(site, [*command, container], STOP_TIMEOUT_SECONDS))
    return container is not None


def _create_application_role(site: Site, server: ServerUrl) -> None:
    with closing(postgres.connect(server.owner_url or server.url)) as connection:
        postgres.ensure_role(connection, postgres.APPLICATION, site.secrets["postgres_app_password"])
        postgres.restrict_application(connection, postgres.OWNER)


def _compose(site: Site, arguments: Sequence[str], timeout_seconds: float) -> Answer:
    program = _compose_program(site)
    if program is None:
        return Answer(1, "Docker has no compose here")
    files = ["--project-directory", str(CHECKOUT), "--file", str(COMPOSE_FILE), "--file", str(PORTS_FILE)]
    return _docker(site, [*program, "--project-name", _project(site), *files, *arguments], timeout_seconds)


def _compose_program(site: Site) -> tuple[str, ...] | None:
    """Compose as a plugin of the client, or the older program of its own; None when there is neither."""
    return _find_compose(tuple({**site.settings.inherited, **site.settings.docker}.items()))


@cache
def _find_compose(variables: tuple[tuple[str, str], ...]) -> tuple[str, ...] | None:
    for program in (("docker", "compose"), ("docker-compose",)):
        if ask([*program, "version"], dict(variables), ASK_TIMEOUT_SECONDS, threading.Event()).code == 0:
            return program
    return None


def _docker(site: Site, arguments: Sequence[str], timeout_seconds: float) -> Answer:
    never = threading.Event()  # what is being undone must still be able to stop its containers
    return ask(arguments, _variables(site), timeout_seconds, never)


def _project(site: Site) -> str:
    return f"gateway-{hashlib.sha256(str(site.state.path).encode()).hexdigest()[:12]}"


def _require(name: str, answer: Answer) -> None:
    if answer.code != 0:
        raise LocalError(f"{name}: docker compose failed: {answer.last_line}")


def _variables(site: Site) -> dict[str, str]:
    return {
        **site.settings.inherited,
        **site.settings.docker,
        "POSTGRES_USER": postgres.OWNER,
        "POSTGRES_PASSWORD": site.secrets["postgres_owner_password"],
        "POSTGRES_DB": postgres.DATABASE,
        "POSTGRES_APP_PASSWORD": site.secrets["postgres_app_password"],
        "REDIS_PASSWORD": site.secrets["redis_password"],
        "RABBITMQ_DEFAULT_USER": site.secrets["rabbitmq_user"],
        "RABBITMQ_DEFAULT_PASS": site.secrets["rabbitmq_password"],
        "RABBITMQ_DEFAULT_VHOST": rabbitmq.VIRTUAL_HOST,
        **{f"LOCAL_{name.upper()}_PORT": str(site.ports.of(name)) for name in _ADDRESSES},
    }
