"""The whole grid: every status under every trigger, written down here a second time."""

import pytest

from shared.domain.errors import IllegalTransition
from shared.domain.transaction_status import (
    BASIC_STATUS,
    INITIAL,
    NOT_TAKEN,
    REFUNDABLE,
    TRANSITIONS,
    UNFINISHED,
    TransactionStatus,
    TransactionTrigger,
    next_status,
)

T = TransactionTrigger

# One line a status, one column a trigger, in this order; "." is refused.
TRIGGERS = [
    T.SUBMIT, T.REQUEUE, T.ACCEPT, T.REQUIRE_ACTION, T.AUTHORIZE, T.SUCCEED, T.DECLINE, T.CANCEL, T.EXPIRE, T.DOUBT,
    T.REFUND_SOME, T.REFUND_ALL, T.REFUND_RETURNED_SOME, T.REFUND_RETURNED_ALL, T.CAPTURE_SOME,
]  # fmt: skip
GRID = """
pending             processing  .        .           .                .           completed  failed  cancelled  expired  .         .                   .         .                   .          .
processing          .           pending  .           requires_action  authorized  completed  failed  cancelled  expired  in_doubt  .                   .         .                   .          .
requires_action     .           .        processing  .                authorized  completed  failed  cancelled  expired  .         .                   .         .                   .          .
authorized          .           .        .           .                .           completed  .       cancelled  expired  .         .                   .         .                   .          authorized
in_doubt            .           pending  processing  requires_action  authorized  completed  failed  cancelled  expired  .         .                   .         .                   .          .
completed           .           .        .           .                .           .          .       .          .        .         partially_refunded  refunded  .                   .          completed
partially_refunded  .           .        .           .                .           .          .       .          .        .         partially_refunded  refunded  partially_refunded  completed  partially_refunded
refunded            .           .        .           .                .           .          .       .          .        .         .                   .         partially_refunded  completed  partially_refunded
failed              .           .        .           .                .           completed  .       .          .        .         .                   .         .                   .          .
cancelled           .           .        .           .                .           completed  .       .          .        .         .                   .         .                   .          .
expired             .           .        .           .                .           completed  .       .          .        .         .                   .         .                   .          .
"""  # noqa: E501 - a table

EVENTS = {
    T.SUBMIT: "payment.processing",
    T.REQUEUE: "payment.retry_scheduled",
    T.ACCEPT: "payment.processing",
    T.REQUIRE_ACTION: "payment.requires_action",
    T.AUTHORIZE: "payment.authorized",
    T.SUCCEED: "payment.completed",
    T.DECLINE: "payment.failed",
    T.CANCEL: "payment.cancelled",
    T.EXPIRE: "payment.expired",
    T.DOUBT: "payment.in_doubt",
    T.REFUND_SOME: "payment.partially_refunded",
    T.REFUND_ALL: "payment.refunded",
    T.REFUND_RETURNED_SOME: "payment.refund_returned",
    T.REFUND_RETURNED_ALL: "payment.refund_returned",
    T.CAPTURE_SOME: "payment.partially_captured",
}


def _cells() -> list[tuple[str, TransactionTrigger, str]]:
    lines = [line.split() for line in GRID.strip().splitlines()]
    return [(line[0], trigger, cell) for line in lines for trigger, cell in zip(TRIGGERS, line[1:], strict=True)]


def test_the_grid_has_every_status_and_every_trigger() -> None:
    assert {(status, trigger) for status, trigger, _ in _cells()} == {
        (status.value, trigger) for status in TransactionStatus for trigger in TransactionTrigger
    }


@pytest.mark.parametrize(("status", "trigger", "expected"), _cells())
def test_a_trigger_leads_where_the_grid_says(status: str, trigger: TransactionTrigger, expected: str) -> None:
    if expected == ".":
        with pytest.raises(IllegalTransition) as refused:
            next_status(TransactionStatus(status), trigger)
        assert (refused.value.from_status, refused.value.trigger) == (status, trigger)
        return

    transition = next_status(TransactionStatus(status), trigger)

    assert (transition.status, transition.event_type) == (expected, EVENTS[trigger])


@pytest.mark.parametrize("status", sorted(set(TransactionStatus) - {*REFUNDABLE, TransactionStatus.REFUNDED}))
def test_the_money_having_come_is_believed_in_every_status(status: TransactionStatus) -> None:
    assert next_status(status, T.SUCCEED).status is TransactionStatus.COMPLETED


@pytest.mark.parametrize("status", ["completed", "partially_refunded", "refunded"])
@pytest.mark.parametrize("trigger", [T.DECLINE, T.CANCEL, T.EXPIRE, T.DOUBT, T.REQUEUE, T.ACCEPT, T.SUBMIT])
def test_success_absorbs(status: str, trigger: TransactionTrigger) -> None:
    with pytest.raises(IllegalTransition):
        next_status(TransactionStatus(status), trigger)


def test_a_payment_in_doubt_is_never_submitted_again() -> None:
    assert (TransactionStatus.IN_DOUBT, T.SUBMIT) not in TRANSITIONS


def test_every_status_can_be_reached() -> None:
    reached = {INITIAL.status}
    for _ in TransactionStatus:
        reached |= {edge.status for (status, _), edge in TRANSITIONS.items() if status in reached}

    assert reached == set(TransactionStatus)


def test_every_trigger_is_on_some_edge() -> None:
    assert {trigger for _, trigger in TRANSITIONS} == set(TransactionTrigger)


def test_every_edge_names_an_event_of_payments() -> None:
    assert all(edge.event_type.startswith("payment.") for edge in [INITIAL, *TRANSITIONS.values()])


def test_out_of_every_unfinished_status_success_or_failure_can_be_reached() -> None:
    for status in UNFINISHED:
        ends = {edge.status for (start, _), edge in TRANSITIONS.items() if start is status}
        assert TransactionStatus.COMPLETED in ends
        assert ends & NOT_TAKEN


def test_a_payment_begins_as_pending() -> None:
    assert (INITIAL.status, INITIAL.event_type) == (TransactionStatus.PENDING, "payment.initiated")


def test_every_status_is_unfinished_taken_or_not_taken() -> None:
    taken = REFUNDABLE | {TransactionStatus.REFUNDED}

    assert UNFINISHED | taken | NOT_TAKEN == set(TransactionStatus)
    assert not UNFINISHED & taken
    assert not UNFINISHED & NOT_TAKEN
    assert not taken & NOT_TAKEN


def test_every_status_has_one_of_the_five_basic_ones() -> None:
    assert set(BASIC_STATUS) == set(TransactionStatus)
    assert set(BASIC_STATUS.values()) == {"pending", "processing", "completed", "failed", "refunded"}


@pytest.mark.parametrize("status", sorted(UNFINISHED))
def test_nothing_unfinished_reads_as_completed_or_failed(status: TransactionStatus) -> None:
    assert BASIC_STATUS[status] in {"pending", "processing"}
