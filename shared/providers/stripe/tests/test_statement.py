"""The statement: everything that began in a window, oldest first, whole or not at all."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.money import Money
from shared.domain.outcome import Authorized, Declined, Pending, Succeeded
from shared.provider_kit.provider import StatementUnavailable
from shared.providers.stripe.tests.played import (
    PAYMENT_ID,
    REFUND_ID,
    Handler,
    Json,
    error,
    intent,
    listed,
    playing,
    refund,
    says,
)

SINCE = datetime(2026, 11, 23, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=1)
NOTHING = says(listed())


def at(hours: float) -> int:
    return int((SINCE + timedelta(hours=hours)).timestamp())


def foreign(status: str, hours: float) -> Json:
    return intent(status, id=f"pi_{status}", metadata={}, created=at(hours))


def test_payments_captures_and_refunds_are_told_in_the_order_of_their_time() -> None:
    # A UUIDv7 whose time is 2026-11-23 02:00.
    capture_id = f"{at(2) * 1000:012x}70008000000000000003"
    metadata = {"gateway_payment_id": str(PAYMENT_ID), f"capture_{capture_id}": "4000"}
    adapter, stripe = playing(
        says(listed(intent(id="pi_late", created=at(5)), has_more=True)),
        says(listed(intent(created=at(-30), amount_received=4_000, metadata=metadata))),
        says(listed(refund(created=at(3)), refund("failed", id="re_2", metadata={}, created=at(1)))),
    )

    lines = list(adapter.statement(SINCE, UNTIL))

    assert [(line.kind, line.reference) for line in lines] == [
        ("refund", "re_2"),
        ("capture", "ch_1"),
        ("refund", "re_1"),
        ("payment", "pi_late"),
    ]
    assert [type(line.outcome) for line in lines] == [Declined, Succeeded, Succeeded, Succeeded]
    assert [line.our_id for line in lines][2:] == [str(REFUND_ID), str(PAYMENT_ID)]
    assert lines[0].our_id is None
    assert lines[1].our_id is not None
    assert lines[1].our_id.replace("-", "") == capture_id
    assert (lines[1].amount, lines[1].occurred_at) == (Money(4_000, "KES"), SINCE + timedelta(hours=2))
    assert [asked.path for asked in stripe.asked] == ["/v1/payment_intents"] * 2 + ["/v1/refunds"]
    assert [asked.fields["created[gte]"] for asked in stripe.asked] == [str(at(-8 * 24))] * 2 + [str(at(0))]


def test_the_window_begins_with_its_first_moment_and_ends_before_its_last() -> None:
    intents = [intent(id=f"pi_{hours}", created=at(hours)) for hours in (24, 23.9, 0, -0.1)]
    adapter, _ = playing(says(listed(*intents)), NOTHING)

    assert [line.reference for line in adapter.statement(SINCE, UNTIL)] == ["pi_0", "pi_23.9"]


def test_what_is_not_ours_is_told_only_where_money_moved() -> None:
    intents = [foreign(status, 1) for status in ("succeeded", "requires_capture", "canceled", "requires_action")]
    adapter, _ = playing(says(listed(*intents)), NOTHING)

    lines = list(adapter.statement(SINCE, UNTIL))

    assert [type(line.outcome) for line in lines] == [Succeeded, Authorized]
    assert [line.our_id for line in lines] == [None, None]


def test_what_came_to_nothing_is_told_where_it_is_ours() -> None:
    adapter, _ = playing(says(listed(intent("canceled", created=at(1)), intent("processing", created=at(2)))), NOTHING)

    assert [type(line.outcome) for line in adapter.statement(SINCE, UNTIL)] == [Declined, Pending]


@pytest.mark.parametrize(
    "answers",
    [
        [says(error(), 500)],
        [says(listed(intent(created=at(1)), has_more=True)), says(error(), 500)],
        [says(listed(intent(created=at(1)))), says(error(), 500)],
        [says(listed(has_more=True))],
        [says(listed(intent(created=None)))],
        [says(listed(intent(created=at(1), currency="xyz")))],
        [says(listed(intent(created=at(1), currency="ugx", amount=550)))],
        [says(b"<html>")],
    ],
)
def test_a_statement_is_whole_or_it_is_not_given(answers: list[Handler]) -> None:
    adapter, _ = playing(*answers)

    with pytest.raises(StatementUnavailable):
        list(adapter.statement(SINCE, UNTIL))
