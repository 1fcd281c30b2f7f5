"""What happens by the clock: ticks of idempotent sweeps, of which losing one is harmless."""

import pytest
from celery import Celery

from services.scheduler.celery_app import add_tasks, build_celery
from services.scheduler.schedules import AUDIT_SEALING, QUEUE, RECOVERY, timetable


@pytest.fixture
def app() -> Celery:
    return build_celery("memory://", periods={RECOVERY: 2.0, AUDIT_SEALING: 10.0}, beat_file="unused")


def test_everything_on_the_timetable_has_a_task(app: Celery) -> None:
    add_tasks(app, {RECOVERY: lambda: 7, AUDIT_SEALING: lambda: 8})

    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)
    assert (app.tasks[RECOVERY](), app.tasks[AUDIT_SEALING]()) == (7, 8)


@pytest.mark.parametrize(("seconds", "expires"), [(0.5, 5.0), (2.0, 5.0), (60.0, 60.0)])
def test_a_tick_that_nobody_took_is_dropped(seconds: float, expires: float) -> None:
    entry = timetable({RECOVERY: seconds})["recovery"]

    assert entry["schedule"] == seconds
    assert entry["options"] == {"expires": expires}


def test_a_task_is_acknowledged_when_it_is_done_and_comes_again_if_its_worker_dies(app: Celery) -> None:
    assert app.conf.task_acks_late is True
    assert app.conf.task_reject_on_worker_lost is True


def test_tasks_keep_no_results_and_take_only_json(app: Celery) -> None:
    assert app.conf.task_ignore_result is True
    assert app.conf.accept_content == ["json"]


def test_there_is_one_durable_queue_and_everything_goes_there(app: Celery) -> None:
    (queue,) = app.amqp.queues.values()

    assert (queue.name, queue.durable, app.conf.task_default_queue) == (QUEUE, True, QUEUE)
    assert queue.queue_arguments is None
