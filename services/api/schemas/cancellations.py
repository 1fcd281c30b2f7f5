"""Cancellations, as they are asked for."""

from pydantic import Field

from services.api.schemas.base import ApiModel, ShortText


class CancelBody(ApiModel):
    reason: ShortText | None = Field(
        default=None, description="Kept in the audit trail.", examples=["The customer changed the order"]
    )
