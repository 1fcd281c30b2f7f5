"""Nothing unfinished is without a time at which it is looked at: what has none, or an absurd one, gets one."""

from datetime import timedelta

import structlog

from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.clock import Clock
from shared.runtime.metrics import SWEPT

BATCH = 200

# No schedule and no ladder waits for so long.
FAR = timedelta(days=7)

log = structlog.get_logger()


class StraySweep:
    """A stray is a bug, or somebody's hand in the database; so each is an alert."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work, self._clock = unit_of_work, clock

    def __call__(self) -> int:
        """Have up to ``BATCH`` strays of each kind looked at; how many there were."""
        now = self._clock.now()
        with self._unit_of_work() as work:
            found = {
                kind: work.book_entries.recover_strays(kind, now, now + FAR, BATCH)
                for kind in sorted(work.book_entries.kinds())
            }
            work.commit()
        for kind, ids in found.items():
            for each in ids:
                log.error("stray.found", kind=kind, id=str(each))
        total = sum(map(len, found.values()))
        SWEPT.labels(sweep="strays").inc(total)
        return total
