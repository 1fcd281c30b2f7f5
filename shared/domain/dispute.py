"""A dispute: the customer's bank asks for the money of a payment back, and decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from shared.domain.dispute_status import TRANSITIONS, DisputeFunds, DisputeStatus, DisputeTransition, DisputeTrigger
from shared.domain.errors import IllegalTransition
from shared.domain.ids import MerchantId, TransactionId
from shared.domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """Of one payment, whose row is its lock. ``reference`` is the provider's id of it; times are aware UTC."""

    id: UUID
    transaction_id: TransactionId
    merchant_id: MerchantId
    provider: str
    reference: str
    amount: Money
    status: DisputeStatus
    funds: DisputeFunds
    reason: str
    created_at: datetime
    updated_at: datetime
    evidence_due_at: datetime | None = None
    provider_response: Mapping[str, object] = field(default_factory=dict)

    def on(self, trigger: DisputeTrigger, now: datetime) -> tuple[Self, DisputeTransition]:
        """The dispute after ``trigger``.

        Raises:
            IllegalTransition: the table has no such edge, so a late or repeated report changes nothing.
        """
        transition = TRANSITIONS.get((self.status, trigger))
        if transition is None:
            raise IllegalTransition(self.status, trigger)
        return replace(self, status=transition.status, updated_at=now), transition
