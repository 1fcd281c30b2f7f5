"""One local system: what runs after up, what comes back, and that nothing is left behind."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from deploy.local.errors import LocalError, StartFailed
from deploy.local.ports import is_free
from deploy.local.running import identify
from deploy.local.settings import CHECKOUT
from deploy.local.site import open_site
from deploy.local.status import status_lines
from deploy.local.system import LocalSystem
from tests.integration.deploy.local.conftest import ALSO_READY, FAILING, READY, MakeSystem

INTERRUPTED_SCRIPT = """
import sys
from pathlib import Path
from deploy.local.interrupts import interrupt_on_signals
from deploy.local.settings import load_settings
from deploy.local.system import LocalSystem
interrupt_on_signals()
LocalSystem(settings=load_settings(None, Path(sys.argv[1])), processes=[], report=print).up()
"""


def told(system: LocalSystem, process: str) -> dict[str, str]:
    """The whole environment that a stand-in was started with."""
    content: dict[str, str] = json.loads((system.state.state(process) / "environment.json").read_text())
    return content


def children(system: LocalSystem, process: str) -> int:
    return int((system.state.state(process) / "child").read_text())


def all_pids(system: LocalSystem) -> dict[str, int | None]:
    return {name: system.pid(name) for name in system.names}


def test_after_up_everything_runs_and_is_ready(whole_system: LocalSystem) -> None:
    lines = status_lines(open_site(whole_system.settings), whole_system.specs)

    assert [(line.name, line.state, line.readiness) for line in lines] == [
        (name, "running", "ready") for name in ("postgres", "redis", "rabbitmq", "api", "notifier")
    ]


def test_gateway_env_is_private_and_says_where_everything_is(whole_system: LocalSystem) -> None:
    environment = whole_system.environment()

    assert stat.S_IMODE(whole_system.state.gateway_env.stat().st_mode) == 0o600
    assert environment["DATABASE_URL"].startswith("postgresql://gateway_app:")
    assert environment["WS_URL"] == f"ws://127.0.0.1:{told(whole_system, 'notifier')['NOTIFIER_PORT']}"
    assert environment["API_URL"] == f"http://127.0.0.1:{told(whole_system, 'api')['API_PORT']}"


def test_secrets_are_readable_by_their_owner_only(whole_system: LocalSystem) -> None:
    assert stat.S_IMODE(whole_system.state.secrets.stat().st_mode) == 0o600


def test_a_process_gets_the_declared_variables_and_nothing_else_of_the_caller(whole_system: LocalSystem) -> None:
    variables = told(whole_system, "api")

    declared = set(variables) - {"LC_CTYPE"}  # Python's own
    assert declared == {
        *("PATH", "LANG", "GATEWAY_LOCAL_SYSTEM", "ENVIRONMENT", "LOG_LEVEL", "PYTHONUNBUFFERED", "STATE_DIR"),
        *("DATABASE_URL", "AMQP_URL", "REDIS_URL", "JWT_SECRET_KEY", "CREDENTIAL_ENCRYPTION_KEYS", "AUDIT_KEY"),
        *("HEALTH_HOST", "HEALTH_PORT", "API_HOST", "API_PORT", "API_WORKERS", "RETRY_DELAYS_MS"),
    }
    assert variables["JWT_SECRET_KEY"] != "leaked"
    assert variables["RETRY_DELAYS_MS"] == "1000,2000"


def test_preparation_gets_the_seed_and_the_same_delays(whole_system: LocalSystem) -> None:
    variables = told(whole_system, "prepare")

    assert variables["SEED_API_KEY_ID"] == whole_system.environment()["API_KEY_ID"]
    assert variables["RETRY_DELAYS_MS"] == "1000,2000"


def test_up_again_leaves_alone_what_runs(whole_system: LocalSystem) -> None:
    before = all_pids(whole_system)

    whole_system.up()

    assert all_pids(whole_system) == before


def test_up_again_starts_what_was_killed_at_its_old_address(whole_system: LocalSystem) -> None:
    before = all_pids(whole_system)
    address = told(whole_system, "api")["API_PORT"]
    os.kill(before["api"] or 0, signal.SIGKILL)

    whole_system.up()

    assert whole_system.pid("api") not in {None, before["api"]}
    assert told(whole_system, "api")["API_PORT"] == address
    assert {**all_pids(whole_system), "api": None} == {**before, "api": None}


@pytest.mark.parametrize("server", ["postgres", "redis", "rabbitmq"])
def test_a_killed_server_comes_back_at_its_old_address(whole_system: LocalSystem, server: str) -> None:
    before = whole_system.pid(server)
    environment = whole_system.environment()
    os.kill(before or 0, signal.SIGKILL)

    whole_system.up()

    assert whole_system.pid(server) not in {None, before}
    assert whole_system.environment() == environment


def test_the_children_of_a_killed_process_are_ended_before_it_is_started_again(make_system: MakeSystem) -> None:
    system = make_system(READY)
    system.up()
    orphan = children(system, "api")
    os.kill(system.pid("api") or 0, signal.SIGKILL)
    assert identify(orphan) is not None

    system.up()

    assert identify(orphan) is None


def test_stop_and_start_act_on_one_process(make_system: MakeSystem) -> None:
    system = make_system(READY, ALSO_READY)
    system.up()
    other = system.pid("notifier")

    system.stop("api")
    stopped = system.pid("api")
    system.start("api")

    assert stopped is None
    assert system.pid("api") is not None
    assert system.pid("notifier") == other


def test_a_process_started_later_keeps_the_delays_that_up_was_given(make_system: MakeSystem) -> None:
    make_system(READY, ALSO_READY, RETRY_DELAYS_MS="1,2,3").up()
    later = make_system(READY, ALSO_READY)

    later.restart("api")

    assert told(later, "api")["RETRY_DELAYS_MS"] == "1,2,3"


def test_a_process_whose_settings_changed_is_started_again(make_system: MakeSystem) -> None:
    make_system(READY, RETRY_DELAYS_MS="1,2,3").up()
    changed = make_system(READY, RETRY_DELAYS_MS="4,5,6")
    before = changed.pid("api")

    changed.up()

    assert changed.pid("api") != before
    assert told(changed, "api")["RETRY_DELAYS_MS"] == "4,5,6"


def test_a_process_that_fails_is_told_with_the_end_of_its_log_and_the_run_is_undone(make_system: MakeSystem) -> None:
    system = make_system(READY, FAILING)

    with pytest.raises(StartFailed, match="outbox-relay") as failure:
        system.up()

    assert "a setting is missing: SOMETHING" in failure.value.log_tail
    assert (system.pid("api"), system.pid("outbox-relay")) == (None, None)


def test_a_failed_up_leaves_alone_what_ran_before(make_system: MakeSystem) -> None:
    make_system(READY).up()
    system = make_system(READY, FAILING)
    before = system.pid("api")

    with pytest.raises(StartFailed):
        system.up()

    assert system.pid("api") == before


def test_a_failing_preparation_starts_no_process(make_system: MakeSystem) -> None:
    system = make_system(READY)
    system._prepare = FAILING

    with pytest.raises(StartFailed, match="exit code 1"):
        system.up()

    assert system.pid("api") is None


def test_down_ends_processes_with_their_children_and_leaves_given_servers_alone(
    make_system: MakeSystem, whole_system: LocalSystem
) -> None:
    system = make_system(READY)
    system.up()
    pids = [system.pid("api") or 0, children(system, "api")]

    system.down()

    assert [identify(pid) for pid in pids] == [None, None]
    assert whole_system.pid("postgres") is not None


def test_a_given_server_is_never_stopped(make_system: MakeSystem) -> None:
    system = make_system()
    system.up(only=["redis"])

    with pytest.raises(LocalError, match="not ours to stop"):
        system.stop("redis")


def test_a_process_with_the_pid_of_ours_is_not_touched(make_system: MakeSystem) -> None:
    system = make_system(READY)
    system.up()
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    pid_file = system.state.pid_file("api")
    content = json.loads(pid_file.read_text())
    system.stop("api")
    pid_file.write_text(json.dumps({**content, "pid": str(stranger.pid)}))

    system.down()

    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_two_ups_at_once_start_everything_once(make_system: MakeSystem) -> None:
    first, second = make_system(READY), make_system(READY)
    runs = [threading.Thread(target=system.up) for system in (first, second)]

    for run in runs:
        run.start()
    for run in runs:
        run.join()

    log = first.state.log("api")
    assert first.pid("api") is not None
    assert log.read_text().count("started") == 1


def test_a_port_that_somebody_took_is_replaced(make_system: MakeSystem) -> None:
    system = make_system(READY)
    system.up()
    port = int(told(system, "api")["API_PORT"])
    system.down()

    with socket.create_server(("127.0.0.1", port)):
        system.up()

    assert int(told(system, "api")["API_PORT"]) != port
    assert system.environment()["API_URL"].endswith(told(system, "api")["API_PORT"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_up_leaves_nothing_behind(state_dir: Path, number: signal.Signals) -> None:
    variables = {**os.environ, "GATEWAY_SERVERS": "native"}
    command = [sys.executable, "-c", INTERRUPTED_SCRIPT, str(state_dir)]
    run = subprocess.Popen(command, cwd=CHECKOUT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    system = LocalSystem(settings=None, state_dir=state_dir, processes=[])
    while not (state_dir / "run" / "rabbitmq.json").exists() and run.poll() is None:
        time.sleep(0.02)
    ports = json.loads((state_dir / "ports.json").read_text())

    run.send_signal(number)
    run.communicate(timeout=60)
    left = list((state_dir / "run").iterdir()), [port for port in ports.values() if not is_free(int(port))]
    system.clean()

    assert run.returncode != 0
    assert left == ([], [])


def test_clean_removes_everything(make_system: MakeSystem) -> None:
    system = make_system(READY)
    system.up()

    system.clean()

    assert not system.state.path.exists()


def test_an_unknown_name_is_refused_in_one_line(make_system: MakeSystem) -> None:
    with pytest.raises(LocalError, match="no 'nonsense' here; expected one of: postgres, redis, rabbitmq, api"):
        make_system(READY).start("nonsense")
