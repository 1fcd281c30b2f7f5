"""The event log, as it is asked for and as it reads."""

from typing import Any

from pydantic import Field

from services.api.schemas.base import ApiModel, Text
from shared.domain.webhook_delivery import DeliveryState


class EventListQuery(ApiModel):
    after: Text | None = Field(
        default=None, max_length=100, description="The next_cursor of a page, or an event's cursor: what comes behind."
    )
    types: Text | None = Field(
        default=None,
        max_length=1000,
        description="Only these, with commas between them; payment.* means all of a payment.",
        examples=["payment.completed,refund.*"],
    )
    transaction_id: Text | None = Field(default=None, max_length=64, description="Only those of this payment.")
    delivery_state: DeliveryState | None = Field(
        default=None, description="Only those whose delivery to one of your endpoints is in this state now."
    )
    limit: int = Field(default=100, ge=1, le=500)


class EventView(ApiModel):
    """As a frame of a WebSocket and the body of a webhook."""

    id: str
    type: str
    sequence: int = Field(description="Grows by one with each event of a payment, or of a payout.")
    cursor: str = Field(description="The event's place in the log: opaque, good as after.")
    transaction_id: str | None = Field(default=None, description="Absent in an event of a payout.")
    payout_id: str | None = Field(default=None, description="Absent in an event of a payment.")
    occurred_at: str
    data: dict[str, Any] = Field(description="The payment, refund, capture or payout as it was at that moment.")


class EventPage(ApiModel):
    data: list[EventView]
    has_more: bool
    next_cursor: str = Field(description="Where the next page begins; there always is one, for the next time you look.")
