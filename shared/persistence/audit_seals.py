"""Seals over the audit trail: each stands for a batch of rows, and for the seal before it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, Select, Text, cast, func, insert, literal_column, select, text

from shared.persistence.audit_form import SIGNED_COLUMNS, StoredAuditRow, content_of_texts, stored_time_text
from shared.persistence.tables import audit_leaves, audit_logs, audit_seals
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.canonical_json import canonical_json

# Any number, as long as it stays, and is not the one of the migrations.
ADVISORY_LOCK = 7_264_003

# The hash "before" the first seal.
NOTHING = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """``first`` and ``last`` are the places of its rows; ``sealed_at`` is as ``time_text`` writes it."""

    number: int
    row_count: int
    first: tuple[int, UUID]
    last: tuple[int, UUID]
    merkle_root: bytes
    previous_hash: bytes
    sealed_at: str
    seal_hash: bytes
    mac: bytes

    @property
    def content(self) -> str:
        """What ``seal_hash`` is the hash of."""
        return canonical_json(
            {
                "first": {"id": str(self.first[1]), "written_by": str(self.first[0])},
                "last": {"id": str(self.last[1]), "written_by": str(self.last[0])},
                "merkle_root": self.merkle_root.hex(),
                "number": self.number,
                "previous_hash": self.previous_hash.hex(),
                "row_count": self.row_count,
                "sealed_at": self.sealed_at,
            }
        )

    def is_genuine(self, keys: AuditKeys) -> bool:
        return self.seal_hash == seal_hash_of(self.content) and keys.is_seal_genuine(self.seal_hash, self.mac)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One row's place in a seal."""

    seal_number: int
    position: int
    audit_id: UUID
    leaf_hash: bytes


def seal_hash_of(content: str) -> bytes:
    # Neither a leaf nor a node of a Merkle tree begins like this.
    return hashlib.sha256(b"\x02" + content.encode()).digest()


class AuditSeals:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self) -> bool:
        """Become the one who seals, until the end of the transaction; ``False`` if somebody else is."""
        return bool(self._connection.execute(select(func.pg_try_advisory_xact_lock(ADVISORY_LOCK))).scalar_one())

    def last(self) -> Seal | None:
        row = self._connection.execute(select_seals().order_by(audit_seals.c.number.desc()).limit(1)).one_or_none()
        return None if row is None else seal_of(row)

    def unsealed(self, after: Seal | None, limit: int) -> Sequence[StoredAuditRow]:
        """The oldest rows without a seal, in order; ``after`` is the last seal.

        Stops before the oldest transaction still open: a row of it may yet appear in front of newer ones.
        """
        statement = (
            select_rows()
            .outerjoin(audit_leaves, audit_leaves.c.audit_id == audit_logs.c.id)
            .where(audit_leaves.c.audit_id.is_(None), text(_FROM_THE_LAST_SEAL), text(_BEHIND_THE_HORIZON))
            .order_by(audit_logs.c.written_by, audit_logs.c.id)
            .limit(limit)
        )
        floor = "0" if after is None else str(after.last[0])
        return [row_of(row) for row in self._connection.execute(statement, {"floor": floor})]

    def add(self, seal: Seal, leaves: Sequence[Leaf]) -> None:
        """The caller holds the lock."""
        self._connection.execute(
            insert(audit_seals),
            {
                "number": seal.number,
                "row_count": seal.row_count,
                "first_written_by": str(seal.first[0]),
                "first_id": seal.first[1],
                "last_written_by": str(seal.last[0]),
                "last_id": seal.last[1],
                "merkle_root": seal.merkle_root,
                "previous_hash": seal.previous_hash,
                "seal_hash": seal.seal_hash,
                "mac": seal.mac,
                "sealed_at": datetime.fromisoformat(seal.sealed_at),
            },
        )
        self._connection.execute(
            insert(audit_leaves),
            [
                {
                    "seal_number": leaf.seal_number,
                    "position": leaf.position,
                    "audit_id": leaf.audit_id,
                    "leaf_hash": leaf.leaf_hash,
                }
                for leaf in leaves
            ],
        )


# Everything before was sealed, which spares reading it again. A database restored from a dump counts its transactions
# anew, below what the last seal says: then all rows are looked at.
_FROM_THE_LAST_SEAL = """audit_logs.written_by >= CASE
    WHEN CAST(:floor AS xid8) < pg_snapshot_xmax(pg_current_snapshot()) THEN CAST(:floor AS xid8)
    ELSE CAST('0' AS xid8) END"""
_BEHIND_THE_HORIZON = "audit_logs.written_by < pg_snapshot_xmin(pg_current_snapshot())"


def select_rows() -> Select[tuple[object, ...]]:
    """Rows of the trail as text, so that whatever somebody put there can be read."""
    texts = [cast(audit_logs.c[name], Text).label(name) for name in SIGNED_COLUMNS]
    written_by = cast(audit_logs.c.written_by, Text).label("row_written_by")
    return select(audit_logs.c.id.label("row_id"), written_by, audit_logs.c.mac.label("row_mac"), *texts)


def row_of(row: Row[tuple[object, ...]]) -> StoredAuditRow:
    column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return StoredAuditRow(
        id=column["row_id"],
        content=content_of_texts({name: column[name] for name in SIGNED_COLUMNS}),
        mac=None if column["row_mac"] is None else bytes(column["row_mac"]),
        written_by=int(column["row_written_by"]),
    )


def select_seals() -> Select[tuple[object, ...]]:
    plain = [
        column for column in audit_seals.c if column.name not in {"first_written_by", "last_written_by", "sealed_at"}
    ]
    return select(
        *plain,
        literal_column("first_written_by::text").label("first_written_by"),
        literal_column("last_written_by::text").label("last_written_by"),
        cast(audit_seals.c.sealed_at, Text).label("sealed_at"),
    )


def seal_of(row: Row[tuple[object, ...]]) -> Seal:
    column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return Seal(
        number=column["number"],
        row_count=column["row_count"],
        first=(int(column["first_written_by"]), column["first_id"]),
        last=(int(column["last_written_by"]), column["last_id"]),
        merkle_root=bytes(column["merkle_root"]),
        previous_hash=bytes(column["previous_hash"]),
        sealed_at=stored_time_text(column["sealed_at"]) or "",
        seal_hash=bytes(column["seal_hash"]),
        mac=bytes(column["mac"]),
    )
