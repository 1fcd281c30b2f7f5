"""Starting a program in its own session, with its log file and its pid file, so that it outlives us."""

import hashlib
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from deploy.local.accounts import Account
from deploy.local.errors import LocalError, StartFailed
from deploy.local.running import MARK_VARIABLE, Identity, identify, is_alive, read_pid_file, write_pid_file
from deploy.local.state_folder import StateFolder, tail


@dataclass(frozen=True, slots=True)
class Program:
    """What to start: ``variables`` is its whole environment, ``account`` whom it runs as (None: ourselves)."""

    name: str
    command: Sequence[str]
    variables: Mapping[str, str]
    folder: Path
    account: Account | None = None
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Started:
    """A program that was started, and where its own part of the log begins."""

    name: str
    identity: Identity
    log: Path
    log_start: int

    def require_alive(self) -> None:
        """Raise StartFailed with what the program said last if it ended."""
        if not is_alive(self.identity):
            raise self.failure("it ended at once")

    def failure(self, reason: str) -> StartFailed:
        return StartFailed(self.name, reason, tail(self.log, since=self.log_start))


def launch(state: StateFolder, program: Program) -> Started:
    """Start a program detached from us and remember it in its pid file."""
    log = state.log(program.name)
    with log.open("ab") as output:
        start = output.tell()
        child = spawn(program, output, mark=str(state.path))
    threading.Thread(target=child.wait, daemon=True).start()  # so that it never stays behind as a zombie of ours
    identity = identify(child.pid, program.fingerprint, str(state.path))
    if identity is None:
        raise StartFailed(program.name, "it ended at once", tail(log, since=start))
    write_pid_file(state.pid_file(program.name), identity)
    return Started(program.name, identity, log, start)


def spawn(program: Program, output: IO[bytes], mark: str) -> "subprocess.Popen[bytes]":
    """Start a program in a session of its own, as its account, with nothing of ours but the output open."""
    account = program.account
    try:
        return subprocess.Popen(
            list(program.command),
            cwd=program.folder,
            env={**program.variables, MARK_VARIABLE: mark},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [account.gid],
            umask=0o077 if account is not None else -1,
        )
    except OSError as error:
        raise LocalError(f"cannot start {program.command[0]}: {error.strerror}") from error


def running(state: StateFolder, name: str) -> Identity | None:
    """Our living process of this name, if there is one."""
    identity = read_pid_file(state.pid_file(name))
    return identity if identity is not None and is_alive(identity) else None


def already_started(state: StateFolder, name: str) -> Started | None:
    """Our living process of this name, as if it had been started just now."""
    identity = running(state, name)
    log = state.log(name)
    return None if identity is None else Started(name, identity, log, log.stat().st_size if log.exists() else 0)


def fingerprint(command: Sequence[str], variables: Mapping[str, str]) -> str:
    """A short name for exactly this command and these variables."""
    text = "\0".join([*command, *(f"{name}={value}" for name, value in sorted(variables.items()))])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
