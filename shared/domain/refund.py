"""A refund: money given back from a payment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.domain.ids import MerchantId, RefundId, TransactionId, UserId
from shared.domain.money import Money
from shared.domain.refund_status import UNFINISHED, RefundStatus, RefundTransition, RefundTrigger, next_refund_status
from shared.domain.transaction import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Some or all of one payment, given back. Times are aware UTC."""

    id: RefundId
    transaction_id: TransactionId
    merchant_id: MerchantId
    user_id: UserId | None
    idempotency_key: str
    provider: str
    amount: Money
    reason: str
    status: RefundStatus
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    provider_refund_id: str | None = None
    provider_response: Mapping[str, object] = field(default_factory=dict)
    failure: Failure | None = None
    next_check_at: datetime | None = None
    checks_made: int = 0

    @property
    def is_unfinished(self) -> bool:
        return self.status in UNFINISHED

    def on(self, trigger: RefundTrigger, now: datetime) -> tuple["Refund", RefundTransition]:
        """The refund after ``trigger``.

        Raises:
            IllegalTransition: the state table has no such edge.
        """
        transition = next_refund_status(self.status, trigger)
        return replace(self, status=transition.status, updated_at=now), transition
