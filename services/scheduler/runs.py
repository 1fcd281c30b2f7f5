"""Runs a task and remembers how it went: one log line a failure, the time of the last success, and a verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from services.scheduler.tasks import Sweep
from shared.runtime.clock import Clock
from shared.runtime.metrics import TASK_LAST_SUCCESS

# A task that has not succeeded for so many of its periods is ill; a short period is counted as a minute's third.
PERIODS = 3
SHORTEST_PATIENCE = timedelta(minutes=1)

log = structlog.get_logger()


class TaskOverdue(Exception):
    """Names the tasks that have not succeeded for too long."""


@dataclass(slots=True)
class Runs:
    """``periods``: seconds between two runs of each task. Until a task has succeeded, the start counts."""

    clock: Clock
    periods: Mapping[str, float]
    last_success: dict[str, datetime] = field(init=False)

    def __post_init__(self) -> None:
        self.last_success = dict.fromkeys(self.periods, self.clock.now())

    def watched(self, name: str, sweep: Sweep) -> Sweep:
        """``sweep``, remembered when it succeeds and logged when it does not; a failure ends with this tick."""

        def run() -> int:
            try:
                dealt_with = sweep()
            except Exception as error:  # the edge of the process: the next tick tries again
                log.exception("task.failed", task=name, error=type(error).__name__)
                return 0
            now = self.clock.now()
            self.last_success[name] = now
            TASK_LAST_SUCCESS.labels(task=name).set(now.timestamp())
            log.log(_level(dealt_with), "task.done", task=name, rows=dealt_with)
            return dealt_with

        return run

    def check(self) -> None:
        """Return if every task has succeeded lately.

        Raises:
            TaskOverdue: naming those that have not.
        """
        now = self.clock.now()
        overdue = [name for name, last in self.last_success.items() if now - last > self._patience(name)]
        if overdue:
            raise TaskOverdue(", ".join(sorted(overdue)))

    def _patience(self, name: str) -> timedelta:
        return max(SHORTEST_PATIENCE, PERIODS * timedelta(seconds=self.periods[name]))


def _level(dealt_with: int) -> int:
    """A run that found nothing is not worth a line every two seconds."""
    return 20 if dealt_with else 10
