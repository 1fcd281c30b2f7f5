"""Single private servers: who may log in, what is durable, where the data stands."""

import os
import shutil
import signal
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
import redis

from deploy.local import homes, servers
from deploy.local.homes import outside_folder
from deploy.local.running import process_table
from deploy.local.servers import ServerUrl, postgres
from deploy.local.servers.addresses import why_not_ready
from deploy.local.state_folder import StateFolder
from deploy.local.system import LocalSystem
from tests.integration.deploy.local.conftest import settings_for

StartServer = Callable[[str], ServerUrl]
MakeAlone = Callable[..., LocalSystem]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers under another account")


@pytest.fixture
def start(state_dir: Path) -> Iterator[StartServer]:
    yield lambda name: servers.start_native(name, state_dir)
    LocalSystem(settings=settings_for(state_dir), processes=[]).clean()


@pytest.fixture
def alone() -> Iterator[MakeAlone]:
    """Makes systems of servers only, each with variables of its own; whatever happens, nothing of them is left."""
    made: list[tuple[LocalSystem, Path]] = []

    def make(state_dir: Path, **variables: str) -> LocalSystem:
        system = LocalSystem(settings=settings_for(state_dir, **variables), processes=[])
        made.append((system, outside_folder(system.state)))
        return system

    yield make
    for system, elsewhere in made:
        system.clean()
        shutil.rmtree(elsewhere, ignore_errors=True)


def answer(url: str, statement: str) -> object:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
        return row[0] if row else None


def change(url: str, statement: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        connection.commit()


def user_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def test_the_application_role_creates_nothing_and_owns_nothing(start: StartServer) -> None:
    server = start("postgres")

    assert answer(server.url, "SELECT current_user") == "gateway_app"
    assert (
        answer(server.url, "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
        is False
    )
    assert answer(server.owner_url or "", "SELECT current_user") == "gateway_owner"
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        change(server.url, "CREATE TABLE mine (id int)")
    change(server.owner_url or "", "CREATE TABLE ours (id int)")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("max_connections", "200"),
        ("listen_addresses", "127.0.0.1"),
    ],
)
def test_postgres_is_durable_and_private(start: StartServer, setting: str, value: str) -> None:
    assert answer(start("postgres").url, f"SHOW {setting}") == value


def test_postgres_takes_no_login_without_the_password(start: StartServer) -> None:
    server = start("postgres")

    assert why_not_ready(ServerUrl("postgres", server.url.replace("gateway_app:", "gateway_app:wrong"))) is not None


def test_postgres_that_was_killed_comes_back_with_its_data_at_its_address(start: StartServer, state_dir: Path) -> None:
    server = start("postgres")
    change(server.owner_url or "", "CREATE TABLE kept AS SELECT 42 AS answer")
    servers.kill("postgres", state_dir)

    again = start("postgres")

    assert again == server
    assert answer(again.owner_url or "", "SELECT answer FROM kept") == 42


def test_postgres_starts_over_the_pid_file_of_a_killed_one_whose_pid_is_in_use(
    start: StartServer, state_dir: Path
) -> None:
    start("postgres")
    account = user_of(LocalSystem(settings=settings_for(state_dir), processes=[]).pid("postgres") or 0)
    servers.kill("postgres", state_dir)
    pid_file = state_dir / "data" / "postgres" / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()

    with subprocess.Popen(["sleep", "60"], user=account) as stranger:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        server = start("postgres")
        stranger.kill()

    assert why_not_ready(server) is None


def test_an_interrupted_initdb_is_done_again(start: StartServer, state_dir: Path) -> None:
    start("postgres")
    servers.stop("postgres", state_dir)
    home = state_dir / "data" / "postgres"
    (home / "data").rename(home / "data.new")

    server = start("postgres")

    assert why_not_ready(server) is None


def test_starting_a_running_server_again_changes_nothing(start: StartServer, state_dir: Path) -> None:
    first = start("redis")
    pid = StateFolder(state_dir).pid_file("redis").read_text()

    again = start("redis")

    assert again == first
    assert StateFolder(state_dir).pid_file("redis").read_text() == pid


