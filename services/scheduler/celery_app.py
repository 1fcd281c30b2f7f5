"""The Celery application: tasks are ticks of idempotent sweeps, and losing one is harmless."""

from collections.abc import Callable, Mapping
from typing import Any

from celery import Celery

from services.scheduler.schedules import QUEUE, timetable


def build_celery(amqp_url: str, *, periods: Mapping[str, float], beat_file: str) -> Celery:
    """A classic durable queue: a quorum one would bring 28 queues for a native delay that nothing here uses."""
    app = Celery("scheduler", broker=amqp_url, set_as_current=False)
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
        beat_schedule=timetable(periods),
        beat_schedule_filename=beat_file,
        beat_max_loop_interval=5,
    )
    return app


def add_tasks(app: Celery, tasks: Mapping[str, Callable[[], int]]) -> None:
    """Give the worker what the timetable names."""
    for name, task in tasks.items():
        app.task(_runnable(task), name=name)


def _runnable(task: Callable[[], int]) -> Callable[[], Any]:
    # Celery takes functions only.
    def run() -> Any:
        return task()

    return run
