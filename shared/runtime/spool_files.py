"""The files of a spool: one line a record, a checksum in front; whoever has a file's lock has it for itself."""

import fcntl
import os
import secrets
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

ENDING = ".spool"
SET_ASIDE = "set-aside"
FOR_THE_OWNER = 0o700
READ_AND_WRITTEN_BY_THE_OWNER = 0o600

_TIME = "%Y%m%dT%H%M%S%fZ"
_CHECKSUM_CHARACTERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolState:
    """What waits: ``since`` is when the oldest record came. ``set_aside`` is how many records nobody could take."""

    files: int
    records: int
    bytes: int
    since: datetime | None
    set_aside: int


def state_of(folder: Path) -> SpoolState:
    """What stands in a folder, whoever wrote it; reads all of it. Nothing, where there is no folder."""
    content = [(path, read) for path in files_in(folder) if (read := _content(path))]
    return SpoolState(
        files=len(content),
        records=sum(read.count(b"\n") for _, read in content),
        bytes=sum(len(read) for _, read in content),
        since=_begun_at(content[0][0]) if content else None,
        set_aside=sum(_content(path).count(b"\n") for path in (folder / SET_ASIDE).glob("*")),
    )


def files_in(folder: Path) -> list[Path]:
    """The oldest first: a file's name begins with the time of its first record."""
    return sorted(folder.glob(f"*{ENDING}"))


def bytes_in(folder: Path) -> int:
    """With what was set aside: it is all on one disk."""
    return sum(_size(path) for path in [*files_in(folder), *(folder / SET_ASIDE).glob("*")])


def begin_file(folder: Path, now: datetime) -> int:
    """A new file, ours alone until it is closed."""
    while True:
        name = f"{now.strftime(_TIME)}-{secrets.token_hex(4)}{ENDING}"
        file = os.open(folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, READ_AND_WRITTEN_BY_THE_OWNER)
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file).st_nlink:
            sync_folder(folder)
            return file
        os.close(file)  # somebody found it empty, and took it away, before it was ours


def claimed(path: Path) -> BinaryIO | None:
    """The file, ours alone until it is closed; ``None``: somebody else has it, or it is gone."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    if os.fstat(file.fileno()).st_nlink:
        return file
    file.close()
    return None


def line_of(record: bytes) -> bytes:
    """``record`` has no line break."""
    return b"%08x %b\n" % (zlib.crc32(record), record)


def record_in(line: bytes) -> bytes | None:
    """``None`` where the line is not as it was written."""
    record = line[_CHECKSUM_CHARACTERS + 1 : -1]
    return record if line_of(record) == line else None


def whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """All but what the death of its writer cut off: of that one, nobody has been told that it is here."""
    return (line for line in file if line.endswith(b"\n"))


def write_through(file: int, content: bytes) -> None:
    """Returns when the disk has it."""
    while content:
        content = content[os.write(file, content) :]
    os.fsync(file)


def sync_folder(folder: Path) -> None:
    """Names that are new, or gone, are so on the disk only after this."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _begun_at(path: Path) -> datetime | None:
    try:
        return datetime.strptime(path.name.partition("-")[0], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def _content(path: Path) -> bytes:
    """What cannot be read waits all the same: as one record."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""  # emptied a moment ago
    except OSError:
        return b"\n"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
