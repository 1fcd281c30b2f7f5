"""What happens by the clock: ticks of idempotent sweeps, of which losing one is harmless."""

from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from pydantic import SecretStr

from services.scheduler.celery_app import add_tasks, build_celery
from services.scheduler.runs import Runs
from services.scheduler.schedules import QUEUE, timetable
from services.scheduler.settings import SchedulerSettings
from services.scheduler.tasks import TASKS, Parts, Task
from shared.application.retention import RetentionRules
from tests.fakes.books import Books
from tests.fakes.clock import FakeClock
from tests.fakes.persistence.audit_seals import AUDIT_KEYS

KEEP = RetentionRules(responses=timedelta(hours=72), outbox=timedelta(days=7), payloads=timedelta(days=90))


def _settings(**changes: Any) -> SchedulerSettings:
    given: dict[str, Any] = {
        "health_port": 1,
        "database_url": "postgresql://nowhere/x",
        "amqp_url": SecretStr("memory://"),
        "audit_key": SecretStr("the-audit-key-of-a-test-of-the-scheduler"),
    }
    return SchedulerSettings(**(given | changes))


def _parts() -> Parts:
    return Parts(
        unit_of_work=Books().unit_of_work,
        clock=FakeClock(),
        settings=_settings(),
        audit_keys=AUDIT_KEYS,
        open_books=list,
        retention=KEEP,
    )


def _runs() -> Runs:
    return Runs(FakeClock(), {})


@pytest.fixture
def app() -> Celery:
    return build_celery(_settings())


def test_everything_on_the_timetable_has_a_task(app: Celery) -> None:
    add_tasks(app, _parts(), _runs())

    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)


def test_a_tick_runs_the_sweep_of_its_own_task(app: Celery) -> None:
    seven = Task("seven", "recovery_seconds", lambda _parts: lambda: 7)
    eight = Task("eight", "recovery_seconds", lambda _parts: lambda: 8)

    add_tasks(app, _parts(), _runs(), [seven, eight])

    assert (app.tasks["scheduler.seven"](), app.tasks["scheduler.eight"]()) == (7, 8)


def test_no_two_tasks_share_a_name() -> None:
    assert len({task.name for task in TASKS}) == len(TASKS)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_period_of_a_task_is_a_setting(task: Task) -> None:
    entry = timetable(_settings(**{task.period_setting: 4321.0}))[task.name]

    assert entry["schedule"] == 4321.0


@pytest.mark.parametrize(("seconds", "expires"), [(0.5, 5.0), (2.0, 5.0), (60.0, 60.0)])
def test_a_tick_that_nobody_took_is_dropped(seconds: float, expires: float) -> None:
    entry = timetable(_settings(recovery_seconds=seconds))["recovery"]

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
