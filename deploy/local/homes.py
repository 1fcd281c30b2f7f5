"""The folder a native server keeps its data in, owned by the account it runs as."""

import hashlib
import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from deploy.local.accounts import Account, can_enter, can_execute
from deploy.local.errors import LocalError
from deploy.local.state_folder import StateFolder

OUTSIDE = Path("/var/tmp")  # noqa: S108 - what is made in it is private, and refused when somebody else made it


def make_home(state: StateFolder, server: str, account: Account | None) -> Path:
    """The server's own folder, mode 0700.

    It stands in the state folder, or, when the account cannot get there (a checkout under /root), in a private folder
    under /var/tmp with a link to it in the state folder.
    """
    link = state.home(server)
    if not link.is_symlink() and not can_enter(account, link.parent):
        link.symlink_to(_outside(state) / server)
    elif link.is_symlink():
        _outside(state)
    home = link.readlink() if link.is_symlink() else link
    home.mkdir(exist_ok=True, mode=0o700)
    _give(home, account)
    return home


def remove_homes(state: StateFolder) -> None:
    """Delete every server's data, also what stands outside the state folder."""
    shutil.rmtree(outside_folder(state), ignore_errors=True)
    shutil.rmtree(state.path, ignore_errors=True)


def reachable_programs(
    state: StateFolder, account: Account | None, root: Path, parts: Sequence[str], program: str
) -> Path:
    """The folder under which the account can run ``program``: ``root``, or one the account can enter.

    The latter gets a copy of those ``parts`` of the root that exist, at the same places, so that they find one another.
    """
    if can_execute(account, root / program):
        return root
    copy = _outside(state) / f"programs-{_hash(root)}"
    if not can_execute(account, copy / program):
        draft = copy.with_name(f".{copy.name}")
        shutil.rmtree(draft, ignore_errors=True)
        for part in parts:
            if (root / part).exists():
                shutil.copytree(root / part, draft / part, symlinks=True)
        shutil.rmtree(copy, ignore_errors=True)
        draft.replace(copy)
    return copy


def put(home: Path, name: str, text: str, account: Account | None) -> Path:
    """Write a file into a home, readable by the server only."""
    path = home / name
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
        handle.write(text)
    _give(path, account)
    return path


def outside_folder(state: StateFolder) -> Path:
    """The one folder outside the checkout that this system may use."""
    return OUTSIDE / f"payment-gateway-{_hash(state.path)}"


def _outside(state: StateFolder) -> Path:
    folder = outside_folder(state)
    folder.mkdir(exist_ok=True, mode=0o711)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise LocalError(f"{folder} was made by somebody else; remove it")
    folder.chmod(0o711)
    return folder


def _give(path: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _hash(path: Path) -> str:
    return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
