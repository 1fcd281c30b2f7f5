"""The Celery application: tasks are ticks of idempotent sweeps, and losing one is harmless."""

from collections.abc import Callable, Iterable
from typing import Any

from celery import Celery

from services.scheduler.runs import Runs
from services.scheduler.schedules import QUEUE, timetable
from services.scheduler.settings import SchedulerSettings
from services.scheduler.tasks import TASKS, Parts, Sweep, Task


def build_celery(settings: SchedulerSettings) -> Celery:
    """A classic durable queue: a quorum one would bring 28 queues for a native delay that nothing here uses."""
    app = Celery("scheduler", broker=settings.amqp_url.get_secret_value(), set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
        task_default_exchange_type="direct",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_heartbeat=10,
        broker_transport_options={"confirm_publish": True, "max_retries": 2, "interval_start": 0.1},
        timezone="UTC",
        beat_schedule=timetable(settings),
        beat_schedule_filename=str(settings.beat_file),
        # On disk after each tick: a beat that is killed goes on where it stood.
        beat_sync_every=1,
        beat_max_loop_interval=5,
    )
    return app


def add_tasks(app: Celery, parts: Parts, runs: Runs, tasks: Iterable[Task] = TASKS) -> None:
    """Give the worker what the timetable names."""
    for task in tasks:
        app.task(_runner(runs.watched(task.name, task.build(parts))), name=task.full_name)


def _runner(sweep: Sweep) -> Callable[[], Any]:
    # A function of its own for each: Celery keeps its facts on it.
    def run() -> int:
        return sweep()

    return run
