"""A server in Docker: this system's own containers, and nobody else's."""

from pathlib import Path

import pytest

from deploy.local.servers import docker
from deploy.local.servers.docker import Docker
from deploy.local.settings import load_settings
from deploy.local.site import Site, open_site

CLIENT = """#!/bin/sh
echo "$*" >> {calls}
case "$1" in
  compose) case "$*" in *config) printf 'services:\\n  redis:\\n    image: redis:7\\n' ;; esac ;;
  ps) cat {containers} ;;
  inspect) echo 4242 ;;
esac
"""


class FakeEngine:
    """A client that keeps what it was asked, and whether our container runs."""

    def __init__(self, folder: Path) -> None:
        self._calls = folder / "calls"
        self._containers = folder / "containers"
        (folder / "docker").write_text(CLIENT.format(calls=self._calls, containers=self._containers))
        (folder / "docker").chmod(0o755)
        self.runs(None)

    def runs(self, container: str | None) -> None:
        self._containers.write_text("" if container is None else f"{container}\n")

    @property
    def asked(self) -> str:
        return self._calls.read_text()


@pytest.fixture
def engine(tmp_path: Path) -> FakeEngine:
    return FakeEngine(tmp_path)


@pytest.fixture
def site(tmp_path: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(docker, "is_ready", lambda _server: True)
    monkeypatch.setattr(docker, "COMPOSE_FILE", tmp_path / "docker")  # it only has to exist
    return open_site(load_settings({"PATH": f"{tmp_path}:/bin:/usr/bin"}, tmp_path / "local"))


def test_a_server_is_started_alone_under_the_project_of_this_system(site: Site, engine: FakeEngine) -> None:
    launched: list[str] = []

    server = Docker().start(site, "redis", launched.append)

    up = next(line for line in engine.asked.splitlines() if " up " in line)
    assert f"--project-name {docker._project(site)} " in up
    assert up.endswith("up --detach --no-deps redis")
    assert launched == ["redis"]
    assert server.url.endswith(f"@127.0.0.1:{site.ports.of('redis')}/0")


def test_a_server_that_runs_is_left_alone(site: Site, engine: FakeEngine) -> None:
    engine.runs("c0ffee")
    launched: list[str] = []

    Docker().start(site, "redis", launched.append)

    assert " up " not in engine.asked
    assert launched == []


@pytest.mark.parametrize(("end", "command"), [("stop", "stop --time 20 c0ffee"), ("kill", "kill c0ffee")])
def test_ending_a_server_ends_its_container_only(site: Site, engine: FakeEngine, end: str, command: str) -> None:
    engine.runs("c0ffee")

    ended = getattr(Docker(), end)(site, "redis")

    assert ended is True
    assert engine.asked.splitlines()[-1] == command
    assert f"label=com.docker.compose.project={docker._project(site)} " in engine.asked


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_ending_what_does_not_run_says_so(site: Site, engine: FakeEngine, end: str) -> None:
    assert getattr(Docker(), end)(site, "redis") is False


def test_the_pid_is_that_of_the_container(site: Site, engine: FakeEngine) -> None:
    before = Docker().pid(site, "redis")
    engine.runs("c0ffee")

    assert (before, Docker().pid(site, "redis")) == (None, 4242)


def test_two_systems_have_projects_of_their_own(site: Site, tmp_path: Path) -> None:
    other = open_site(load_settings({}, tmp_path / "other"))

    assert docker._project(site) != docker._project(other)


def test_the_image_that_has_to_start_is_the_one_of_the_compose_file(site: Site, engine: FakeEngine) -> None:
    assert docker.can_start_server(site, "redis")
    assert "image inspect redis:7" in engine.asked


def test_without_a_compose_file_docker_is_not_used(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(docker, "COMPOSE_FILE", tmp_path / "missing.yml")

    assert not docker.can_start_server(site, "redis")
