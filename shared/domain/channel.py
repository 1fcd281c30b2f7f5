"""What a WebSocket client can listen to."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class ChannelKind(StrEnum):
    TRANSACTION = "transaction"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Channel:
    """One payment's events, or those of all that one user has started."""

    kind: ChannelKind
    id: UUID

    @property
    def path(self) -> str:
        """Where it is heard: ``/ws/transaction/{id}`` or ``/ws/user/{id}``."""
        return f"/ws/{self.kind.value}/{self.id}"
