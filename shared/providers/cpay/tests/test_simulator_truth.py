"""What the truth API adds up, and that no request reads a whole table to be answered."""

import sqlite3

import pytest

from shared.providers.cpay.tests.played import Played, read

PAYOUT = {"amount": 700, "currency": "KES", "recipient": {"phone": "+254700000000"}}
TILL = {"till": "832909", "account": "INV-7", "amount": 900, "currency": "UGX", "phone": "+256700000000"}


def refund(played: Played, payment_id: str, amount: int, reference: str) -> None:
    body = {"amount": amount, "merchant_reference": reference}
    played.ask("POST", f"/v1/payments/{payment_id}/refunds", body, key=reference)


def test_the_totals_are_per_currency_and_per_kind(played: Played) -> None:
    payment_id = played.paid()
    refund(played, payment_id, 40_000, "refund-1")
    played.pay("declined", reference="declined", key="k2")
    played.pay(reference="in-euro", key="k3", currency="EUR", amount=5_000)
    played.ask("POST", "/v1/payouts", {**PAYOUT, "merchant_reference": "payout-1"}, key="p1")
    played.ask("POST", "/_admin/till_payments", TILL)
    played.pass_time(seconds=1)

    truth = read(played.ask("GET", "/_admin/truth"))

    nothing = {"captured_minor": 0, "received_minor": 0, "refunded_minor": 0, "paid_out_minor": 0}
    assert truth.member("currencies") == {
        "KES": {**nothing, "captured_minor": 100_000, "refunded_minor": 40_000, "paid_out_minor": 700},
        "EUR": {**nothing, "captured_minor": 5_000},
        "UGX": {**nothing, "received_minor": 900},
    }
    assert truth.member("counts") == {
        "payment": {"succeeded": 2, "failed": 1},
        "refund": {"succeeded": 1},
        "payout": {"succeeded": 1},
        "till_payment": {"succeeded": 1},
    }
    assert truth.member("references_with_several") == {"payment": [], "capture": [], "refund": [], "payout": []}


def test_what_has_not_succeeded_is_not_counted_as_moved(played: Played) -> None:
    payment_id = played.paid()
    refund(played, payment_id, 31, "fails")
    played.pay("never_resolves", reference="open", key="k2")
    played.pass_time(seconds=1)

    money = read(played.ask("GET", "/_admin/truth")).member("currencies")["KES"]

    assert (money["captured_minor"], money["refunded_minor"]) == (100_000, 0)


def test_each_payment_tells_how_often_it_was_taken_given_back_and_executed(played: Played) -> None:
    payment_id = played.paid()
    played.pay()
    refund(played, payment_id, 100, "refund-1")
    refund(played, payment_id, 200, "refund-2")
    played.pass_time(seconds=1)

    payment = read(played.ask("GET", "/_admin/ledger")).listed("payments")[0]

    assert {name: payment[name] for name in ("captured_times", "refunded_times", "posts_executed")} == {
        "captured_times": 1,
        "refunded_times": 2,
        "posts_executed": 1,
    }
    assert (payment["captured_minor"], payment["refunded_minor"]) == (100_000, 300)


def test_the_ledger_of_one_reference_holds_it_and_what_belongs_to_it(played: Played) -> None:
    payment_id = played.paid()
    refund(played, payment_id, 100, "refund-1")
    played.pay(reference="another", key="k2")

    ledger = read(played.ask("GET", "/_admin/ledger?merchant_reference=ours"))

    assert [payment["id"] for payment in ledger.listed("payments")] == [payment_id]
    assert [one["merchant_reference"] for one in ledger.listed("refunds")] == ["refund-1"]
    assert list(ledger.member("by_reference")) == ["ours"]


def test_a_reference_that_nobody_used_has_an_empty_ledger(played: Played) -> None:
    played.paid()

    ledger = read(played.ask("GET", "/_admin/ledger?merchant_reference=nobody"))

    assert ledger.listed("payments") == []
    assert ledger.member("by_reference") == {}


def test_no_request_of_a_merchant_reads_a_whole_table(played: Played, request: pytest.FixtureRequest) -> None:
    connection: sqlite3.Connection = played.simulator._file._connection  # type: ignore[attr-defined]  # noqa: SLF001 - how it asks is what is tested
    played.ask("POST", "/_admin/chaos", {"mix": {"slow": 0.1}})
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    request.addfinalizer(lambda: connection.set_trace_callback(None))

    payment_id = read(played.pay()).id
    played.ask("POST", f"/v1/payments/{payment_id}/refunds", {}, key="r")
    played.ask("GET", f"/v1/payments/{payment_id}")
    played.ask("GET", f"/v1/payments/{payment_id}/refunds")
    played.ask("GET", "/v1/payments?merchant_reference=ours")
    played.ask("GET", "/_admin/ledger?merchant_reference=ours")
    played.simulator.tick()
    connection.set_trace_callback(None)

    asking = [sql for sql in statements if sql.lstrip().startswith(("SELECT", "UPDATE", "INSERT", "DELETE"))]
    assert len(asking) > 20
    assert scans(connection, asking) == []


def scans(connection: sqlite3.Connection, statements: list[str]) -> list[str]:
    """The plans' steps that read all of a table that grows."""
    grows = ("payments", "movements", "asked", "executed", "idempotency", "events", "changes", "deliveries", "m")
    steps = [row["detail"] for sql in statements for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
    return [step for step in steps if step.startswith("SCAN") and step.split()[1] in grows]
