"""The refund's whole grid."""

import pytest

from shared.domain.errors import IllegalTransition
from shared.domain.refund_status import (
    INITIAL,
    TRANSITIONS,
    UNFINISHED,
    RefundStatus,
    RefundTrigger,
    next_refund_status,
)

T = RefundTrigger

TRIGGERS = [T.SUBMIT, T.REQUEUE, T.ACCEPT, T.SUCCEED, T.DECLINE, T.DOUBT]
GRID = """
pending     processing  .        .           succeeded  failed  .
processing  .           pending  .           succeeded  failed  in_doubt
in_doubt    .           pending  processing  succeeded  failed  .
succeeded   .           .        .           .          failed  .
failed      .           .        .           .          .       .
"""
EVENTS = {
    T.SUBMIT: "refund.processing",
    T.REQUEUE: "refund.retry_scheduled",
    T.ACCEPT: "refund.processing",
    T.SUCCEED: "refund.completed",
    T.DECLINE: "refund.failed",
    T.DOUBT: "refund.in_doubt",
}


def _cells() -> list[tuple[str, RefundTrigger, str]]:
    lines = [line.split() for line in GRID.strip().splitlines()]
    return [(line[0], trigger, cell) for line in lines for trigger, cell in zip(TRIGGERS, line[1:], strict=True)]


def test_the_grid_has_every_status_and_every_trigger() -> None:
    assert {(status, trigger) for status, trigger, _ in _cells()} == {
        (status.value, trigger) for status in RefundStatus for trigger in RefundTrigger
    }


@pytest.mark.parametrize(("status", "trigger", "expected"), _cells())
def test_a_trigger_leads_where_the_grid_says(status: str, trigger: RefundTrigger, expected: str) -> None:
    if expected == ".":
        with pytest.raises(IllegalTransition):
            next_refund_status(RefundStatus(status), trigger)
        return

    transition = next_refund_status(RefundStatus(status), trigger)

    assert (transition.status, transition.event_type) == (expected, EVENTS[trigger])


def test_every_status_can_be_reached() -> None:
    reached = {INITIAL.status}
    for _ in RefundStatus:
        reached |= {edge.status for (status, _), edge in TRANSITIONS.items() if status in reached}

    assert reached == set(RefundStatus)


def test_every_edge_names_an_event_of_refunds() -> None:
    assert all(edge.event_type.startswith("refund.") for edge in [INITIAL, *TRANSITIONS.values()])


def test_a_refund_that_failed_stays_failed() -> None:
    assert not [edge for (status, _), edge in TRANSITIONS.items() if status is RefundStatus.FAILED]


def test_what_succeeded_or_failed_is_finished() -> None:
    assert set(RefundStatus) - UNFINISHED == {RefundStatus.SUCCEEDED, RefundStatus.FAILED}
