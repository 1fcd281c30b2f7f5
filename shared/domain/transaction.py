"""A payment: its facts, and how it moves along the state table."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.domain.customer import Customer
from shared.domain.failure import FailureCode
from shared.domain.ids import MerchantId, TransactionId, UserId
from shared.domain.money import Money
from shared.domain.transaction_status import (
    NOT_TAKEN,
    UNFINISHED,
    TransactionStatus,
    TransactionTrigger,
    Transition,
    next_status,
)


class CaptureMethod(StrEnum):
    """Whether the money is taken at once, or reserved until the merchant captures it."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class PaymentSource(StrEnum):
    """Who started it: the merchant, through us, or the customer, at a till of the merchant's."""

    MERCHANT = "merchant"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why it did not happen: our code, and the provider's words beside it."""

    code: FailureCode
    message: str
    provider_code: str = ""
    provider_message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One payment of one merchant. Times are aware UTC.

    ``version`` counts its events (a refund's events too). ``refund_pending`` is promised to refunds under way.
    ``next_check_at`` is when the provider will be asked; every unfinished payment has one, or waits in a queue.
    ``review_since``: nobody asks any more, somebody must look. ``late``: the money came after we had given up.
    ``payment_method_token`` is what the provider's own form made of a card or account, and ``return_url`` where the
    customer's browser goes afterwards. ``provider_receipt`` proves the payment to its customer, where the provider
    gives one beside ``provider_transaction_id``; no two payments of a provider have the same.
    ``provider_config_id``: the account at the provider that it was started with, and stays with; ``None``: not started
    yet, or with the default account, before there were others.
    ``cancel_requested_at``: the merchant wants it called off, and the provider has not refused that.
    Of a manual payment ``authorized`` is what the provider reserved and
    ``capture_pending`` what is promised to captures under way; ``captured`` is what was taken, of either kind.
    """

    id: TransactionId
    merchant_id: MerchantId
    user_id: UserId | None
    idempotency_key: str
    provider: str
    amount: Money
    status: TransactionStatus
    customer: Customer
    customer_id: str | None
    payment_method: str | None
    metadata: Mapping[str, str]
    authorized: Money
    capture_pending: Money
    captured: Money
    refunded: Money
    refund_pending: Money
    version: int
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC
    source: PaymentSource = PaymentSource.MERCHANT
    payment_method_token: str | None = None
    return_url: str | None = None
    provider_transaction_id: str | None = None
    provider_receipt: str | None = None
    provider_response: Mapping[str, object] = field(default_factory=dict)
    next_action: Mapping[str, str] | None = None
    failure: Failure | None = None
    late: bool = False
    next_check_at: datetime | None = None
    checks_made: int = 0
    review_since: datetime | None = None
    cancel_requested_at: datetime | None = None
    provider_config_id: UUID | None = None

    @property
    def is_unfinished(self) -> bool:
        return self.status in UNFINISHED

    @property
    def is_safe_to_retry(self) -> bool:
        """Whether the merchant may start another payment for the same thing without taking money twice."""
        return self.status in NOT_TAKEN

    @property
    def is_taken(self) -> bool:
        """Whether it is closed with money taken, also where that was given back since."""
        return self.status not in UNFINISHED | NOT_TAKEN

    @property
    def is_captured_by_hand(self) -> bool:
        return self.capture_method is CaptureMethod.MANUAL

    @property
    def capturable(self) -> Money:
        """What is reserved, and neither taken nor promised to a capture."""
        return self.authorized - self.captured - self.capture_pending

    @property
    def refundable(self) -> Money:
        return self.captured - self.refunded - self.refund_pending

    def on(self, trigger: TransactionTrigger, now: datetime) -> tuple["Transaction", Transition]:
        """The payment after ``trigger``, one version on.

        Raises:
            IllegalTransition: the state table has no such edge.
        """
        transition = next_status(self.status, trigger)
        moved = replace(self, status=transition.status, version=self.version + 1, updated_at=now)
        return moved, transition
