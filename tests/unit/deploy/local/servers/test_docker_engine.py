"""Whether Docker is used: only when an image really starts."""

import threading
from pathlib import Path

import pytest

from deploy.local.servers import docker_engine
from deploy.local.servers.docker import image_of
from deploy.local.servers.docker_engine import can_start, docker_can_start

IMAGE = "postgres:16-bookworm"
CLIENT = """#!/bin/sh
echo "$*" >> {calls}
case "$1" in
  version) {version} ;;
  image) {image} ;;
  pull) {pull} ;;
  run) {run} ;;
esac
"""
COMPOSE_CONFIG = """name: gateway
services:
  api:
    image: payment-gateway

  postgres:
    environment:
      POSTGRES_DB: gateway
    image: postgres:16-bookworm
  redis:
    build: .
volumes:
  postgres: {}
"""


class FakeDocker:
    """A client whose answers are chosen, and that keeps what it was asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._calls = folder / "calls"

    def answers(self, *, version: str = "true", image: str = "true", pull: str = "true", run: str = "true") -> None:
        client = self._folder / "docker"
        client.write_text(CLIENT.format(calls=self._calls, version=version, image=image, pull=pull, run=run))
        client.chmod(0o755)

    @property
    def asked(self) -> list[str]:
        return [line.split()[0] for line in self._calls.read_text().splitlines()]

    def can_start(self, rest_of_path: str = ":/bin:/usr/bin") -> bool:
        return can_start(IMAGE, {"PATH": f"{self._folder}{rest_of_path}"}, threading.Event())


@pytest.fixture
def docker(tmp_path: Path) -> FakeDocker:
    return FakeDocker(tmp_path)


def test_an_image_that_is_there_and_starts_is_used(docker: FakeDocker) -> None:
    docker.answers()

    assert docker.can_start()
    assert docker.asked == ["version", "image", "run"]


def test_a_missing_image_is_fetched(docker: FakeDocker) -> None:
    docker.answers(image="false")

    assert docker.can_start()
    assert docker.asked == ["version", "image", "pull", "run"]


def test_without_a_client_docker_is_not_used(docker: FakeDocker) -> None:
    assert not docker.can_start(rest_of_path="")


def test_without_an_engine_docker_is_not_used(docker: FakeDocker) -> None:
    docker.answers(version="false")

    assert not docker.can_start()


def test_an_engine_that_can_fetch_nothing_is_not_used(docker: FakeDocker) -> None:
    docker.answers(image="false", pull="false")

    assert not docker.can_start()


def test_an_engine_that_can_start_nothing_is_not_used_and_the_attempt_is_removed(docker: FakeDocker) -> None:
    docker.answers(run="false")

    assert not docker.can_start()
    assert docker.asked[-1] == "rm"


def test_a_registry_that_hangs_is_given_up_and_not_asked_again(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_engine, "PULL_TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(docker_engine, "_registry_hangs", threading.Event())
    docker.answers(image="false", pull="sleep 60")

    answers = [docker.can_start(), docker.can_start()]

    assert answers == [False, False]
    assert docker.asked.count("pull") == 1


def test_an_engine_that_hangs_is_given_up(docker: FakeDocker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_engine, "ENGINE_TIMEOUT_SECONDS", 0.3)
    docker.answers(version="sleep 60")

    assert not docker.can_start()


def test_tests_can_ask_for_themselves(docker: FakeDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker.answers()
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")

    assert docker_can_start(IMAGE)


@pytest.mark.parametrize(("service", "image"), [("postgres", IMAGE), ("redis", None), ("rabbitmq", None)])
def test_the_image_of_a_service_is_read_from_the_composed_file(service: str, image: str | None) -> None:
    assert image_of(service, COMPOSE_CONFIG) == image
