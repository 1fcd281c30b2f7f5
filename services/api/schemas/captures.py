"""Captures, as they are asked for and as they read."""

from pydantic import Field

from services.api.schemas.base import Amount, ApiModel
from services.api.schemas.failures import FailureView
from shared.domain.movement_status import MovementStatus


class CaptureBody(ApiModel):
    amount: Amount | None = Field(default=None, description="All that is left, if it is not given.")
    final: bool = Field(default=True, strict=True, description="Whether what is left after it is released.")


class CaptureView(ApiModel):
    id: str
    transaction_id: str
    status: MovementStatus
    amount: str
    amount_minor: int
    currency: str
    final: bool
    provider_capture_id: str | None
    failure: FailureView | None
    idempotency_key: str
    needs_review: bool
    next_check_at: str | None
    created_at: str
    updated_at: str
