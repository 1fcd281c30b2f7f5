"""Payouts, what customers pay at tills, and the statement of it all."""

import pytest

from shared.provider_kit.simulator import SimulatedResponse
from shared.providers.cpay.tests.played import Played, read

TILL = {"till": "832909", "account": "INV-7", "amount": 90_000, "currency": "KES", "phone": "+254700000000"}
WHOLE_DAY = "since=2026-01-15T00:00:00Z&until=2026-01-16T00:00:00Z"


def pay_out(played: Played, amount: int = 70_000, reference: str = "p1", **more: object) -> SimulatedResponse:
    body = {"amount": amount, "currency": "KES", "merchant_reference": reference, "reason": "winnings"}
    return played.ask("POST", "/v1/payouts", {**body, "recipient": {"phone": "+254700000000"}, **more}, key=reference)


def statement(played: Played, more: str = "") -> dict[str, object]:
    return dict(read(played.ask("GET", f"/v1/statement?{WHOLE_DAY}{more}")).model_extra or {})


def ids_in(page: dict[str, object]) -> list[str]:
    entries = page["data"]
    assert isinstance(entries, list)
    return [entry["id"] for entry in entries]


@pytest.mark.parametrize(
    ("amount", "statuses"),
    [
        (70_000, ["pending", "succeeded", "succeeded"]),
        (1, ["pending", "failed", "failed"]),
        (10, ["pending", "pending", "pending"]),
        (14, ["pending", "succeeded", "succeeded"]),
        (31, ["pending", "failed", "failed"]),
        (32, ["pending", "succeeded", "failed"]),
    ],
)
def test_what_becomes_of_a_payout(played: Played, amount: int, statuses: list[str]) -> None:
    payout = read(pay_out(played, amount))

    seen = [payout.status]
    for _ in range(2):
        played.pass_time(seconds=1)
        seen.append(read(played.ask("GET", f"/v1/payouts/{payout.id}")).status)

    assert seen == statuses


def test_a_payout_is_told_and_found_by_its_reference(played: Played) -> None:
    payout_id = read(pay_out(played)).id

    played.pass_time(seconds=1)

    assert played.merchant.types() == ["payout.pending", "payout.succeeded"]
    assert ids_in(dict(read(played.ask("GET", "/v1/payouts?merchant_reference=p1")).model_extra or {})) == [payout_id]
    assert read(played.ask("GET", "/v1/payouts?merchant_reference=p2")).listed() == []


def test_a_payout_can_be_declined_at_once(played: Played) -> None:
    refused = pay_out(played, 2)

    assert (refused.status, read(refused).code()) == (402, "declined")
    assert read(played.ask("GET", "/_admin/truth")).member("counts") == {"payout": {"failed": 1}}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"recipient": {}}, 400),
        ({"amount": 0}, 400),
        ({"amount": 10**12}, 422),
        ({"currency": "ISK"}, 422),
        ({"merchant_reference": ""}, 400),
        ({"unknown": 1}, 400),
    ],
    ids=repr,
)
def test_a_payout_that_is_not_understood_is_refused(played: Played, change: dict[str, object], status: int) -> None:
    assert pay_out(played, **change).status == status  # type: ignore[arg-type]  # fields of the request


def test_a_payouts_reference_is_used_once(played: Played) -> None:
    pay_out(played)
    body = {"amount": 5, "currency": "KES", "merchant_reference": "p1", "recipient": {"phone": "+254700000000"}}

    assert read(played.ask("POST", "/v1/payouts", body, key="other")).code() == "duplicate_reference"


def test_what_is_paid_at_a_till_has_succeeded_and_is_told_without_a_reference_of_ours(played: Played) -> None:
    paid = read(played.ask("POST", "/_admin/till_payments", TILL))

    played.settle()

    assert paid.status == "succeeded"
    assert (paid.model_extra or {})["merchant_reference"] is None
    assert read(played.ask("GET", f"/v1/payments/{paid.id}")).status == "succeeded"
    assert played.merchant.types() == ["payment.received"]
    assert read(played.ask("POST", f"/v1/payments/{paid.id}/refunds", {}, key="r")).amount == 90_000


def test_a_till_payment_that_is_not_understood_is_refused(played: Played) -> None:
    assert played.ask("POST", "/_admin/till_payments", {**TILL, "currency": "ISK"}).status == 422
    assert played.ask("POST", "/_admin/till_payments", {**TILL, "till": ""}).status == 400
    assert played.ask("POST", "/_admin/till_payments", TILL, near=False).status == 404


def test_the_statement_holds_everything_oldest_first_page_by_page(played: Played) -> None:
    ids = [played.paid()]
    ids.append(read(played.ask("POST", f"/v1/payments/{ids[0]}/refunds", {}, key="r")).id)
    played.pass_time(seconds=1)
    ids.append(read(pay_out(played)).id)
    played.pass_time(seconds=1)
    ids.append(read(played.ask("POST", "/_admin/till_payments", TILL)).id)

    first = statement(played, "&limit=3")
    second = statement(played, f"&limit=3&after={first['next']}")

    assert (ids_in(first), first["has_more"]) == (ids[:3], True)
    assert (ids_in(second), second["has_more"], second["next"]) == (ids[3:], False, None)
    assert ids_in(statement(played)) == ids


def test_the_statement_holds_what_was_started_from_since_until_before_until(played: Played) -> None:
    payment_id = read(played.pay()).id
    at, later = "2026-01-15T10:00:00.000Z", "2026-01-15T10:00:00.001Z"

    def between(since: str, until: str) -> list[str]:
        page = read(played.ask("GET", f"/v1/statement?since={since}&until={until}"))
        return ids_in(dict(page.model_extra or {}))

    assert between(at, later) == [payment_id]
    assert between("2026-01-15T09:00:00Z", at) == []
    assert between(later, "2026-01-15T11:00:00Z") == []


def test_slow_books_keep_the_latest_out_of_the_statement(played: Played) -> None:
    played.ask("POST", "/_admin/mode", {"query_lag_ms": 5000})
    pay_out(played)

    early = ids_in(statement(played))
    played.pass_time(seconds=5)

    assert (early, len(ids_in(statement(played)))) == ([], 1)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("until=2026-01-16T00:00:00Z", "since"),
        ("since=yesterday&until=2026-01-16T00:00:00Z", "since"),
        ("since=2026-01-15T00:00:00&until=2026-01-16T00:00:00Z", "since"),
        ("since=2026-01-15T00:00:00Z", "until"),
        (f"{WHOLE_DAY}&limit=0", "limit"),
        (f"{WHOLE_DAY}&limit=501", "limit"),
        (f"{WHOLE_DAY}&limit=many", "limit"),
        (f"{WHOLE_DAY}&after=cpay_0", "after"),
    ],
)
def test_a_statement_that_is_not_understood_is_refused(played: Played, query: str, param: str) -> None:
    refused = played.ask("GET", f"/v1/statement?{query}")

    assert refused.status == 400
    assert f'"param":"{param}"'.encode() in refused.body
