"""Watches the way out: alerts when messages do not leave, and says when they do again."""

from datetime import timedelta

import structlog

from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.clock import Clock
from shared.runtime.metrics import OUTBOX_STUCK, OUTBOX_UNDELIVERABLE

log = structlog.get_logger()


class OutboxWatchdog:
    """``patience``: how old a message may grow in the outbox before somebody should look."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, patience: timedelta) -> None:
        self._unit_of_work, self._clock, self._patience = unit_of_work, clock, patience
        self._is_stuck = False

    def __call__(self) -> int:
        """Look once; how many messages the broker has refused. Logs when it gets stuck, and when it recovers."""
        with self._unit_of_work() as work:
            oldest, refused = work.outbox.oldest_unpublished(), work.outbox.count_refused()
        age = timedelta() if oldest is None else self._clock.now() - oldest
        was_stuck, self._is_stuck = self._is_stuck, age > self._patience
        OUTBOX_STUCK.set(int(self._is_stuck))
        OUTBOX_UNDELIVERABLE.set(refused)
        if self._is_stuck and not was_stuck:
            log.error("outbox.stuck", oldest_seconds=int(age.total_seconds()), refused=refused)
        if was_stuck and not self._is_stuck:
            log.info("outbox.moves_again", refused=refused)
        return refused
