"""The timetable: which task runs how often."""

from collections.abc import Mapping

RECOVERY = "scheduler.recovery"
AUDIT_SEALING = "scheduler.audit_sealing"
QUEUE = "gw.q.scheduler"


def timetable(periods: Mapping[str, float]) -> dict[str, dict[str, object]]:
    """Celery's beat schedule, from each task's period in seconds.

    A tick that nobody took by the next one is dropped: the next one does its work.
    """
    return {
        task.removeprefix("scheduler."): {
            "task": task,
            "schedule": seconds,
            "options": {"expires": max(seconds, 5.0)},
        }
        for task, seconds in periods.items()
    }
