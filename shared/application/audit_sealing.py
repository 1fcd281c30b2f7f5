"""Seals what was added to the audit trail since the last seal."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from shared.persistence.audit_form import StoredAuditRow, time_text
from shared.persistence.audit_seals import NOTHING, Leaf, Seal, seal_hash_of
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.merkle import leaf_hash, merkle_root


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A new seal, and the rows in it whose MAC is wrong: they are sealed as they are, and somebody must look."""

    seal: Seal
    suspects: tuple[UUID, ...]


def seal_next(work: UnitOfWork, keys: AuditKeys, now: datetime, limit: int) -> Sealed | None:
    """Seal up to ``limit`` rows; ``None`` if there are none, or if somebody else is at it. The caller commits."""
    if not work.audit_seals.lock():
        return None
    last = work.audit_seals.last()
    rows = work.audit_seals.unsealed(last, limit)
    if not rows:
        return None
    number = 1 if last is None else last.number + 1
    leaves = [_leaf(number, position, row) for position, row in enumerate(rows)]
    seal = _signed(
        Seal(
            number=number,
            row_count=len(rows),
            first=rows[0].place,
            last=rows[-1].place,
            merkle_root=merkle_root([leaf.leaf_hash for leaf in leaves]),
            previous_hash=NOTHING if last is None else last.seal_hash,
            sealed_at=time_text(now),
            seal_hash=b"",
            mac=b"",
        ),
        keys,
    )
    work.audit_seals.add(seal, leaves)
    return Sealed(seal=seal, suspects=tuple(row.id for row in rows if not row.is_genuine(keys)))


def _leaf(number: int, position: int, row: StoredAuditRow) -> Leaf:
    return Leaf(seal_number=number, position=position, audit_id=row.id, leaf_hash=leaf_hash(row.leaf))


def _signed(seal: Seal, keys: AuditKeys) -> Seal:
    seal_hash = seal_hash_of(seal.content)
    return replace(seal, seal_hash=seal_hash, mac=keys.sign_seal(seal_hash))
