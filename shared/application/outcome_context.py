"""What applying an outcome needs to know besides the outcome."""

from dataclasses import dataclass
from datetime import datetime

from shared.application.actor import Actor
from shared.application.check_schedule import CheckSchedule
from shared.domain.attempt import Operation
from shared.messaging.retry_ladder import RetryLadder


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeContext:
    """``operation`` is the call that brought the outcome, ``None`` for a callback; ``tries_made`` counts the calls
    that were meant to move the money. ``origin`` names what else may have brought it, such as a statement.
    """

    actor: Actor
    now: datetime
    ladder: RetryLadder
    checks: CheckSchedule
    operation: Operation | None = None
    tries_made: int = 1
    origin: str = "callback"

    @property
    def is_check(self) -> bool:
        return self.operation in {Operation.VERIFY_PAYMENT, Operation.VERIFY_REFUND}

    def source(self) -> str:
        return self.origin if self.operation is None else self.operation.value
