"""The trail's head, written outside the database: a file to which each seal adds a line, ``number hash time``.

Whoever cuts off the end of the trail in the database, seals and all, cannot cut it off here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from shared.application.audit_verification import Finding
from shared.persistence.audit_seals import Seal
from shared.persistence.audit_walk import AuditWalk

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class NotedSeal:
    number: int
    seal_hash: bytes


class HeadFileUnreadable(Exception):
    """It names the line that is not ``number hash time``."""


def note_seal(file: Path, seal: Seal) -> None:
    """Append one line. Several processes may do so at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="ascii") as lines:
        lines.write(f"{seal.number} {seal.seal_hash.hex()} {seal.sealed_at}\n")


def compare_with_head(file: Path, walk: AuditWalk) -> Iterator[Finding]:
    """What the file has noted, and the database does not have so. Raises ``HeadFileUnreadable``."""
    noted = _read(file)
    while batch := list(islice(noted, _BATCH)):
        stored = walk.hashes_of_seals([each.number for each in batch])
        for each in batch:
            if each.number not in stored:
                yield Finding(f"seal {each.number}", "has been removed: the head file has noted it")
            elif stored[each.number] != each.seal_hash:
                yield Finding(f"seal {each.number}", "is not the one that the head file has noted")


def _read(file: Path) -> Iterator[NotedSeal]:
    with file.open(encoding="ascii") as lines:
        for count, line in enumerate(lines, start=1):
            try:
                number, seal_hash, _ = line.split()
                yield NotedSeal(int(number), bytes.fromhex(seal_hash))
            except ValueError:
                raise HeadFileUnreadable(f"{file}, line {count}: not a number, a hash and a time") from None
