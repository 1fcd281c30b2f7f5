"""It shows when a task does not succeed."""

from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from services.scheduler.runs import Runs, TaskOverdue
from tests.fakes.clock import NOON, FakeClock


def _fail() -> int:
    raise RuntimeError("no")


def test_a_success_is_remembered_with_its_time() -> None:
    clock = FakeClock()
    runs = Runs(clock, {"a": 60})
    clock.advance(5)

    assert runs.watched("a", lambda: 3)() == 3

    assert runs.last_success["a"] == NOON + timedelta(seconds=5)
    sample = REGISTRY.get_sample_value("gateway_task_last_success_timestamp_seconds", {"task": "a"})
    assert sample == (NOON + timedelta(seconds=5)).timestamp()


def test_a_failure_is_one_log_line_and_no_success() -> None:
    clock = FakeClock()
    runs = Runs(clock, {"a": 60})
    clock.advance(5)

    with capture_logs() as logs:
        runs.watched("a", _fail)()

    assert [(each["event"], each["task"], each["error"]) for each in logs] == [("task.failed", "a", "RuntimeError")]
    assert runs.last_success["a"] == NOON


@pytest.mark.parametrize(
    ("period", "silence", "overdue"), [(60, 180, False), (60, 181, True), (2, 60, False), (2, 61, True)]
)
def test_a_task_without_success_for_three_periods_degrades_the_worker(
    period: float, silence: float, overdue: bool
) -> None:
    clock = FakeClock()
    runs = Runs(clock, {"quick": 3600, "slow": period})
    clock.advance(silence)

    if not overdue:
        runs.check()
        return
    with pytest.raises(TaskOverdue, match="slow"):
        runs.check()


def test_a_success_makes_it_well_again() -> None:
    clock = FakeClock()
    runs = Runs(clock, {"a": 60})
    clock.advance(999)

    runs.watched("a", lambda: 0)()

    runs.check()
