"""Walks the audit trail from its first row to its last, and tells what somebody altered, removed or put in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from shared.persistence.audit_form import StoredAuditRow
from shared.persistence.audit_seals import NOTHING, Leaf, Seal
from shared.persistence.audit_walk import AuditWalk, SealedRow
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.merkle import leaf_hash, merkle_root


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written. ``where`` names the row or the seal."""

    where: str
    what: str


class TrailVerification:
    """One run. The counts are complete when ``findings`` has been read to its end.

    Memory is bounded by the largest seal, whatever the length of the trail.
    """

    def __init__(self, walk: AuditWalk, keys: AuditKeys) -> None:
        self._walk, self._keys = walk, keys
        self._leaves = _Leaves(walk.sealed_rows())
        self._any_signed = False
        self.rows = self.seals = self.waiting = 0
        self.last: Seal | None = None

    def findings(self) -> Iterator[Finding]:
        """In the order of the trail: sealed rows, then those that wait for their seal."""
        for seal in self._walk.seals():
            yield from self._of_seal(seal)
            self.seals, self.last = self.seals + 1, seal
        yield from self._without_seal(None)
        yield from self._of_waiting_rows()

    def _of_seal(self, seal: Seal) -> Iterator[Finding]:
        yield from self._gap(seal)
        yield from self._without_seal(seal)
        rows = list(self._leaves.while_(lambda leaf: leaf.seal_number == seal.number))
        wrong_rows = list(self._of_rows(seal, rows))
        yield from wrong_rows
        yield from self._of_seal_itself(seal, rows, is_named=bool(wrong_rows))

    def _gap(self, seal: Seal) -> Iterator[Finding]:
        expected = 1 if self.last is None else self.last.number + 1
        if seal.number != expected:
            yield Finding(f"seal {expected}", "has been removed")
        elif seal.previous_hash != (NOTHING if self.last is None else self.last.seal_hash):
            yield Finding(f"seal {seal.number}", "does not continue the seal before it")

    def _without_seal(self, before: Seal | None) -> Iterator[Finding]:
        """Leaves whose seal is gone; each names a row."""
        for each in self._leaves.while_(lambda leaf: before is None or leaf.seal_number < before.number):
            yield Finding(_where(each), "belongs to a seal that has been removed")

    def _of_rows(self, seal: Seal, rows: list[SealedRow]) -> Iterator[Finding]:
        by_position = {each.leaf.position: each for each in rows}
        before: tuple[int, UUID] | None = None
        for position in range(seal.row_count):
            each = by_position.pop(position, None)
            if each is None:
                yield Finding(f"seal {seal.number}, position {position}", "the row has been removed, and its leaf too")
                continue
            what = self._wrong_with(each, before)
            if what is not None:
                yield Finding(_where(each), what)
            before = before if each.row is None else each.row.place
        for each in by_position.values():
            yield Finding(_where(each), "has been put into the seal afterwards")
        self.rows += len(rows)

    def _wrong_with(self, each: SealedRow, before: tuple[int, UUID] | None) -> str | None:
        row = each.row
        if row is None:
            return "has been removed"
        if not self._is_authentic(row):
            return "has been altered, or was not written by the gateway: its MAC does not fit"
        if leaf_hash(row.leaf) != each.leaf.leaf_hash:
            return "is not as it was when it was sealed"
        if before is not None and row.place <= before:
            return "has been moved: the rows of a seal are in the order in which they were written"
        return None

    def _of_seal_itself(self, seal: Seal, rows: list[SealedRow], *, is_named: bool) -> Iterator[Finding]:
        where = f"seal {seal.number}"
        if not seal.is_genuine(self._keys):
            yield Finding(where, "was not made by the gateway: its hash or MAC does not fit")
        elif not is_named and (not rows or merkle_root([each.leaf.leaf_hash for each in rows]) != seal.merkle_root):
            yield Finding(where, "its rows are not the ones that it was made of")

    def _of_waiting_rows(self) -> Iterator[Finding]:
        beyond = self._walk.next_transaction()
        for row in self._walk.unsealed_rows():
            self.waiting += 1
            if not self._is_authentic(row):
                yield Finding(f"row {row.id} (not sealed yet)", "was not written by the gateway: its MAC does not fit")
            elif row.written_by >= beyond or (self.last is not None and row.place <= self.last.last):
                yield Finding(f"row {row.id} (not sealed yet)", "has been kept from its seal: written_by is wrong")

    def _is_authentic(self, row: StoredAuditRow) -> bool:
        """Rows older than the first MAC have none; from their seal on they are safe like the others."""
        if row.mac is None and not self._any_signed:
            return True
        self._any_signed = True
        return row.is_genuine(self._keys)


class _Leaves:
    """Reads leaves up to a condition, and keeps the first that does not meet it."""

    def __init__(self, leaves: Iterator[SealedRow]) -> None:
        self._leaves = leaves
        self._next: SealedRow | None = None

    def while_(self, condition: Callable[[Leaf], bool]) -> Iterator[SealedRow]:
        while (found := self._next or next(self._leaves, None)) is not None:
            self._next = None
            if not condition(found.leaf):
                self._next = found
                return
            yield found


def _where(each: SealedRow) -> str:
    return f"row {each.leaf.audit_id} (seal {each.leaf.seal_number}, position {each.leaf.position})"
