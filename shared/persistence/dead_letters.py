"""Stores dead letters: one row a message, however often it dies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, func, select, update
from sqlalchemy.dialects.postgresql import insert

from shared.domain.ids import MerchantId, TransactionId
from shared.persistence.tables import dead_letters

ErrorNote = Mapping[str, str]


class LetterState(StrEnum):
    WAITING = "waiting"
    REPLAYED = "replayed"
    SKIPPED = "skipped"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that was set aside.

    ``reason`` is ours (``unreadable``, ``rejected``, ``retries_spent``) or the broker's (``delivery_limit``). An error
    has ``error`` (its class), ``message`` and ``at``. ``tries`` is of its last life, ``deaths`` counts its lives.
    ``body`` is the exact message where ``is_exact``; otherwise it is what may be shown of one that is not ours.
    ``transaction_id`` is the payment that it belongs to; ``subject_id`` what it is about.
    """

    id: UUID
    message_id: UUID
    queue: str
    exchange: str
    routing_key: str
    message_type: str
    reason: str
    tries: int
    headers: Mapping[str, object]
    body: str
    body_bytes: int
    is_exact: bool
    first_died_at: datetime
    last_died_at: datetime
    merchant_id: MerchantId | None = None
    transaction_id: TransactionId | None = None
    subject_kind: str | None = None
    subject_id: UUID | None = None
    provider: str | None = None
    first_error: ErrorNote | None = None
    last_error: ErrorNote | None = None
    deaths: int = 1
    state: LetterState = LetterState.WAITING
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """What a list is narrowed to; ``None`` does not narrow. ``died_before``: dead since before then."""

    state: LetterState | None = None
    queue: str | None = None
    message_type: str | None = None
    provider: str | None = None
    reason: str | None = None
    died_before: datetime | None = None

    @property
    def narrows(self) -> bool:
        """Whether it leaves out anything but by the state."""
        return any(getattr(self, each.name) is not None for each in fields(self) if each.name != "state")


class DeadLetterRepository:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keep(self, letter: DeadLetter) -> bool:
        """Store it, or count its message's next death; ``False`` where this very death was stored before.

        What has died again waits again, whatever had been decided.
        """
        given = insert(dead_letters).values(**_columns(letter))
        latest = ("queue", "exchange", "routing_key", "reason", "last_error", "tries", "headers", "last_died_at")
        changed = {name: given.excluded[name] for name in latest} | {
            "first_error": func.coalesce(dead_letters.c.first_error, given.excluded.first_error),
            "deaths": dead_letters.c.deaths + 1,
            "state": LetterState.WAITING.value,
            "decided_by": None,
            "decided_at": None,
            "decision": None,
        }
        died_again = dead_letters.c.last_died_at < given.excluded.last_died_at
        statement = given.on_conflict_do_update(index_elements=["message_id"], set_=changed, where=died_again)
        return self._connection.execute(statement).rowcount == 1

    def find(self, letter_id: UUID) -> DeadLetter | None:
        row = self._connection.execute(select(dead_letters).where(dead_letters.c.id == letter_id)).one_or_none()
        return None if row is None else _letter(row)

    def lock(self, letter_id: UUID) -> DeadLetter | None:
        """As ``find``, with its row locked until the transaction ends."""
        statement = select(dead_letters).where(dead_letters.c.id == letter_id).with_for_update()
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _letter(row)

    def save_decision(self, letter: DeadLetter) -> None:
        """Write what was decided. The caller has it locked."""
        names = ("state", "decided_by", "decided_at", "decision")
        statement = update(dead_letters).where(dead_letters.c.id == letter.id)
        self._connection.execute(statement.values({name: getattr(letter, name) for name in names}))

    def newest_first(self, wanted: LetterFilter, limit: int, after: UUID | None = None) -> Sequence[DeadLetter]:
        """Up to ``limit``, those stored before ``after``."""
        older = [] if after is None else [dead_letters.c.id < after]
        statement = select(dead_letters).where(*_narrowed(wanted), *older).order_by(dead_letters.c.id.desc())
        return [_letter(row) for row in self._connection.execute(statement.limit(limit))]

    def oldest_first(self, wanted: LetterFilter, limit: int, after: UUID) -> Sequence[UUID]:
        """The ids of up to ``limit``, those stored behind ``after``."""
        statement = select(dead_letters.c.id).where(*_narrowed(wanted), dead_letters.c.id > after)
        return list(self._connection.execute(statement.order_by(dead_letters.c.id).limit(limit)).scalars())

    def waiting(self) -> tuple[int, datetime | None]:
        """How many wait for a decision, and since when the oldest does."""
        statement = select(func.count(), func.min(dead_letters.c.last_died_at))
        row = self._connection.execute(statement.where(dead_letters.c.state == LetterState.WAITING)).one()
        return int(row[0]), row[1]


def _narrowed(wanted: LetterFilter) -> list[ColumnElement[bool]]:
    named = ("state", "queue", "message_type", "provider", "reason")
    equal = [dead_letters.c[name] == getattr(wanted, name) for name in named if getattr(wanted, name) is not None]
    return equal if wanted.died_before is None else [*equal, dead_letters.c.last_died_at < wanted.died_before]


def _columns(letter: DeadLetter) -> dict[str, Any]:
    return {each.name: getattr(letter, each.name) for each in fields(letter)}


def _letter(row: Row[Any]) -> DeadLetter:
    column = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return DeadLetter(**{**column, "state": LetterState(column["state"])})
