"""Every battery of promises, a few rounds each; `make prove` runs them at length."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.chaos.batteries import (
    broker_away,
    database_killed,
    one_key,
    purged_answers,
    refund_storm,
    same_key,
    timed_out,
)
from tests.chaos.report import Row
from tests.e2e.journey import System

SEED = 20_261_123

BATTERIES: dict[str, tuple[Callable[..., Row], int, dict[str, Any]]] = {
    "one key": (one_key.run, 8, {}),
    "same key": (same_key.run, 2, {}),
    "refund storm": (refund_storm.run, 3, {}),
    "timed out": (timed_out.run, 4, {}),
    "purged answers": (purged_answers.run, 3, {}),
    "database killed": (database_killed.run, 1, {"per_second": 10.0}),
    "broker away": (broker_away.run, 1, {"seconds": 3.0, "per_second": 5.0}),
}


@pytest.mark.parametrize("name", BATTERIES)
def test_a_promise_holds(system: System, name: str) -> None:
    run, rounds, settings = BATTERIES[name]

    row = run(system, rounds=rounds, seed=SEED, **settings)

    assert row.problems == ()
    assert row.passed
    assert row.accepted > 0
    assert row.accepted >= row.captured > 0
