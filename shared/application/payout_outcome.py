"""What follows from a payout's having moved: its own events, and nothing else."""

from collections.abc import Mapping
from dataclasses import replace

from shared.application.journal import record_payout_event
from shared.application.movement_book import MovementBook
from shared.domain.attempt import Operation
from shared.domain.movement_status import MovementStatus, MovementTrigger
from shared.domain.payout import Payout


class PayoutBook(MovementBook[Payout]):
    _sending = Operation.INITIALIZE_PAYOUT

    def save(self, movement: Payout) -> None:
        self._work.payouts.save(movement)

    def record(
        self,
        moved: Payout,
        before: MovementStatus,  # noqa: ARG002 - there are no sums that it changes
        event_type: str,
        details: Mapping[str, object],
    ) -> None:
        moved = replace(moved, version=moved.version + 1, updated_at=self._context.now)
        self._work.payouts.save(moved)
        record_payout_event(self._work, moved, event_type, self._context.actor, details)

    def contradicted(self, movement: Payout, trigger: MovementTrigger) -> None:
        self._refuse(movement, movement, trigger)
