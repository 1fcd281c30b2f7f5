"""Compares a provider's statement with our books, line by line; decides nothing and changes nothing."""

from collections import Counter
from uuid import UUID

from shared.application.reconciliation_lookup import has_short_reference_of
from shared.domain.money import Money
from shared.domain.outcome import Succeeded
from shared.domain.reconciliation import BookEntry, Difference, DifferenceKind, Side, Standing, standing_of
from shared.provider_kit.provider import StatementLine


class Comparison:
    """One run over any number of lines. Of each it remembers our id, and nothing else: about 80 bytes."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._seen: set[int] = set()
        self._first_reference: dict[UUID, str] = {}

    def compare(self, line: StatementLine, ours: BookEntry | None) -> Difference | None:
        """What is wrong with ``line``, given the row of ours that it is about; ``None`` where nothing is."""
        self.counts["lines"] += 1
        if ours is None:
            return self._counted(_difference(DifferenceKind.MISSING_OURS, line, None))
        if not self._is_the_one(line, ours):
            return self._another(line, ours)
        if ours.id.int in self._seen:
            self.counts["repeated"] += 1
            return None
        self._seen.add(ours.id.int)
        return self._counted(_compared(line, ours))

    def compare_unseen(self, ours: BookEntry) -> Difference | None:
        """What is wrong with a row of ours that no line may be about any more."""
        if ours.id.int in self._seen or ours.standing is not Standing.MOVED:
            return None
        return self._counted(_missing_theirs(ours))

    def has_seen(self, ours: BookEntry) -> bool:
        return ours.id.int in self._seen

    def _is_the_one(self, line: StatementLine, ours: BookEntry) -> bool:
        """Whether the line is what we know as ``ours``, and not another one of theirs for the same thing."""
        if line.reference in {ours.reference, ours.receipt}:
            return True
        is_untold = ours.receipt is None and (ours.reference is None or has_short_reference_of(line, ours))
        # An answer that was lost, or told no receipt, left us without it: then the first that they name is the one.
        return is_untold and line.reference == self._first_reference.setdefault(ours.id, line.reference)

    def _another(self, line: StatementLine, ours: BookEntry) -> Difference | None:
        if standing_of(line.outcome) is Standing.NOT_MOVED:
            # A try of theirs that came to nothing beside the one that counts.
            self.counts["repeated"] += 1
            return None
        return self._counted(_difference(DifferenceKind.DUPLICATE, line, ours))

    def _counted(self, difference: Difference | None) -> Difference | None:
        self.counts["matched" if difference is None else difference.kind.value] += 1
        return difference


def _compared(line: StatementLine, ours: BookEntry) -> Difference | None:
    theirs = standing_of(line.outcome)
    if theirs is not ours.standing:
        return _difference(DifferenceKind.STATUS, line, ours)
    if theirs is not Standing.NOT_MOVED and _amount(line) != ours.amount:
        return _difference(DifferenceKind.AMOUNT, line, ours)
    return None


def _difference(kind: DifferenceKind, line: StatementLine, ours: BookEntry | None) -> Difference:
    return Difference(
        kind=kind,
        subject=line.kind,
        our_id=None if ours is None else ours.id,
        reference=line.reference,
        ours=None if ours is None else Side(status=ours.status, amount=ours.amount),
        theirs=Side(status=type(line.outcome).__name__, amount=_amount(line)),
        occurred_at=line.occurred_at,
    )


def _missing_theirs(ours: BookEntry) -> Difference:
    return Difference(
        kind=DifferenceKind.MISSING_THEIRS,
        subject=ours.kind,
        our_id=ours.id,
        reference=ours.reference,
        ours=Side(status=ours.status, amount=ours.amount),
        theirs=None,
        occurred_at=ours.created_at,
    )


def _amount(line: StatementLine) -> Money:
    """What they say moved: of a payment that was captured in part, that part."""
    captured = line.outcome.captured if isinstance(line.outcome, Succeeded) else None
    return captured or line.amount
