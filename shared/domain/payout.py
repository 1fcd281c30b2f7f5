"""A payout: money sent to somebody, with no payment behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self
from uuid import UUID

from shared.domain.customer import Customer
from shared.domain.ids import PayoutId
from shared.domain.movement import Movement
from shared.domain.movement_status import MovementStatus, Transitions
from shared.domain.payout_status import TRANSITIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout(Movement):
    """Money for ``recipient``. It belongs to no payment: its own row is its lock, and ``version`` counts its events.

    ``provider_config_id`` as in ``Transaction``.
    """

    noun: ClassVar[str] = "payout"
    transitions: ClassVar[Transitions] = TRANSITIONS

    id: PayoutId
    recipient: Customer
    reason: str
    metadata: Mapping[str, str]
    version: int
    provider_payout_id: str | None = None
    provider_config_id: UUID | None = None

    @property
    def reference(self) -> str | None:
        return self.provider_payout_id

    def with_reference(self, reference: str | None) -> Self:
        return replace(self, provider_payout_id=reference)

    @property
    def is_safe_to_retry(self) -> bool:
        """Whether the merchant may send another payout for the same thing without paying twice."""
        return self.status is MovementStatus.FAILED
