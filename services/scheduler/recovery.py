"""Finds what is unfinished and due, and has its provider's worker look at it: nothing waits for ever."""

from datetime import timedelta

import structlog

from shared.application.addressing import command_now
from shared.application.commands import next_movement_command, next_payment_command
from shared.application.subjects import AnyMovement
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.clock import Clock
from shared.runtime.crash_points import reach
from shared.runtime.metrics import SWEPT

BATCH = 200

# How long a command may take to be handled before the sweep sends another: a command too many does no harm.
PATIENCE = timedelta(seconds=60)

log = structlog.get_logger()


class RecoverySweep:
    """Every unfinished payment, capture, refund and payout has a time at which it is looked at; this is who looks."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work, self._clock = unit_of_work, clock

    def __call__(self) -> int:
        """Send a command for each of up to ``BATCH`` that are due; how many there were. May run twice at once."""
        now = self._clock.now()
        with self._unit_of_work() as work:
            payments = work.transactions.claim_due_checks(now, now + PATIENCE, BATCH)
            refunds = work.refunds.claim_due_checks(now, now + PATIENCE, BATCH)
            captures = work.captures.claim_due_checks(now, now + PATIENCE, BATCH)
            payouts = work.payouts.claim_due_checks(now, now + PATIENCE, BATCH)
            for payment in payments:
                work.outbox.add(command_now(next_payment_command(payment, now)))
            movements: list[AnyMovement] = [*captures, *refunds, *payouts]
            for movement in movements:
                work.outbox.add(command_now(next_movement_command(movement, now)))
            work.commit()
        found = len(payments) + len(movements)
        if found:
            log.info("recovery.swept", payments=len(payments), movements=len(movements))
            SWEPT.labels(sweep="recovery").inc(found)
            reach("scheduler.after_sweep")
        return found
