"""Ending programs: politely, then for certain, and never somebody else's."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.local.launch import Program, Started, launch, running
from deploy.local.running import identify, is_alive, write_pid_file
from deploy.local.state_folder import StateFolder
from deploy.local.stopping import clear_leftovers, kill_program, stop_program

VARIABLES = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "local").create()


def start(state: StateFolder, script: str) -> Started:
    started = launch(state, Program("api", ["/bin/sh", "-c", script], VARIABLES, Path("/")))
    while "ready" not in started.log.read_text():
        time.sleep(0.01)
    return started


def test_a_program_that_listens_to_sigterm_ends_in_its_own_way(state: StateFolder) -> None:
    started = start(state, "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done")

    assert stop_program(state, "api")

    assert not is_alive(started.identity)
    assert "bye" in started.log.read_text()


def test_a_program_that_does_not_listen_is_killed_in_the_end(state: StateFolder) -> None:
    started = start(state, "trap '' TERM; echo ready; while :; do sleep 0.05; done")

    assert stop_program(state, "api", wait_seconds=0.2)

    assert not is_alive(started.identity)


def test_a_server_may_want_another_signal(state: StateFolder) -> None:
    # Not in the shell's words: a shell cannot trap SIGINT where whoever started these tests ignores it.
    program = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        " signal.signal(signal.SIGINT, lambda *_: sys.exit(print('fast')));"
        " print('ready', flush=True); time.sleep(60)"
    )
    started = start(state, f'exec {sys.executable} -c "{program}"')

    stop_program(state, "api", signal.SIGINT)

    assert "fast" in started.log.read_text()


def test_children_end_with_their_program(state: StateFolder) -> None:
    started = start(state, "sleep 60 & echo $!; echo ready; wait")
    child = int(started.log.read_text().split()[0])

    stop_program(state, "api")

    assert identify(child) is None


def test_killing_gives_no_time_to_say_goodbye(state: StateFolder) -> None:
    started = start(state, "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done")

    assert kill_program(state, "api")

    assert "bye" not in started.log.read_text()


def test_stopping_what_does_not_run_says_so(state: StateFolder) -> None:
    assert not stop_program(state, "api")
    assert not kill_program(state, "api")


def test_a_stranger_with_a_remembered_pid_is_left_alone(state: StateFolder) -> None:
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    known = identify(stranger.pid)
    assert known is not None
    write_pid_file(state.pid_file("api"), type(known)(known.pid, "another time", "", str(state.path)))

    stopped = stop_program(state, "api")
    killed = kill_program(state, "api")

    assert (stopped, killed, stranger.poll()) == (False, False, None)
    stranger.kill()
    stranger.wait()


def test_what_a_killed_program_left_running_is_cleared(state: StateFolder) -> None:
    started = start(state, "sleep 60 & echo $!; echo ready; wait")
    child = int(started.log.read_text().split()[0])
    subprocess.run(["kill", "-9", str(started.identity.pid)], check=True)
    while is_alive(started.identity):
        time.sleep(0.01)

    clear_leftovers(state, "api")

    assert identify(child) is None
    assert not state.pid_file("api").exists()


def test_a_living_program_is_no_leftover(state: StateFolder) -> None:
    start(state, "echo ready; sleep 60")

    clear_leftovers(state, "api")

    assert running(state, "api") is not None
    kill_program(state, "api")
