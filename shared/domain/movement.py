"""What all moves of money have that are not the payment itself: refunds, captures and payouts."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from shared.domain.ids import MerchantId, UserId
from shared.domain.money import Money
from shared.domain.movement_status import (
    UNFINISHED,
    MovementStatus,
    MovementTransition,
    MovementTrigger,
    Transitions,
    next_movement_status,
)
from shared.domain.transaction import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement(ABC):
    """Money that moves once, at one provider. Times are aware UTC.

    ``noun`` is what it is called in events, operations and ids; ``transitions`` is its state table. ``review_since``:
    nobody asks any more, somebody must look.
    """

    noun: ClassVar[str]
    transitions: ClassVar[Transitions]

    id: UUID
    merchant_id: MerchantId
    user_id: UserId | None
    idempotency_key: str
    provider: str
    amount: Money
    status: MovementStatus
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    provider_response: Mapping[str, object] = field(default_factory=dict)
    failure: Failure | None = None
    next_check_at: datetime | None = None
    checks_made: int = 0
    review_since: datetime | None = None

    @property
    @abstractmethod
    def reference(self) -> str | None:
        """The provider's id of it, once that is known."""

    @abstractmethod
    def with_reference(self, reference: str | None) -> Self:
        """The same, with the provider's id of it."""

    @property
    def is_unfinished(self) -> bool:
        return self.status in UNFINISHED

    def on(self, trigger: MovementTrigger, now: datetime) -> tuple[Self, MovementTransition]:
        """The movement after ``trigger``.

        Raises:
            IllegalTransition: its state table has no such edge.
        """
        transition = next_movement_status(self.transitions, self.status, trigger)
        return replace(self, status=transition.status, updated_at=now), transition
