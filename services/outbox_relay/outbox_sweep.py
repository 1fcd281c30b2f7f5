"""Publishes what was left in the outbox."""

from shared.messaging.publisher import Publisher
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.clock import Clock
from shared.runtime.crash_points import reach
from shared.runtime.metrics import MESSAGES_PUBLISHED, OUTBOX_OLDEST_SECONDS

# Their rows stay locked while they are published: about a millisecond each.
BATCH = 200


class OutboxSweep:
    def __init__(self, unit_of_work: UnitOfWorkFactory, publisher: Publisher, clock: Clock) -> None:
        self._unit_of_work, self._publisher, self._clock = unit_of_work, publisher, clock

    def __call__(self) -> int:
        """Publish one batch; how many of it the broker confirmed.

        Two relays never take the same message; one that dies in between publishes some twice, which is harmless. What
        the broker will not have waits ever longer, so that it stands in nobody's way.
        """
        with self._unit_of_work() as work:
            now = self._clock.now()
            oldest = work.outbox.oldest_unpublished()
            OUTBOX_OLDEST_SECONDS.set(0 if oldest is None else max(0.0, (now - oldest).total_seconds()))
            waiting = work.outbox.take_unpublished(now, BATCH)
            if waiting:
                reach("relay.after_read")
            published = self._publisher.publish_all(waiting) if waiting else []
            if waiting:
                reach("relay.after_confirm")
                work.outbox.mark_published(published, self._clock.now())
                work.outbox.put_off(self._publisher.undeliverable, self._clock.now())
                work.commit()
        MESSAGES_PUBLISHED.labels(path="relay").inc(len(published))
        return len(published)
