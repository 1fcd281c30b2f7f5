"""Which process is ours."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local import running
from deploy.local.running import MARK_VARIABLE, Identity, family, identify, is_alive, read_pid_file, write_pid_file

FAMILY = "import subprocess, time; subprocess.Popen(['sleep', '60']); time.sleep(60)"


@pytest.fixture
def parent() -> Iterator[Identity]:
    """A process in a session of its own, with a child."""
    variables = {**os.environ, MARK_VARIABLE: "/ours"}
    child = subprocess.Popen([sys.executable, "-c", FAMILY], start_new_session=True, env=variables)
    identity = identify(child.pid, "settings", "/ours")
    assert identity is not None
    while len(members := family(identity)) < 2:
        time.sleep(0.01)
    yield identity
    child.kill()
    child.wait()
    for member in members:
        if is_alive(member):
            os.kill(member.pid, 9)


def kill(identity: Identity) -> None:
    os.kill(identity.pid, 9)
    os.waitpid(identity.pid, 0)


def test_a_pid_file_is_read_back(tmp_path: Path) -> None:
    identity = Identity(42, "yesterday", "settings", "/ours")

    write_pid_file(tmp_path / "api.json", identity)

    assert read_pid_file(tmp_path / "api.json") == identity


@pytest.mark.parametrize(
    "content", ["", '{"pid": 4', '{"pid": "x", "started": "", "fingerprint": "", "mark": ""}', "[]"]
)
def test_a_damaged_pid_file_names_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "api.json").write_text(content)

    assert read_pid_file(tmp_path / "api.json") is None


def test_this_process_is_alive_and_the_same_pid_at_another_time_is_not() -> None:
    ourselves = identify(os.getpid())
    assert ourselves is not None

    assert is_alive(ourselves)
    assert not is_alive(replace(ourselves, started="another time"))


def test_the_remains_of_a_process_are_not_alive() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert identify(child.pid) is None
    child.wait()


def test_a_family_is_the_process_and_its_children(parent: Identity) -> None:
    members = family(parent)

    assert members[0].pid == parent.pid
    assert len(members) == 2


def test_the_children_of_a_dead_process_are_still_its_family(parent: Identity) -> None:
    kill(parent)

    assert len(family(parent)) == 1


def test_children_without_our_mark_are_not_taken_for_ours_once_the_parent_is_dead(parent: Identity) -> None:
    kill(parent)

    assert family(replace(parent, mark="/somebody else's")) == []


def test_a_stranger_with_the_pid_has_no_family_of_ours(parent: Identity) -> None:
    assert family(replace(parent, started="another time")) == []


def test_without_proc_the_same_is_known_from_ps(parent: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_has_proc", lambda: False)
    known = identify(parent.pid)

    assert known is not None
    assert is_alive(known)
    assert len(family(known)) == 2
    assert identify(2**22 + 1) is None
