"""What all books of movements have in common: how a movement is sent, and how often it was."""

from datetime import datetime
from typing import ClassVar, Generic, TypeVar

from shared.application.addressing import command_later, command_now
from shared.application.commands import next_movement_command
from shared.application.journal import record_audit
from shared.application.movement_outcome import Book
from shared.application.outcome_context import OutcomeContext
from shared.application.subjects import Owner
from shared.domain.attempt import Operation, provider_key
from shared.domain.capture import Capture
from shared.domain.movement_status import MovementTrigger
from shared.domain.payout import Payout
from shared.domain.refund import Refund
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.metrics import REFUSED_REPORTS

MovementT = TypeVar("MovementT", Capture, Refund, Payout)


class MovementBook(Book[MovementT], Generic[MovementT]):
    """Each kind names the operation that moves its money."""

    _sending: ClassVar[Operation]

    def __init__(self, work: UnitOfWork, context: OutcomeContext) -> None:
        self._work, self._context = work, context

    def times_sent(self, movement: MovementT) -> int:
        return self._work.attempts.count(provider_key(self._sending, movement.id))

    def first_sent_at(self, movement: MovementT) -> datetime | None:
        return self._work.attempts.first_started_at(provider_key(self._sending, movement.id))

    def send_again(self, movement: MovementT, delay_ms: int) -> None:
        command = next_movement_command(movement, self._context.now)
        self._work.outbox.add(command_later(command, delay_ms) if delay_ms else command_now(command))

    def _refuse(self, owner: Owner, movement: MovementT, trigger: MovementTrigger) -> None:
        """A report that contradicts what is known: written down in the trail of ``owner``, and nothing else."""
        REFUSED_REPORTS.labels(provider=movement.provider, reason=f"late_{movement.noun}").inc()
        details = {
            f"{movement.noun}_id": str(movement.id),
            "trigger": trigger.value,
            "status": movement.status.value,
        }
        record_audit(self._work, owner, "outcome.refused", self._context.actor, details, at=self._context.now)
