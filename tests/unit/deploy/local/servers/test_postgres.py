"""What a killed PostgreSQL leaves behind does not keep the next one from starting."""

import os
import subprocess
import sys
import time
from pathlib import Path

from deploy.local.running import is_unburied
from deploy.local.servers.postgres import _forget_dead_postmaster


def _pid_file(folder: Path, pid: int) -> Path:
    file = folder / "postmaster.pid"
    file.write_text(f"{pid}\n{folder}\n")
    return file


def test_the_remains_of_a_killed_server_do_not_hold_its_place(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    try:
        give_up_at = time.monotonic() + 30
        while not is_unburied(child.pid):
            assert time.monotonic() < give_up_at
            time.sleep(0.01)
        file = _pid_file(tmp_path, child.pid)

        _forget_dead_postmaster(tmp_path)

        assert not file.exists()
    finally:
        child.wait()


def test_a_pid_that_another_program_has_now_holds_no_place(tmp_path: Path) -> None:
    file = _pid_file(tmp_path, os.getpid())

    _forget_dead_postmaster(tmp_path)

    assert not file.exists()


def test_a_free_pid_is_left_to_postgresql_which_also_looks_for_orphans(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        child.wait()
    file = _pid_file(tmp_path, child.pid)

    _forget_dead_postmaster(tmp_path)

    assert file.exists()
