"""The truth API: what was really taken, and faults to order."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.provider_kit.simulator import (
    Delay,
    Fault,
    Hang,
)
from shared.providers.cpay.simulator.scenarios import Answering
from shared.providers.cpay.tests.played import Played, read


def test_the_truth_api_is_there_only_when_it_is_opened_and_only_from_loopback(tmp_path: Path) -> None:
    closed, opened = Played(tmp_path / "closed", admin="0"), Played(tmp_path / "opened")

    assert closed.ask("GET", "/_admin/ledger").status == 404
    assert opened.ask("GET", "/_admin/ledger", near=False).status == 404
    assert opened.ask("GET", "/_admin/ledger").status == 200
    closed.simulator.close()
    opened.simulator.close()


def test_the_ledger_tells_what_was_taken_and_given_back_for_each_reference(played: Played) -> None:
    payment_id = played.paid()
    body = {"amount": 40_000, "merchant_reference": "refund-1"}
    played.ask("POST", f"/v1/payments/{payment_id}/refunds", body, key="r1")
    played.pass_time(seconds=1)
    played.pay("error_500", reference="nothing", key="k2")

    told = json.loads(played.ask("GET", "/_admin/ledger").body)["by_reference"]

    nothing = {"payments": 0, "captures": 0, "refunds": 0, "payouts": 0, "posts_executed": 0}
    no_money = {"captured_minor": 0, "refunded_minor": 0, "paid_out_minor": 0}
    taken = {"payments": 1, "posts_executed": 1, "captured_minor": 100_000, "refunded_minor": 40_000}
    given_back = {"refunds": 1, "posts_executed": 1, "refunded_minor": 40_000}
    assert told == {
        "ours": {**nothing, **no_money, **taken, "idempotency_keys": ["k1"]},
        "refund-1": {**nothing, **no_money, **given_back, "idempotency_keys": ["r1"]},
        "nothing": {**nothing, **no_money, "idempotency_keys": ["k2"]},
    }


def test_a_payment_can_be_moved_along_legal_edges_only(played: Played) -> None:
    payment_id = read(played.pay("never_resolves")).id
    path = f"/_admin/payments/{payment_id}/transition"

    moved = played.ask("POST", path, {"status": "succeeded"})

    assert (moved.status, read(moved).status) == (200, "succeeded")
    assert played.ask("POST", path, {"status": "failed"}).status == 409
    assert played.ask("POST", path, {"status": "flying"}).status == 400
    assert played.ask("POST", "/_admin/payments/cpay_0/transition", {"status": "failed"}).status == 404


def test_a_refund_can_be_moved_along_legal_edges_only(played: Played) -> None:
    payment_id = played.paid()
    refund = read(played.ask("POST", f"/v1/payments/{payment_id}/refunds", {}, key="r"))
    path = f"/_admin/refunds/{refund.id}/transition"

    moved = played.ask("POST", path, {"status": "failed", "failure_code": "provider_error"})

    assert (moved.status, read(moved).status) == (200, "failed")
    assert played.ask("POST", path, {"status": "succeeded"}).status == 409


@pytest.mark.parametrize(
    ("rule", "status", "fault"),
    [
        (Answering.ERROR_500, 500, None),
        (Answering.UNAVAILABLE, 503, None),
        (Answering.UNAUTHORIZED, 401, None),
        (Answering.FORBIDDEN, 403, None),
        (Answering.THROTTLED, 429, None),
        (Answering.HANG, 504, Hang(30.0)),
        (Answering.SLOW, 201, Delay(1.0)),
        (Answering.HANG_AFTER_COMMIT, 201, Hang(30.0)),
        (Answering.HTML, 200, None),
    ],
)
def test_an_armed_fault_spoils_so_many_answers_and_no_more(
    played: Played, rule: Answering, status: int, fault: Fault | None
) -> None:
    played.ask("POST", "/_admin/faults", {"rule": rule, "times": 2})
    played.restart()

    answers = [played.pay(reference=f"r{n}", key=f"k{n}") for n in range(3)]

    assert [(answer.status, answer.fault) for answer in answers] == [(status, fault)] * 2 + [(201, None)]
    assert read(played.ask("GET", "/_admin/faults")).listed("rules") == []


def test_an_armed_fault_can_spoil_queries(played: Played) -> None:
    played.ask("POST", "/_admin/faults", {"rule": "error_500", "method": "GET"})

    assert played.pay().status == 201
    assert [played.ask("GET", "/v1/events").status for _ in range(2)] == [500, 200]


def test_an_unknown_fault_is_refused(played: Played) -> None:
    assert played.ask("POST", "/_admin/faults", {"rule": "gremlins"}).status == 400


def test_a_reset_forgets_everything(played: Played) -> None:
    played.paid()

    played.ask("POST", "/_admin/reset")

    assert read(played.ask("GET", "/_admin/ledger")).listed("payments") == []
    assert played.pay().status == 201


@pytest.mark.parametrize(
    "change",
    [
        {"api_key": "short"},
        {"api_key": "cpk_live_000102030405060708090a0b0c0d0e0f"},
        {"webhook_secrets": ""},
        {"webhook_secrets": "whsec_AAEC"},
        {"time_scale": "0"},
        {"delay_ms": "-1"},
    ],
    ids=repr,
)
def test_a_wrong_setting_is_refused(tmp_path: Path, change: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Played(tmp_path, **change)