def test_redis_asks_for_its_password(start: StartServer) -> None:
    server = start("redis")

    with (
        pytest.raises(redis.AuthenticationError),
        closing(redis.Redis(port=int(server.shown.split(":")[-1]))) as client,
    ):
        client.ping()


def test_the_password_of_redis_stands_in_a_private_file(start: StartServer, state_dir: Path) -> None:
    start("redis")

    configuration = state_dir / "data" / "redis" / "redis.conf"

    assert stat.S_IMODE(configuration.stat().st_mode) == 0o600
    assert "requirepass" in configuration.read_text()


def test_rabbitmq_knows_no_guest_and_leaves_nothing_running(start: StartServer, state_dir: Path) -> None:
    server = start("rabbitmq")
    address = server.url.split("@")[1].split("/")[0]
    mark = f"GATEWAY_LOCAL_SYSTEM={state_dir}".encode()

    refusal = why_not_ready(ServerUrl("rabbitmq", f"amqp://guest:guest@{address}/gateway"))
    running = [pid for pid in _all_pids() if mark in _environment(pid)]
    servers.stop("rabbitmq", state_dir)

    assert "ACCESS_REFUSED" in (refusal or "")
    assert len(running) >= 2  # the broker and its epmd at least
    assert [pid for pid in _all_pids() if mark in _environment(pid)] == []


@needs_root
def test_root_runs_postgres_as_another_account(start: StartServer, state_dir: Path) -> None:
    start("postgres")
    pid = LocalSystem(settings=settings_for(state_dir), processes=[]).pid("postgres")

    assert user_of(pid or 0) != 0


@needs_root
def test_data_of_an_account_that_cannot_enter_the_folder_stands_elsewhere_until_clean(
    tmp_path: Path, alone: MakeAlone
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    system = alone(closed / "local")
    elsewhere = outside_folder(system.state)

    system.up(only=["postgres"])
    kept = (stat.S_IMODE(closed.stat().st_mode), closed.stat().st_uid, (elsewhere / "postgres" / "data").is_dir())
    system.clean()

    assert kept == (0o700, 0, True)
    assert not elsewhere.exists()


def test_the_programs_of_the_wheel_serve_when_postgres_is_not_installed(
    state_dir: Path, alone: MakeAlone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "DEBIAN_PROGRAMS", Path("/nonexistent"))
    system = alone(state_dir, PATH="/bin:/usr/bin")

    system.up(only=["postgres"])
    version = answer(system.environment()["DATABASE_URL"], "SHOW server_version_num")
    system.stop("postgres", kill=True)
    system.start("postgres")

    assert int(str(version)) >= 180000
    assert why_not_ready(ServerUrl("postgres", system.environment()["DATABASE_URL"])) is None


def test_the_programs_of_the_wheel_are_copied_when_the_account_cannot_reach_them(
    state_dir: Path, alone: MakeAlone, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = alone(state_dir, PATH="/bin:/usr/bin")
    elsewhere = outside_folder(system.state)
    monkeypatch.setattr(postgres, "DEBIAN_PROGRAMS", Path("/nonexistent"))
    monkeypatch.setattr(
        homes, "can_execute", lambda _account, program: elsewhere in program.parents and program.exists()
    )

    system.up(only=["postgres"])
    program = Path(f"/proc/{system.pid('postgres')}/exe").readlink()
    system.clean()

    assert elsewhere in program.parents
    assert not elsewhere.exists()


def test_a_server_that_is_dying_while_it_is_started_again_is_replaced(start: StartServer, state_dir: Path) -> None:
    server = start("redis")
    pid = LocalSystem(settings=settings_for(state_dir), processes=[]).pid("redis") or 0
    os.kill(pid, signal.SIGSTOP)  # alive, and answers nobody
    threading.Timer(0.5, os.kill, (pid, signal.SIGKILL)).start()

    again = start("redis")

    assert again == server
    assert why_not_ready(again) is None


def _all_pids() -> list[int]:
    return [entry.pid for entry in process_table() if not entry.zombie]


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""
