"""Takes over attempts whose worker never said what came of them: they are in doubt."""

import structlog

from shared.application.actor import process_actor
from shared.application.apply_outcome import apply_outcome
from shared.application.check_schedule import CheckSchedule
from shared.application.outcome_context import OutcomeContext
from shared.application.subjects import lock_owner, subject_of
from shared.domain.attempt import Attempt
from shared.domain.outcome import InDoubt
from shared.messaging.retry_ladder import RetryLadder
from shared.persistence.errors import StorageUnavailable
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.clock import Clock
from shared.runtime.crash_points import reach
from shared.runtime.metrics import SWEPT

BATCH = 50

log = structlog.get_logger()


class LeaseSweep:
    def __init__(
        self, unit_of_work: UnitOfWorkFactory, clock: Clock, ladder: RetryLadder, checks: CheckSchedule
    ) -> None:
        self._unit_of_work, self._clock, self._ladder, self._checks = unit_of_work, clock, ladder, checks

    def __call__(self) -> int:
        """Mark every attempt whose lease is over as in doubt; how many there were. Each in a transaction of its own."""
        with self._unit_of_work() as work:
            expired = work.attempts.expired(self._clock.now(), BATCH)
        taken_over = sum(self._tried(attempt) for attempt in expired)
        SWEPT.labels(sweep="leases").inc(taken_over)
        return taken_over

    def _tried(self, attempt: Attempt) -> bool:
        """One that cannot be taken over must not leave all behind it in their workers' hands."""
        try:
            return self._take_over(attempt)
        except StorageUnavailable:
            raise
        except Exception as error:
            log.warning("attempt.not_taken_over", error=type(error).__name__, exc_info=error, **attempt.names())
            return False

    def _take_over(self, attempt: Attempt) -> bool:
        now = self._clock.now()
        with self._unit_of_work() as work:
            owner = lock_owner(work, attempt)
            taken = work.attempts.finish(attempt.id, now=now, outcome="InDoubt", reason="lease_expired")
            if owner is None or not taken:
                return False
            log.warning("attempt.lease_expired", operation=attempt.operation, **attempt.names())
            subject = subject_of(work, owner, attempt)
            apply_outcome(work, owner, subject, InDoubt(reason="lease_expired"), self._context(attempt))
            work.commit()
        reach("relay.after_takeover")
        return True

    def _context(self, attempt: Attempt) -> OutcomeContext:
        return OutcomeContext(
            actor=process_actor("outbox_relay"),
            now=self._clock.now(),
            ladder=self._ladder,
            checks=self._checks,
            operation=attempt.operation,
            tries_made=attempt.number,
        )
