"""Keeps records on this machine's own disk while there is nowhere else to put them.

Any number of processes share a folder. Each writes a file of its own, and holds its lock; a file that nobody holds
belongs to whoever empties it, so what a dead process left behind is picked up by the next.
"""

import os
import threading
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import structlog

from shared.runtime.clock import Clock
from shared.runtime.spool_files import (
    FOR_THE_OWNER,
    READ_AND_WRITTEN_BY_THE_OWNER,
    SET_ASIDE,
    begin_file,
    bytes_in,
    claimed,
    files_in,
    line_of,
    record_in,
    sync_folder,
    whole_lines,
    write_through,
)

BATCH = 100
DAMAGED = "damaged"

# Takes records for good, in their order; where it raises, they stay. It returns those that can never be taken, each
# with the reason, in a word.
Take = Callable[[Sequence[bytes]], Sequence[tuple[bytes, str]]]

log = structlog.get_logger()


class SpoolUnavailable(Exception):
    """Full, or the disk refuses: whoever sent the record must send it again."""


class Spool:
    """Safe for threads."""

    def __init__(self, folder: Path, max_bytes: int, clock: Clock) -> None:
        self._folder, self._max_bytes, self._clock = folder, max_bytes, clock
        self._lock = threading.Lock()
        self._file: int | None = None

    def append(self, record: bytes) -> None:
        """Returns when the disk has ``record``, which has no line break.

        Raises:
            SpoolUnavailable: the folder is full, or the disk will not have it.
        """
        line = line_of(record)
        with self._lock:
            try:
                if bytes_in(self._folder) + len(line) > self._max_bytes:
                    raise SpoolUnavailable("full")
                self._write(line)
            except OSError as error:
                raise SpoolUnavailable(error.strerror or type(error).__name__) from error

    def drain(self, take: Take) -> int:
        """Hand over everything that no other process holds, the oldest first; how many records were taken.

        Whatever ``take`` raises is raised, and what it has not taken stays. So does a file that the disk fails with;
        it keeps no other back.
        """
        taken = sum(self._emptied(path, take) for path in files_in(self._folder))
        # Only now that nothing else is left: while nobody takes records there is one file more, not one a try.
        self.release()
        return taken + sum(self._emptied(path, take) for path in files_in(self._folder))

    def release(self) -> None:
        """Let go of the file that is written to; the next record begins another."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def check(self) -> None:
        """Raises ``OSError`` where no record could be kept."""
        self._folder.mkdir(mode=FOR_THE_OWNER, parents=True, exist_ok=True)
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise PermissionError(f"{self._folder} is not writable")

    def _write(self, line: bytes) -> None:
        if self._file is None:
            self.check()
            self._file = begin_file(self._folder, self._clock.now())
        length = os.fstat(self._file).st_size
        try:
            write_through(self._file, line)
        except OSError:
            # Half a record would take the next one with it.
            self._cut_or_leave(self._file, length)
            raise

    def _cut_or_leave(self, file: int, length: int) -> None:
        try:
            os.ftruncate(file, length)
        except OSError:
            os.close(file)
            self._file = None

    def _emptied(self, path: Path, take: Take) -> int:
        try:
            return self._empty(path, take)
        except OSError as error:
            log.warning("spool.file_stays", file=path.name, reason=error.strerror or type(error).__name__)
            return 0

    def _empty(self, path: Path, take: Take) -> int:
        file = claimed(path)
        if file is None:
            return 0
        with file:
            taken = self._hand_over(path, file, take)
            # Not before all of it is kept elsewhere.
            path.unlink()
            sync_folder(self._folder)
        return taken

    def _hand_over(self, path: Path, file: BinaryIO, take: Take) -> int:
        taken, lines = 0, whole_lines(file)
        while batch := list(islice(lines, BATCH)):
            read = [(line, record_in(line)) for line in batch]
            records = [record for _, record in read if record is not None]
            refused = [(line_of(record), reason) for record, reason in (take(records) if records else ())]
            refused += [(line, DAMAGED) for line, record in read if record is None]
            self._set_aside(path, refused)
            taken += len(batch) - len(refused)
        return taken

    def _set_aside(self, path: Path, refused: Sequence[tuple[bytes, str]]) -> None:
        """Keep what cannot be taken where it is seen, and out of the way of the rest."""
        for line, reason in refused:
            log.error("spool.set_aside", file=path.name, reason=reason, bytes=len(line))
            folder = self._folder / SET_ASIDE
            folder.mkdir(mode=FOR_THE_OWNER, exist_ok=True)
            name = folder / f"{path.stem}.{reason}"
            file = os.open(name, os.O_CREAT | os.O_WRONLY | os.O_APPEND, READ_AND_WRITTEN_BY_THE_OWNER)
            try:
                write_through(file, line)
            finally:
                os.close(file)
