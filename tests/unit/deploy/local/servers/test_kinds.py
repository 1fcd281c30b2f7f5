"""Given by URL, forced, as before, Docker, native: in this order, each server on its own."""

from pathlib import Path

import pytest

from deploy.local.errors import LocalError
from deploy.local.servers import docker
from deploy.local.servers.kinds import KINDS, choose_kind, chosen_kind, remember_kinds
from deploy.local.settings import load_settings
from deploy.local.site import Site, open_site


@pytest.fixture
def with_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "can_start_server", lambda _site, _name: True)


@pytest.fixture
def without_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "can_start_server", lambda _site, _name: False)


def site(state_dir: Path, **variables: str) -> Site:
    return open_site(load_settings(variables, state_dir))


@pytest.mark.usefixtures("with_docker")
def test_a_url_comes_first_and_counts_for_its_server_only(tmp_path: Path) -> None:
    at = site(tmp_path, AMQP_URL="amqp://there", GATEWAY_SERVERS="native")

    assert [choose_kind(at, name) for name in ("postgres", "redis", "rabbitmq")] == ["native", "native", "given"]


@pytest.mark.usefixtures("with_docker")
def test_docker_comes_before_native(tmp_path: Path) -> None:
    assert choose_kind(site(tmp_path), "postgres") == "docker"


@pytest.mark.usefixtures("without_docker")
def test_native_is_what_is_left(tmp_path: Path) -> None:
    assert choose_kind(site(tmp_path), "postgres") == "native"


@pytest.mark.usefixtures("without_docker")
def test_what_is_forced_is_not_questioned(tmp_path: Path) -> None:
    assert choose_kind(site(tmp_path, GATEWAY_SERVERS="docker"), "postgres") == "docker"


@pytest.mark.usefixtures("with_docker")
def test_a_system_that_was_native_stays_native_because_its_data_is_there(tmp_path: Path) -> None:
    at = site(tmp_path)
    remember_kinds(at, {"postgres": "native"})

    assert choose_kind(at, "postgres") == "native"


@pytest.mark.usefixtures("without_docker")
def test_a_server_that_is_no_longer_given_becomes_our_own(tmp_path: Path) -> None:
    remember_kinds(site(tmp_path, REDIS_URL="redis://there"), {"redis": "given"})

    assert choose_kind(site(tmp_path), "redis") == "native"


def test_a_given_address_is_remembered_for_the_commands_after_up(tmp_path: Path) -> None:
    remember_kinds(
        site(tmp_path, DATABASE_URL="postgresql://app", DATABASE_OWNER_URL="postgresql://owner"), {"postgres": "given"}
    )
    later = site(tmp_path)

    address = KINDS[chosen_kind(later, "postgres")].address(later, "postgres")

    assert (address.url, address.owner_url) == ("postgresql://app", "postgresql://owner")


def test_a_given_server_that_does_not_answer_is_told_in_one_line_without_its_password(tmp_path: Path) -> None:
    at = site(tmp_path, REDIS_URL="redis://:secret@127.0.0.1:1/0")

    with pytest.raises(
        LocalError, match=r"^redis at redis://127\.0\.0\.1:1 \(given by URL\) takes no login: "
    ) as error:
        KINDS["given"].start(at, "redis", lambda _name: None)

    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)
