"""A refund: money given back from a payment."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

from shared.domain.ids import RefundId, TransactionId
from shared.domain.movement import Movement
from shared.domain.movement_status import Transitions
from shared.domain.refund_status import TRANSITIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund(Movement):
    """Some or all of one payment, given back."""

    noun: ClassVar[str] = "refund"
    transitions: ClassVar[Transitions] = TRANSITIONS

    id: RefundId
    transaction_id: TransactionId
    reason: str
    provider_refund_id: str | None = None

    @property
    def reference(self) -> str | None:
        return self.provider_refund_id

    def with_reference(self, reference: str | None) -> Self:
        return replace(self, provider_refund_id=reference)
