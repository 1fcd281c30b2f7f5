"""Where a local system keeps everything it has: ``.local/`` and the files in it."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import LocalError


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The paths inside one state folder."""

    path: Path

    def create(self) -> "StateFolder":
        """Make the folder and its parts; safe to repeat.

        Raises:
            LocalError: it belongs to somebody else.
        """
        try:
            for part in (self.path, self.path / "log", self.path / "run", self.path / "state", self.path / "data"):
                part.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LocalError(
                f"cannot use {self.path}: {error.strerror}; set GATEWAY_LOCAL_DIR to another folder"
            ) from None
        if not os.access(self.path / "run", os.W_OK):
            raise LocalError(f"{self.path} belongs to another user; set GATEWAY_LOCAL_DIR to another folder")
        return self

    def log(self, name: str) -> Path:
        return self.path / "log" / f"{name}.log"

    def pid_file(self, name: str) -> Path:
        return self.path / "run" / f"{name}.json"

    def state(self, name: str) -> Path:
        return self.path / "state" / name

    def home(self, server: str) -> Path:
        return self.path / "data" / server

    @property
    def gateway_env(self) -> Path:
        return self.path / "gateway.env"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets.json"

    @property
    def ports(self) -> Path:
        return self.path / "ports.json"

    @property
    def choices(self) -> Path:
        return self.path / "servers.json"

    @property
    def tuning(self) -> Path:
        return self.path / "tuning.json"

    @contextmanager
    def lock(self, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Keep every other command that changes this system out; ``on_wait`` is called when one is already in."""
        with (self.create().path / "lock").open("w", encoding="utf-8") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait()
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
        handle.write(text)
    draft.replace(path)


def read_json(path: Path) -> dict[str, str]:
    """The mapping in a file; empty when the file is missing or was cut short."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {str(key): str(value) for key, value in content.items()} if isinstance(content, dict) else {}


def write_json(path: Path, content: Mapping[str, str | int]) -> None:
    write_private(path, json.dumps(content, indent=2, sort_keys=True) + "\n")


def tail(path: Path, lines: int = 15, since: int = 0) -> str:
    """The last lines of a file, looking only at what was written after byte ``since``."""
    try:
        with path.open("rb") as handle:
            handle.seek(max(since, path.stat().st_size - 65_536))
            return "\n".join(handle.read().decode(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""
