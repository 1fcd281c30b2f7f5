"""Refunds, as they are asked for and as they read."""

from pydantic import Field

from services.api.schemas.base import Amount, ApiModel, Text
from services.api.schemas.failures import FailureView
from shared.domain.refund_status import RefundStatus


class RefundBody(ApiModel):
    amount: Amount
    reason: Text = Field(min_length=1, max_length=200, examples=["Customer request"])
    amount_available: Amount | None = Field(
        default=None,
        description="What you believe is left to refund (amount_refundable). If something else is, 412 and no refund.",
    )


class RefundView(ApiModel):
    id: str
    transaction_id: str
    status: RefundStatus
    amount: str
    amount_minor: int
    currency: str
    reason: str
    provider_refund_id: str | None
    failure: FailureView | None
    idempotency_key: str
    needs_review: bool
    next_check_at: str | None = Field(description="As a payment's.")
    created_at: str
    updated_at: str
