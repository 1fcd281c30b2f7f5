"""Sends stored callbacks to the worker again whose message was lost with its queue: their provider will not."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid5

import structlog

from shared.application.addressing import provider_event_again
from shared.application.rematching import rematch_delays_ms
from shared.messaging.retry_ladder import RetryLadder
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.clock import Clock
from shared.runtime.metrics import SWEPT

BATCH = 50

# How long a published message may wait in its queue before another is sent: one too many does no harm.
PATIENCE = timedelta(seconds=60)

# Each further message waits as long as all before it did together, but no longer than this: where the worker is away,
# or its handler fails on this very callback, a message a minute would only pile up.
LONGEST_PATIENCE = timedelta(hours=1)

# All further messages about one callback are the same one. Its id is not the callback's: a ring is known by that.
SENT_AGAIN = "sent again"

log = structlog.get_logger()


class CallbackSweep:
    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, ladder: RetryLadder) -> None:
        self._unit_of_work, self._clock, self._ladder = unit_of_work, clock, ladder

    def __call__(self) -> int:
        """Write another message for each callback that should have been looked at by now; how many there were."""
        now = self._clock.now()
        with self._unit_of_work() as work:
            forgotten = work.webhook_events.lock_forgotten(self._published_before(now), now, LONGEST_PATIENCE, BATCH)
            for event in forgotten:
                work.outbox.send_again(provider_event_again(event, now, uuid5(event.id, SENT_AGAIN)), now)
            work.commit()
        if forgotten:
            log.warning("callbacks.sent_again", callbacks=len(forgotten))
            SWEPT.labels(sweep="callbacks").inc(len(forgotten))
        return len(forgotten)

    def _published_before(self, now: datetime) -> Sequence[datetime]:
        """One time for each number of looks: who was looked at in vain waits on the ladder first."""
        delays_ms = (0, *rematch_delays_ms(self._ladder))
        return [now - PATIENCE - timedelta(milliseconds=delay_ms) for delay_ms in delays_ms]
