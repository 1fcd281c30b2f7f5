"""The statement: what is asked for, what its entries mean, and answers that the simulator never gives."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import httpx2
import pytest

from shared.domain.money import Money
from shared.domain.outcome import Declined, Pending, Succeeded
from shared.provider_kit.provider import (
    StatementLine,
    StatementUnavailable,
)
from shared.providers.cpay.adapter import CPay
from shared.providers.cpay.tests.test_adapter import PAYMENT, fixture
from shared.providers.cpay.tests.test_adapter_operations import CAPTURE, answering, cpay

SINCE = datetime(2026, 1, 15, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=1)


def statement(provider: CPay) -> list[StatementLine]:
    return list(provider.statement(SINCE, UNTIL))


def test_a_statement_says_of_each_entry_what_it_is_and_what_became_of_it() -> None:
    lines = statement(answering(200, fixture("statement")))

    assert [(line.kind, line.reference[:5], line.amount, type(line.outcome)) for line in lines] == [
        ("payment", "cpay_", Money(100_000, "KES"), Succeeded),
        ("capture", "cpcp_", Money(40_000, "KES"), Succeeded),
        ("refund", "cprf_", Money(40_000, "KES"), Declined),
        ("payout", "cppo_", Money(70_000, "KES"), Pending),
        ("payment", "cpay_", Money(90_000, "KES"), Succeeded),
    ]
    assert [line.our_id for line in lines[:2]] == [str(PAYMENT.transaction_id), str(CAPTURE.capture_id)]
    assert lines[-1].our_id is None
    assert lines[0].occurred_at == datetime(2026, 1, 15, 10, 0, tzinfo=UTC)


def test_the_statement_is_asked_for_by_its_times_and_page_by_page() -> None:
    entries = fixture("statement")["data"]
    assert isinstance(entries, list)
    asked: list[dict[str, list[str]]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(parse_qs(request.url.query.decode()))
        place = len(asked)
        entry = entries[place - 1]
        has_more = place < len(entries)
        page = {"object": "list", "data": [entry], "has_more": has_more, "next": entry["id"] if has_more else None}
        return httpx2.Response(200, json=page)

    lines = statement(cpay(answer))

    assert [line.reference for line in lines] == [entry["id"] for entry in entries]
    assert [page.get("after") for page in asked] == [None, *([entry["id"]] for entry in entries[:-1])]
    assert {(page["since"][0], page["until"][0]) for page in asked} == {(SINCE.isoformat(), UNTIL.isoformat())}


@pytest.mark.parametrize(
    "change",
    [
        {"has_more": True},
        {"has_more": True, "next": "cpay_elsewhere"},
        {"has_more": True, "data": [], "next": "cpay_1"},
        {"has_more": None},
        {"data": [{"object": "loan", "id": "l", "status": "x", "amount": 1, "currency": "KES"}]},
        {"data": [{"object": "payout", "id": "p", "status": "x", "amount": 1, "currency": "KES"}]},
    ],
    ids=repr,
)
def test_a_statement_that_makes_no_sense_is_unavailable(change: dict[str, object]) -> None:
    with pytest.raises(StatementUnavailable):
        statement(answering(200, fixture("statement", **change)))


@pytest.mark.parametrize(
    "change", [{"currency": "XXQ"}, {"created_at": "yesterday"}, {"created_at": "2026-01-15T10:00:00"}], ids=repr
)
def test_an_entry_in_no_currency_or_of_no_time_makes_the_statement_unavailable(change: dict[str, object]) -> None:
    page = fixture("statement", data=[fixture("payout_pending", **change)])

    with pytest.raises(StatementUnavailable):
        statement(answering(200, page))


def test_a_statement_whose_second_page_fails_is_unavailable_after_the_first() -> None:
    entries = fixture("statement")["data"]
    assert isinstance(entries, list)
    first = fixture("statement", has_more=True, next=entries[-1]["id"])

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(500) if b"after=" in request.url.query else httpx2.Response(200, json=first)

    lines = iter(cpay(answer).statement(SINCE, UNTIL))

    assert len([next(lines) for _ in range(5)]) == 5
    with pytest.raises(StatementUnavailable):
        next(lines)
