"""Which row of ours a statement's line is about: by our id, their reference or receipt, or the short reference."""

import re
from collections.abc import Iterable, Sequence
from uuid import UUID

from shared.domain.ids import short_reference
from shared.domain.reconciliation import BookEntry
from shared.persistence.book_entries import Names
from shared.provider_kit.provider import StatementLine

SHORT_REFERENCE = re.compile(r"[0-9A-Fa-f]{12}")


class Lookup:
    def __init__(self, entries: Sequence[BookEntry]) -> None:
        self._by_id = {entry.id: entry for entry in entries}
        self._by_short = {short_reference(entry.id): entry for entry in entries if entry.kind == "payment"}
        # Where one payment has it as its reference and another as its receipt, the receipt is the better proof.
        self._by_reference = {entry.reference: entry for entry in entries if entry.reference is not None} | {
            entry.receipt: entry for entry in entries if entry.receipt is not None
        }

    def entry_of(self, line: StatementLine) -> BookEntry | None:
        named = _id_in(line)
        ours = None if named is None else self._by_id.get(named)
        return ours or self._by_reference.get(line.reference) or self._asked_for(line)

    def _asked_for(self, line: StatementLine) -> BookEntry | None:
        """Anybody may pay to the account that a payment of ours has: what is of another amount is not that payment."""
        ours = self._by_short.get(_short_in(line) or "")
        return ours if ours is not None and ours.amount == line.amount else None


def names_in(lines: Iterable[StatementLine]) -> Names:
    """By what the rows that these lines are about may be found."""
    lines = list(lines)
    return Names(
        ids=[our_id for line in lines if (our_id := _id_in(line)) is not None],
        references=[line.reference for line in lines],
        short_references=[short.lower() for line in lines if (short := _short_in(line)) is not None],
    )


def has_short_reference_of(line: StatementLine, ours: BookEntry) -> bool:
    return _short_in(line) == short_reference(ours.id)


def _id_in(line: StatementLine) -> UUID | None:
    """What they echo, if it can be an id of ours."""
    try:
        return None if line.our_id is None else UUID(line.our_id)
    except ValueError:
        return None


def _short_in(line: StatementLine) -> str | None:
    """What they echo, if it can be a short reference of ours; as we write them."""
    is_one = line.kind == "payment" and SHORT_REFERENCE.fullmatch(line.our_id or "")
    return line.our_id.upper() if is_one and line.our_id is not None else None
