"""A capture: money taken from what was reserved."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

from shared.domain.capture_status import TRANSITIONS
from shared.domain.ids import CaptureId, TransactionId
from shared.domain.movement import Movement
from shared.domain.movement_status import Transitions


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture(Movement):
    """Some or all of one authorized payment, taken; ``is_final`` releases what is left of it."""

    noun: ClassVar[str] = "capture"
    transitions: ClassVar[Transitions] = TRANSITIONS

    id: CaptureId
    transaction_id: TransactionId
    is_final: bool
    provider_capture_id: str | None = None

    @property
    def reference(self) -> str | None:
        return self.provider_capture_id

    def with_reference(self, reference: str | None) -> Self:
        return replace(self, provider_capture_id=reference)
