"""The outside of a message: what every one has, and the form in which it leaves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.domain.ids import MessageId


class Message(BaseModel):
    """The base of all messages. They carry facts and ids, never secrets, card numbers or rows.

    ``correlation_id`` is one per customer action, ``causation_id`` the message that led to this one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    message_id: UUID
    occurred_at: AwareDatetime
    correlation_id: UUID
    causation_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A message addressed and encoded; ``message_id`` is the same however often it is published."""

    message_id: MessageId
    exchange: str
    routing_key: str
    type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    correlation_id: str
    occurred_at: datetime
