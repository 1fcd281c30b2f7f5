"""Tickets for WebSockets."""

from typing import Annotated
from uuid import UUID

from pydantic import BeforeValidator, Field, model_validator

from services.api.schemas.base import ApiModel


def _uuid(given: object) -> object:
    try:
        return given if given is None else UUID(given if isinstance(given, str) else "")
    except ValueError:
        raise ValueError("must be an id such as 0190a6c2-9d6e-7c1f-8a43-0c5a4b1f2e33") from None


Id = Annotated[UUID, BeforeValidator(_uuid)]


class TicketBody(ApiModel):
    """The one channel that the ticket opens: a payment's, or a user's."""

    transaction_id: Id | None = Field(default=None, description="Of /ws/transaction/{transaction_id}.")
    user_id: Id | None = Field(default=None, description="Of /ws/user/{user_id}.")

    @model_validator(mode="after")
    def _one_channel(self) -> "TicketBody":
        if (self.transaction_id is None) == (self.user_id is None):
            raise ValueError("send transaction_id or user_id")
        return self


class TicketView(ApiModel):
    ticket: str = Field(description="Good for one connection, within expires_in.")
    expires_in: int = Field(description="Seconds.")
    channel: str = Field(description="The path that it opens; connect to it with ?ticket=.")
