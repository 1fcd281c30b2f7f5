"""A provider's books that say what they were told to say."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.domain.money import Money
from shared.domain.outcome import Outcome, Succeeded
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.provider_kit.provider import StatementLine, StatementUnavailable
from tests.fakes.clock import NOON


class ScriptedBooks:
    """``breaks_after``: how many lines can be read before the books cannot be."""

    def __init__(self, *lines: StatementLine, breaks_after: int | None = None) -> None:
        self.lines, self.breaks_after = list(lines), breaks_after
        self.windows: list[tuple[datetime, datetime]] = []

    def statement(self, since: datetime, until: datetime) -> Iterator[StatementLine]:
        self.windows.append((since, until))
        for number, line in enumerate(self._within(since, until)):
            if number == self.breaks_after:
                raise StatementUnavailable("http 503")
            yield line
        if self.breaks_after is not None and self.breaks_after >= len(self.lines):
            raise StatementUnavailable("http 503")

    def _within(self, since: datetime, until: datetime) -> Sequence[StatementLine]:
        return [line for line in self.lines if since <= line.occurred_at < until]


def a_line(ours: Transaction | Refund | None = None, outcome: Outcome | None = None, **facts: Any) -> StatementLine:
    """What their books say of one of ours, in agreement with it unless told otherwise; or of KES 1000 of nobody's."""
    reference = ours.provider_transaction_id if isinstance(ours, Transaction) else None
    reference = ours.provider_refund_id if isinstance(ours, Refund) else reference
    line = StatementLine(
        kind="refund" if isinstance(ours, Refund) else "payment",
        reference=reference or "THEIRS-1",
        our_id=None if ours is None else str(ours.id),
        amount=Money(100_000, "KES") if ours is None else ours.amount,
        outcome=outcome or Succeeded(reference=reference or "THEIRS-1"),
        occurred_at=NOON if ours is None else ours.created_at,
    )
    return replace(line, **facts)
