"""Finds what no message told of: events without their deliveries, and endpoints that nobody calls."""

import threading
from collections.abc import Callable
from datetime import timedelta

import structlog

from shared.application.webhook_fanout import fan_out, happening_of, ring_for_all
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.clock import Clock
from shared.runtime.correlation import logging_context
from shared.runtime.identifiers import new_id
from shared.runtime.metrics import SWEPT

# How long a message may be on its way before another does its work.
PATIENCE = timedelta(seconds=10)

BATCH = 200
FEED = "webhook_delivery"

log = structlog.get_logger()


class EventSweep:
    """Goes over the whole log once, behind the messages: what the broker lost is delivered all the same."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work, self._clock = unit_of_work, clock

    def __call__(self) -> int:
        """Make the deliveries that are missing for the next events; how many events were looked at."""
        now = self._clock.now()
        with self._unit_of_work() as work:
            cursor = work.webhook_feed.take(FEED)
            events = [] if cursor is None else work.event_log.feed(after=cursor, limit=BATCH)
            # No further than the first that is too young: its place must not be passed.
            young = next((place for place, each in enumerate(events) if each.occurred_at > now - PATIENCE), len(events))
            missing = fan_out(work, [happening_of(each) for each in events[:young]], now)
            if young:
                work.webhook_feed.move(FEED, events[young - 1].cursor)
            work.commit()
        _count("webhook_events", missing)
        return young


class NeglectSweep:
    """Rings for endpoints for which something is due and nobody comes: a lost message, a dead process, a rest over.

    Whom it has rung for it leaves time to be called: a queue that has grown long is not made longer each second.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work, self._clock = unit_of_work, clock

    def __call__(self) -> int:
        now = self._clock.now()
        with self._unit_of_work() as work:
            neglected = work.webhook_endpoints.take_neglected(now, now - PATIENCE, BATCH)
            for endpoint in neglected:
                ring_for_all(work, endpoint, now)
            work.commit()
        _count("webhook_endpoints", len(neglected))
        return len(neglected)


class Sweep:
    """Runs both until told to stop; an error ends a turn, never the loop."""

    def __init__(self, *sweeps: Callable[[], int], pause_seconds: float) -> None:
        self._sweeps, self._pause_seconds = sweeps, pause_seconds

    def run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            with logging_context(request_id=new_id()):
                most = max(self._turn(sweep) for sweep in self._sweeps)
            if most < BATCH:
                stopping.wait(self._pause_seconds)

    def _turn(self, sweep: Callable[[], int]) -> int:
        try:
            return sweep()
        except Exception as error:
            log.warning("webhook_sweep.failed", error=type(error).__name__, exc_info=error)
            return 0


def _count(sweep: str, found: int) -> None:
    if found:
        log.info("webhook_sweep.found", sweep=sweep, found=found)
        SWEPT.labels(sweep=sweep).inc(found)
