"""Refunds, as they are asked for and as they read."""

from pydantic import Field

from services.api.schemas.base import Amount, ApiModel, Text
from services.api.schemas.failures import FailureView
from shared.domain.refund_status import RefundStatus


class RefundBody(ApiModel):
    amount: Amount
    reason: Text = Field(min_length=1, max_length=200, examples=["Customer request"])


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
    next_check_at: str | None
    created_at: str
    updated_at: str
