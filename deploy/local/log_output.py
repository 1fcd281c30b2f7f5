"""Showing the log files: the last lines of each, then, if asked, every line as it comes."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.state_folder import StateFolder, tail

LAST_LINES = 50
POLL_SECONDS = 0.2


def log_files(state: StateFolder, name: str | None) -> list[Path]:
    """The log of one server or process, or all of them.

    Raises:
        LocalError: there is none.
    """
    files = sorted(state.log("any").parent.glob("*.log")) if name is None else [state.log(name)]
    if not files or not files[0].exists():
        raise LocalError(f"there is no log of {name or 'anything'} in {state.path} yet")
    return files


def show(files: Sequence[Path], write: Callable[[str], None]) -> None:
    """Write the last lines of each file, with its name in front when there are several."""
    for file in files:
        for line in tail(file, LAST_LINES).splitlines():
            write(_labelled(file, line, files))


def follow(files: Sequence[Path], write: Callable[[str], None]) -> None:
    """Write every line that is added to the files, until interrupted."""
    positions = {file: file.stat().st_size for file in files}
    while True:
        for file in files:
            for line in _new_lines(file, positions):
                write(_labelled(file, line, files))
        time.sleep(POLL_SECONDS)


def _new_lines(file: Path, positions: dict[Path, int]) -> list[str]:
    size = file.stat().st_size
    positions[file] = min(positions[file], size)  # a file that was cut starts again
    with file.open("rb") as handle:
        handle.seek(positions[file])
        complete, newline, _rest = handle.read(size - positions[file]).rpartition(b"\n")
    positions[file] += len(complete) + len(newline)
    return complete.decode(errors="replace").splitlines()


def _labelled(file: Path, line: str, files: Sequence[Path]) -> str:
    return line if len(files) == 1 else f"{file.stem:<22} {line}"
