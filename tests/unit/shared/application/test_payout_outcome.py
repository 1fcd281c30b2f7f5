"""What an outcome does to a payout: its whole grid, and nothing beside it."""

from datetime import timedelta

import pytest

from shared.domain.attempt import Operation
from shared.domain.failure import FailureCode
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import Authorized, Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.runtime.metrics import REFUSED_REPORTS
from tests.fakes.books import Books
from tests.fakes.clock import NOON
from tests.fakes.makers import a_context, a_payout

M = MovementStatus
OUTCOMES: dict[str, Outcome] = {
    "succeeded": Succeeded(reference="PO1", answer={"id": "PO1"}),
    "authorized": Authorized(reference="PO1"),
    "pending": Pending(reference="PO1"),
    "declined": Declined(code=FailureCode.DECLINED, provider_code="51"),
    "in_doubt": InDoubt(reason="x"),
}
# What a callback or an answer makes of a payout: its status after, and the event; . is nothing.
GRID = """
            succeeded            authorized             pending                declined          in_doubt
pending     succeeded/completed  .                      .                      failed/failed     .
processing  succeeded/completed  .                      .                      failed/failed     in_doubt/in_doubt
in_doubt    succeeded/completed  processing/processing  processing/processing  failed/failed     .
succeeded   .                    .                      .                      failed/returned   .
failed      .                    .                      .                      .                 .
"""


def _cells() -> list[tuple[M, str, str, str | None]]:
    head, *lines = [line.split() for line in GRID.strip().splitlines()]
    cells = []
    for status, *row in lines:
        for name, cell in zip(head, row, strict=True):
            after, _, event = cell.partition("/")
            cells.append((M(status), name, status if cell == "." else after, f"payout.{event}" if event else None))
    return cells


@pytest.mark.parametrize(("status", "name", "after", "event"), _cells())
def test_an_outcome_leads_where_the_grid_says(status: M, name: str, after: str, event: str | None) -> None:
    books, payout = Books(), a_payout(status=status, version=3)
    books.put_payout(payout)

    books.apply(payout, OUTCOMES[name], context=a_context())

    moved = books.payout(payout)
    assert moved.status.value == after
    assert books.event_types(payout) == ([event] if event else [])
    assert moved.version == (4 if event else 3)


def test_a_repeated_outcome_changes_nothing() -> None:
    books, payout = Books(), a_payout(status=M.PROCESSING)
    books.put_payout(payout)
    done = OUTCOMES["succeeded"]

    books.apply(payout, done, done, done, context=a_context())

    assert books.event_types(payout) == ["payout.completed"]
    assert len(books.announced_payouts) == 1


def test_an_event_is_announced_with_its_place_and_its_payout() -> None:
    books, payout = Books(), a_payout(status=M.PROCESSING, version=5)
    books.put_payout(payout)

    books.apply(payout, OUTCOMES["succeeded"], context=a_context())

    (told,) = books.announced_payouts
    (event,) = books.events(payout)
    assert (told.event_id, told.event_type, told.payout_id, told.sequence) == (
        event.id,
        "payout.completed",
        payout.id,
        6,
    )
    assert (event.transaction_id, event.payout_id, event.user_id) == (None, payout.id, payout.user_id)
    keys = [row.message.routing_key for row in books.database.committed.outbox.values()]
    assert keys == ["payout.completed"]


def test_a_payout_that_comes_back_days_later_has_failed_and_may_be_sent_anew() -> None:
    books, payout = Books(), a_payout(status=M.SUCCEEDED, provider_payout_id="PO1")
    books.put_payout(payout)

    books.apply(payout, OUTCOMES["declined"], context=a_context())

    after = books.payout(payout)
    assert after.failure is not None
    assert (after.status, after.failure.code, after.is_safe_to_retry) == (M.FAILED, FailureCode.DECLINED, True)
    assert books.events(payout)[0].data["safe_to_retry"] is True


def test_a_success_after_a_failure_is_written_down_and_believed_by_nobody() -> None:
    books, payout = Books(), a_payout(status=M.FAILED)
    books.put_payout(payout)
    refused = REFUSED_REPORTS.labels(provider="cpay", reason="late_payout")
    before = refused._value.get()

    books.apply(payout, OUTCOMES["succeeded"], context=a_context())

    assert books.payout(payout).status is M.FAILED
    (entry,) = books.audit(payout)
    assert (entry.event_type, entry.transaction_id, entry.merchant_id) == (
        "outcome.refused",
        None,
        payout.merchant_id,
    )
    assert entry.event_data["payout_id"] == str(payout.id)
    assert refused._value.get() == before + 1


@pytest.mark.parametrize("status", [M.PROCESSING, M.IN_DOUBT])
def test_a_check_that_finds_nothing_sends_again_only_what_is_in_doubt(status: M) -> None:
    books, payout = Books(), a_payout(status=status)
    books.put_payout(payout)

    books.apply(payout, NotSent(reason="not_found"), context=a_context(Operation.VERIFY_PAYOUT))

    assert [command.type for command in books.commands] == (["payout.initialize.v1"] if status is M.IN_DOUBT else [])


def test_what_surely_was_not_sent_is_tried_again_until_its_life_is_over() -> None:
    books, payout = Books(), a_payout(status=M.PROCESSING, expires_at=NOON + timedelta(seconds=30))
    books.put_payout(payout)

    books.apply(payout, NotSent(reason="ConnectError"), context=a_context(Operation.INITIALIZE_PAYOUT))

    after = books.payout(payout)
    assert after.failure is not None
    assert (after.status, after.failure.code) == (M.FAILED, FailureCode.PROVIDER_UNAVAILABLE)
