"""Lets go of old responses, published messages and providers' payloads, in batches that lock nothing for long."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from shared.persistence.retention import KEPT
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.clock import Clock
from shared.runtime.settings import RetentionSettings

BATCH = 500

# One run ends after so many batches of a kind; the next one goes on.
MOST_BATCHES = 200

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRules:
    """How long each is kept, counted from when it was stored, published, processed or last changed."""

    responses: timedelta
    outbox: timedelta
    payloads: timedelta

    def ages(self) -> Mapping[str, timedelta]:
        """By the names in ``KEPT``."""
        return {
            "responses": self.responses,
            "outbox": self.outbox,
            **dict.fromkeys(KEPT.keys() - {"responses", "outbox"}, self.payloads),
        }


class Retention:
    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, rules: RetentionRules) -> None:
        self._unit_of_work, self._clock, self._rules = unit_of_work, clock, rules

    def preview(self) -> Mapping[str, int]:
        """How much of each a run would let go of; changes nothing."""
        with self._unit_of_work() as work:
            return {what: work.retention.count(what, before) for what, before in self._limits()}

    def run(self) -> Mapping[str, int]:
        """Let go of what is old enough; how much of each. May be repeated, and may run twice at once."""
        done = {what: self._let_go(what, before) for what, before in self._limits()}
        if any(done.values()):
            log.info("retention.ended", **done)
        return done

    def _let_go(self, what: str, before: datetime) -> int:
        total = 0
        for _ in range(MOST_BATCHES):
            gone = self._batch(what, before)
            total += gone
            if gone < BATCH:
                break
        return total

    def _batch(self, what: str, before: datetime) -> int:
        with self._unit_of_work() as work:
            gone = work.retention.let_go(what, before, BATCH)
            work.commit()
        return gone

    def _limits(self) -> list[tuple[str, datetime]]:
        now = self._clock.now()
        return [(what, now - age) for what, age in sorted(self._rules.ages().items())]


def rules_of(settings: RetentionSettings) -> RetentionRules:
    return RetentionRules(
        responses=timedelta(hours=settings.keep_responses_hours),
        outbox=timedelta(days=settings.keep_outbox_days),
        payloads=timedelta(days=settings.keep_payloads_days),
    )
