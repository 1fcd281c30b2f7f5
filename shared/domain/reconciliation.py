"""What our books and a provider's say of the same money, and how they may differ."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from shared.domain.money import Money
from shared.domain.outcome import Authorized, Declined, InDoubt, NotSent, Outcome, Pending, Succeeded


class Standing(StrEnum):
    """What a row says of the money: it moved, it did not and will not, or that is not decided."""

    MOVED = "moved"
    NOT_MOVED = "not_moved"
    OPEN = "open"


class DifferenceKind(StrEnum):
    """``missing_ours``: they have it, we do not; ``missing_theirs``: we say that it moved, they do not know it.

    ``duplicate``: they have another one for the same thing of ours.
    """

    MISSING_OURS = "missing_ours"
    MISSING_THEIRS = "missing_theirs"
    AMOUNT = "amount"
    STATUS = "status"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookEntry:
    """One row of ours as it is compared. ``amount`` is what moved, or is to move; ``reference`` the provider's id.

    ``receipt``: a payment's, where the provider gives one beside its id; a statement may name either.
    """

    kind: str
    id: UUID
    reference: str | None
    amount: Money
    status: str
    standing: Standing
    created_at: datetime
    receipt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one of the two books says."""

    status: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing on which the books differ; ``subject`` is what it is about (``payment``, ``refund`` …)."""

    kind: DifferenceKind
    subject: str
    our_id: UUID | None
    reference: str | None
    ours: Side | None
    theirs: Side | None
    occurred_at: datetime

    @property
    def difference_minor(self) -> int | None:
        """Theirs less ours, where both name an amount in one currency."""
        if self.ours is None or self.theirs is None or self.ours.amount.currency != self.theirs.amount.currency:
            return None
        return self.theirs.amount.amount_minor_units - self.ours.amount.amount_minor_units


def standing_of(outcome: Outcome) -> Standing:
    """What a provider's state, in our words, says of the money."""
    match outcome:
        case Succeeded():
            return Standing.MOVED
        case Declined() | NotSent():
            return Standing.NOT_MOVED
        case Authorized() | Pending() | InDoubt():
            return Standing.OPEN
        case unreachable:
            assert_never(unreachable)
