"""What a provider reports of a dispute: a customer who has their bank take the money back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.dispute_status import DisputeFunds, DisputeStatus
from shared.domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeReported:
    """A callback's news of a dispute, as the provider's books have it at that moment; callbacks come in any order.

    ``payment_reference`` is the payment's own reference, ``None`` where they do not say it. ``evidence_due_at`` is
    aware UTC: nothing that the merchant sends after it counts.
    """

    reference: str
    payment_reference: str | None
    amount: Money
    status: DisputeStatus
    funds: DisputeFunds
    reason: str
    evidence_due_at: datetime | None = None
    answer: Mapping[str, object] = field(default_factory=dict)
