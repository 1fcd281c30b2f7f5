"""What applying an outcome needs to know besides the outcome."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.application.actor import Actor
from shared.application.check_schedule import CheckSchedule
from shared.domain.attempt import Operation
from shared.messaging.retry_ladder import RetryLadder

AUTHORIZATION_LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeContext:
    """``operation`` is the call that brought the outcome; without one ``told_by`` says who did. ``tries_made`` counts
    the calls that were meant to move the money. ``authorization_lifetime``: how long what is reserved waits for its
    captures.
    ``can_cancel``: whether the provider can be asked to call a payment off.
    ``idempotency_window``: how long the provider recognises a repeated key (``None``: for ever).
    """

    actor: Actor
    now: datetime
    ladder: RetryLadder
    checks: CheckSchedule
    operation: Operation | None = None
    tries_made: int = 1
    told_by: str = "callback"
    idempotency_window: timedelta | None = None
    authorization_lifetime: timedelta = AUTHORIZATION_LIFETIME
    can_cancel: bool = False

    @property
    def is_check(self) -> bool:
        return self.operation is not None and self.operation.asks

    def source(self) -> str:
        return self.told_by if self.operation is None else self.operation.value
