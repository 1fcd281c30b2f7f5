"""The unprivileged account that PostgreSQL and RabbitMQ run under when we are root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import LocalError


@dataclass(frozen=True, slots=True)
class Account:
    """An existing account of this machine; nothing here ever makes or changes one."""

    name: str
    uid: int
    gid: int


def unprivileged_account(preferred: str) -> Account | None:
    """The account to run a server as: None when we are no root and it simply runs as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in (preferred, "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise LocalError(
        f"running as root needs an account {preferred!r} or 'nobody' to run servers under; this machine has neither"
    )


def can_enter(account: Account | None, folder: Path) -> bool:
    """Whether the account gets into the folder, asked by trying as that account."""
    return _succeeds(account, 'cd "$1"', folder)


def can_execute(account: Account | None, program: Path) -> bool:
    """Whether the account can run the program and read what stands beside it."""
    return _succeeds(account, 'test -x "$1" && test -r "$1" && ls "$(dirname "$1")/.." >/dev/null', program)


def _succeeds(account: Account | None, script: str, path: Path) -> bool:
    user, group = (None, None) if account is None else (account.uid, account.gid)
    command = ["/bin/sh", "-c", script, "sh", str(path)]
    extra = None if account is None else [account.gid]
    answer = subprocess.run(
        command,
        cwd="/",
        user=user,
        group=group,
        extra_groups=extra,
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return answer.returncode == 0
