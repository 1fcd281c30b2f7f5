"""Dead letters in memory."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from uuid import UUID

from shared.persistence.dead_letters import DeadLetter, DeadLetterRepository, LetterFilter, LetterState
from tests.fakes.persistence.columns import check, stored
from tests.fakes.persistence.session import Session


class InMemoryDeadLetters(DeadLetterRepository):
    def __init__(self, session: Session) -> None:
        self._session = session

    def keep(self, letter: DeadLetter) -> bool:
        rows = self._session.own_rows.dead_letters
        known = next((row for row in rows.values() if row.message_id == letter.message_id), None)
        if known is None:
            check(letter.id not in rows, "pk_dead_letters")
            rows[letter.id] = stored(letter)
            return True
        if letter.last_died_at <= known.last_died_at:
            return False
        rows[known.id] = replace(
            stored(letter),
            id=known.id,
            first_died_at=known.first_died_at,
            first_error=known.first_error or letter.first_error,
            deaths=known.deaths + 1,
            **{name: getattr(known, name) for name in ("body", "body_bytes", "is_exact", "message_type", "provider")},
            **{name: getattr(known, name) for name in ("merchant_id", "transaction_id", "subject_kind", "subject_id")},
        )
        return True

    def find(self, letter_id: UUID) -> DeadLetter | None:
        return self._session.rows.dead_letters.get(letter_id)

    def lock(self, letter_id: UUID) -> DeadLetter | None:
        return self._session.own_rows.dead_letters.get(letter_id)

    def save_decision(self, letter: DeadLetter) -> None:
        rows = self._session.own_rows.dead_letters
        check(
            (letter.state is LetterState.WAITING) == (letter.decided_at is None), "ck_dead_letters_decided_has_a_time"
        )
        names = ("state", "decided_by", "decided_at", "decision")
        rows[letter.id] = replace(rows[letter.id], **{name: getattr(letter, name) for name in names})

    def newest_first(self, wanted: LetterFilter, limit: int, after: UUID | None = None) -> Sequence[DeadLetter]:
        found = [row for row in self._narrowed(wanted) if after is None or row.id < after]
        return sorted(found, key=lambda row: row.id, reverse=True)[:limit]

    def oldest_first(self, wanted: LetterFilter, limit: int, after: UUID) -> Sequence[UUID]:
        return sorted(row.id for row in self._narrowed(wanted) if row.id > after)[:limit]

    def waiting(self) -> tuple[int, datetime | None]:
        found = self._narrowed(LetterFilter(state=LetterState.WAITING))
        return len(found), min((row.last_died_at for row in found), default=None)

    def _narrowed(self, wanted: LetterFilter) -> list[DeadLetter]:
        names = {each.name for each in fields(wanted)} - {"died_before"}
        equal = {name: getattr(wanted, name) for name in names if getattr(wanted, name) is not None}
        return [
            row
            for row in self._session.rows.dead_letters.values()
            if all(getattr(row, name) == value for name, value in equal.items())
            and (wanted.died_before is None or row.last_died_at < wanted.died_before)
        ]
