"""The timetable: which task runs how often."""

from collections.abc import Iterable

from services.scheduler.settings import SchedulerSettings
from services.scheduler.tasks import TASKS, Task

QUEUE = "gw.q.scheduler"

# A worker that is being replaced is back within this time; a tick that waits for longer has been followed by others.
SHORTEST_LIFE_SECONDS = 5.0


def timetable(settings: SchedulerSettings, tasks: Iterable[Task] = TASKS) -> dict[str, dict[str, object]]:
    """Celery's beat schedule. A tick that nobody took by the next one is dropped: the next one does its work."""
    return {task.name: _entry(task, task.period_seconds(settings)) for task in tasks}


def _entry(task: Task, seconds: float) -> dict[str, object]:
    expires = max(seconds, SHORTEST_LIFE_SECONDS)
    return {"task": task.full_name, "schedule": seconds, "options": {"expires": expires}}
