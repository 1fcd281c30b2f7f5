"""The statement: both lists to their end, once each, in the order of time, or none of it."""

from datetime import timedelta

import httpx2
import pytest

from shared.domain.outcome import Declined, Pending, Succeeded
from shared.provider_kit.provider import StatementLine, StatementUnavailable
from shared.providers.paystack.adapter import Paystack
from shared.providers.paystack.tests.played import (
    NOON,
    PAYMENT,
    REFUND,
    Played,
    fixture,
    paystack,
    playing,
    refund_of,
)

SINCE, UNTIL = NOON - timedelta(hours=3), NOON + timedelta(hours=3)


def lines(adapter: Paystack) -> list[StatementLine]:
    return list(adapter.statement(SINCE, UNTIL))


def listing(*pages: list[dict[str, object]], refunds: tuple[dict[str, object], ...] = ()) -> Paystack:
    """A Paystack with these pages of transactions, and one of refunds."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        number = int(request.url.params["page"])
        is_refunds = request.url.path == "/refund"
        data = list(refunds) if is_refunds else pages[number - 1]
        meta = {"page": number, "pageCount": 1 if is_refunds else len(pages)}
        return httpx2.Response(200, json={"status": True, "data": data, "meta": meta})

    return paystack(answer)


def transaction(**changes: object) -> dict[str, object]:
    return {**fixture("transaction"), **changes}


def test_every_page_is_read_and_the_oldest_comes_first() -> None:
    adapter = listing(
        [
            transaction(id=3, created_at="2026-01-15T12:00:00.000Z"),
            transaction(id=2, created_at="2026-01-15T11:00:00Z"),
        ],
        [transaction(id=1, created_at="2026-01-15T10:00:00.000Z")],
        refunds=({**fixture("refund"), "createdAt": "2026-01-15T11:30:00.000Z"},),
    )

    found = lines(adapter)

    assert [(line.kind, line.occurred_at.strftime("%H:%M")) for line in found] == [
        *(("payment", "10:00"), ("payment", "11:00"), ("refund", "11:30"), ("payment", "12:00")),
    ]
    assert {line.our_id for line in found} == {str(PAYMENT.transaction_id), str(REFUND.refund_id)}


def test_an_entry_that_a_newer_one_pushed_to_the_next_page_counts_once() -> None:
    adapter = listing([transaction(id=2), transaction(id=1)], [transaction(id=1)])

    assert len(lines(adapter)) == 2


def test_what_lies_outside_the_time_is_left_out_whatever_they_list() -> None:
    inside, at_the_end = (transaction(id=at, created_at=moment.isoformat()) for at, moment in enumerate((SINCE, UNTIL)))
    before = transaction(id=7, created_at=(SINCE - timedelta(milliseconds=1)).isoformat())

    assert [line.occurred_at for line in lines(listing([at_the_end, inside, before]))] == [SINCE]


def test_what_others_made_has_no_id_of_ours() -> None:
    adapter = listing(
        [transaction(reference="order-17")], refunds=({**fixture("refund"), "merchant_note": "by shop@example.com"},)
    )

    assert [line.our_id for line in lines(adapter)] == [None, None]


def test_a_payment_that_was_given_back_whole_was_taken_and_its_refund_says_the_rest(played: Played) -> None:
    adapter, request = played.adapter(), played.paid()
    adapter.refund_payment(refund_of(request, 100_000))
    played.pass_time(seconds=1)

    assert played.told("GET", f"/transaction/verify/{request.transaction_id}")["data"]["status"] == "reversed"
    assert [(line.kind, type(line.outcome)) for line in lines(adapter)] == [
        ("payment", Succeeded),
        ("refund", Succeeded),
    ]


def test_what_failed_and_what_waits_are_told_as_that(played: Played) -> None:
    adapter = played.adapter()
    adapter.initialize_payment(playing("insufficient_funds"))
    played.pass_time(seconds=1)
    adapter.initialize_payment(playing("never_resolves"))

    assert [type(line.outcome) for line in lines(adapter)] == [Declined, Pending]


def test_more_than_a_page_is_read_to_its_end(played: Played) -> None:
    adapter = played.adapter()
    for _ in range(101):
        adapter.initialize_payment(playing("never_resolves"))

    assert len(lines(adapter)) == 101
    assert played.asked.count("GET /paystack/transaction") == 2


@pytest.mark.parametrize(
    "change", [{"created_at": None}, {"created_at": "yesterday"}, {"created_at": "2026-01-15T10:00:00"},
               {"currency": "XXX"}, {"amount": "a lot"}, {"amount": -1}],
    ids=repr,
)  # fmt: skip
def test_a_statement_with_an_entry_that_makes_no_sense_is_none(change: dict[str, object]) -> None:
    with pytest.raises(StatementUnavailable):
        lines(listing([transaction(**change)]))


@pytest.mark.parametrize("meta", [None, {}, {"page": 1}, {"page": 2, "pageCount": 2}, {"page": 1, "pageCount": None}])
def test_a_list_that_does_not_say_where_it_ends_is_none(meta: object) -> None:
    adapter = paystack(lambda _request: httpx2.Response(200, json={"status": True, "data": [], "meta": meta}))

    with pytest.raises(StatementUnavailable):
        lines(adapter)


def test_a_list_without_end_is_none() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        number = int(request.url.params["page"])
        return httpx2.Response(
            200, json={"status": True, "data": [], "meta": {"page": number, "pageCount": number + 1}}
        )

    with pytest.raises(StatementUnavailable, match="end"):
        lines(paystack(answer))
