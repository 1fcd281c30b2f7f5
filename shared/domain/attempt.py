"""One call to a provider, written down and committed before it is made."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.domain.ids import AttemptId, CaptureId, MerchantId, PayoutId, RefundId, TransactionId


class Operation(StrEnum):
    INITIALIZE_PAYMENT = "payment.initialize"
    VERIFY_PAYMENT = "payment.verify"
    CANCEL_PAYMENT = "payment.cancel"
    INITIALIZE_CAPTURE = "capture.initialize"
    VERIFY_CAPTURE = "capture.verify"
    INITIALIZE_REFUND = "refund.initialize"
    VERIFY_REFUND = "refund.verify"
    INITIALIZE_PAYOUT = "payout.initialize"
    VERIFY_PAYOUT = "payout.verify"

    @property
    def moves_money(self) -> bool:
        return not self.asks

    @property
    def asks(self) -> bool:
        """Whether it only asks what became of something."""
        return self in {
            Operation.VERIFY_PAYMENT,
            Operation.VERIFY_CAPTURE,
            Operation.VERIFY_REFUND,
            Operation.VERIFY_PAYOUT,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """``number`` counts the calls of one operation on one payment, capture, refund or payout, from 1.

    It belongs to a payment (``transaction_id``, also where it is about a movement of it) or to a payout, never to both.
    ``provider_key`` is the same for all attempts of one operation. Nobody else acts before ``lease_until``; after it,
    an unfinished attempt is in doubt.
    """

    id: AttemptId
    merchant_id: MerchantId
    transaction_id: TransactionId | None
    refund_id: RefundId | None
    provider: str
    operation: Operation
    number: int
    provider_key: str
    started_at: datetime
    lease_until: datetime
    finished_at: datetime | None = None
    outcome: str | None = None
    reason: str | None = None
    capture_id: CaptureId | None = None
    payout_id: PayoutId | None = None

    def names(self) -> dict[str, str]:
        """The id of what it belongs to, for logs."""
        if self.payout_id is not None:
            return {"payout_id": str(self.payout_id)}
        return {"transaction_id": str(self.transaction_id)}


def provider_key(operation: Operation, subject: UUID) -> str:
    """The provider's idempotency key: derived from what is done to what, so that no retry can change it."""
    return f"{operation}:{subject}"
