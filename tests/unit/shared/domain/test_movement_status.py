"""The grid that all movements have, walked for each noun that has a table."""

import pytest

from shared.domain import capture_status, payout_status, refund_status
from shared.domain.errors import IllegalTransition
from shared.domain.movement_status import (
    UNFINISHED,
    MovementStatus,
    MovementTransition,
    MovementTrigger,
    Transitions,
    next_movement_status,
)

T = MovementTrigger

TRIGGERS = [T.SUBMIT, T.REQUEUE, T.ACCEPT, T.SUCCEED, T.DECLINE, T.DOUBT]
GRID = """
pending     processing  .        .           succeeded  failed  .
processing  .           pending  .           succeeded  failed  in_doubt
in_doubt    .           pending  processing  succeeded  failed  .
succeeded   .           .        .           .          .       .
failed      .           .        .           .          .       .
"""
EVENTS = {
    T.SUBMIT: "processing",
    T.REQUEUE: "retry_scheduled",
    T.ACCEPT: "processing",
    T.SUCCEED: "completed",
    T.DECLINE: "failed",
    T.DOUBT: "in_doubt",
}
TABLES: dict[str, Transitions] = {
    "capture": capture_status.TRANSITIONS,
    "payout": payout_status.TRANSITIONS,
    "refund": refund_status.TRANSITIONS,
}
# What a noun's table has besides the grid.
OWN_EDGES = {
    "payout": {("succeeded", T.DECLINE): "failed"},
    "refund": {("succeeded", T.DECLINE): "failed"},
}
OWN_EVENTS = {("payout", "succeeded"): "payout.returned"}


def _cells() -> list[tuple[str, str, MovementTrigger, str]]:
    lines = [line.split() for line in GRID.strip().splitlines()]
    cells = [(line[0], trigger, cell) for line in lines for trigger, cell in zip(TRIGGERS, line[1:], strict=True)]
    return [
        (noun, status, trigger, OWN_EDGES.get(noun, {}).get((status, trigger), cell))
        for noun in TABLES
        for status, trigger, cell in cells
    ]


def test_the_grid_has_every_status_and_every_trigger() -> None:
    assert {(status, trigger) for _, status, trigger, _ in _cells()} == {
        (status.value, trigger) for status in MovementStatus for trigger in MovementTrigger
    }


@pytest.mark.parametrize(("noun", "status", "trigger", "expected"), _cells())
def test_a_trigger_leads_where_the_grid_says(noun: str, status: str, trigger: MovementTrigger, expected: str) -> None:
    if expected == ".":
        with pytest.raises(IllegalTransition):
            next_movement_status(TABLES[noun], MovementStatus(status), trigger)
        return

    transition = next_movement_status(TABLES[noun], MovementStatus(status), trigger)

    event_type = OWN_EVENTS.get((noun, status), f"{noun}.{EVENTS[trigger]}")
    assert (transition.status, transition.event_type) == (expected, event_type)


@pytest.mark.parametrize(("noun", "initial"), [("capture", capture_status.INITIAL), ("payout", payout_status.INITIAL)])
def test_a_movement_begins_as_pending(noun: str, initial: MovementTransition) -> None:
    assert (initial.status, initial.event_type) == (MovementStatus.PENDING, f"{noun}.initiated")


def test_a_payout_that_failed_stays_failed() -> None:
    assert not [edge for (status, _), edge in payout_status.TRANSITIONS.items() if status is MovementStatus.FAILED]


def test_a_capture_that_succeeded_never_leaves_that() -> None:
    assert not [edge for status, edge in capture_status.TRANSITIONS if status is MovementStatus.SUCCEEDED]


def test_what_succeeded_or_failed_is_finished() -> None:
    assert set(MovementStatus) - UNFINISHED == {MovementStatus.SUCCEEDED, MovementStatus.FAILED}
