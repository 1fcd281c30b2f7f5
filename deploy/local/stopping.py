"""Ending what we started, and only that: a polite signal, a bounded wait, then SIGKILL for the whole session."""

import os
import signal
import time

from deploy.local.errors import LocalError
from deploy.local.running import Identity, family, is_alive, read_pid_file
from deploy.local.state_folder import StateFolder

TERM_WAIT_SECONDS = 20.0
ORPHAN_WAIT_SECONDS = 3.0
KILL_WAIT_SECONDS = 5.0


def stop_program(
    state: StateFolder, name: str, polite: signal.Signals = signal.SIGTERM, wait_seconds: float = TERM_WAIT_SECONDS
) -> bool:
    """End the program that the pid file names, and its session; False when nothing of it was running."""
    leader = read_pid_file(state.pid_file(name))
    members = [] if leader is None else family(leader)
    if leader is not None and members:
        send(leader, polite)
        _wait_gone([leader], wait_seconds)
        _finish(leader, members)
    state.pid_file(name).unlink(missing_ok=True)
    return bool(members)


def kill_program(state: StateFolder, name: str) -> bool:
    """End the program at once, as a crash would, with everything in its session."""
    leader = read_pid_file(state.pid_file(name))
    members = [] if leader is None else family(leader)
    _kill(members)
    state.pid_file(name).unlink(missing_ok=True)
    return bool(members)


def clear_leftovers(state: StateFolder, name: str) -> None:
    """End what a program that died left running in its session, and forget it; a living one is not touched."""
    leader = read_pid_file(state.pid_file(name))
    if leader is not None and not is_alive(leader):
        _kill(family(leader))
        state.pid_file(name).unlink(missing_ok=True)


def send(target: Identity, number: signal.Signals) -> None:
    """Signal one particular process; nothing happens when it is gone, whoever has its pid now."""
    if is_alive(target):
        try:
            os.kill(target.pid, number)
        except ProcessLookupError:
            return
        except PermissionError:
            raise LocalError(
                f"process {target.pid} was started by another user; stop it as that user or as root"
            ) from None


def _finish(leader: Identity, members: list[Identity]) -> None:
    everyone = list(dict.fromkeys([*members, *family(leader)]))
    if not is_alive(leader):
        for orphan in everyone:
            send(orphan, signal.SIGTERM)
        _wait_gone(everyone, ORPHAN_WAIT_SECONDS)
    _kill(everyone)


def _kill(members: list[Identity]) -> None:
    for member in members:
        send(member, signal.SIGKILL)
    _wait_gone(members, KILL_WAIT_SECONDS)


def _wait_gone(members: list[Identity], timeout_seconds: float) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while any(is_alive(member) for member in members):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True
