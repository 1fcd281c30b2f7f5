"""Running a short command to its end: bounded, quiet, and ended with us."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deploy.local.accounts import Account
from deploy.local.errors import Cancelled, LocalError, TookTooLong


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended and what it said."""

    code: int
    output: str

    @property
    def last_line(self) -> str:
        return (self.output.strip().splitlines() or [f"exit code {self.code}"])[-1]


@dataclass(frozen=True, slots=True)
class Command:
    """A command with everything it may know; an ``uninterruptible`` one is waited for even while a run is undone."""

    arguments: Sequence[str]
    variables: Mapping[str, str]
    timeout_seconds: float
    folder: Path = Path("/")
    account: Account | None = None
    uninterruptible: bool = False


def run(command: Command, cancelled: threading.Event) -> Answer:
    """Run a command to its end.

    Raises:
        LocalError: it could not be started; TookTooLong when it took longer than allowed.
        Cancelled: the run is being undone; the command was ended.
    """
    child = _start(command)
    reader = _Reader(child)
    deadline = time.monotonic() + command.timeout_seconds
    while not reader.finished(0.05):
        late = time.monotonic() > deadline
        if late or (cancelled.is_set() and not command.uninterruptible):
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            reader.finished(1.0)
            raise TookTooLong(f"{command.arguments[0]} took too long") if late else Cancelled("interrupted")
    return Answer(child.wait(), reader.text)


class _Reader:
    """Collects a child's output until the child ends."""

    def __init__(self, child: "subprocess.Popen[str]") -> None:
        self.text = ""
        self._child = child
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        self.text, _ = self._child.communicate()

    def finished(self, within_seconds: float) -> bool:
        self._thread.join(within_seconds)
        return not self._thread.is_alive()


def _start(command: Command) -> "subprocess.Popen[str]":
    account = command.account
    try:
        return subprocess.Popen(
            list(command.arguments),
            cwd=command.folder,
            env=dict(command.variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [account.gid],
        )
    except OSError as error:
        raise LocalError(f"cannot run {command.arguments[0]}: {error.strerror}") from None
