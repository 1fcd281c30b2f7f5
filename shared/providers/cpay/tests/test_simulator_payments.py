"""What becomes of payments, how they are answered, and what is refused."""

import json
from pathlib import Path

import pytest

from shared.provider_kit.simulator import (
    Fault,
    Hang,
    ResetConnection,
    TruncateBody,
)
from shared.providers.cpay.simulator.scenarios import SCENARIOS, scenario_of_payment
from shared.providers.cpay.tests.played import Played, read

README = Path(__file__).parent.parent / "README.md"


def test_a_payment_is_pending_and_after_the_delay_succeeded(played: Played) -> None:
    payment = read(played.pay())

    assert payment.status == "pending"
    played.pass_time(milliseconds=999)
    assert read(played.ask("GET", f"/v1/payments/{payment.id}")).status == "pending"
    played.pass_time(milliseconds=1)
    assert read(played.ask("GET", f"/v1/payments/{payment.id}")).status == "succeeded"
    assert played.merchant.types() == ["payment.pending", "payment.succeeded"]


@pytest.mark.parametrize(
    ("scenario", "status"),
    [
        ("succeeds", "succeeded"),
        ("insufficient_funds", "failed"),
        ("declined", "failed"),
        ("cancelled_by_user", "failed"),
        ("expired", "expired"),
        ("unknown_failure_code", "failed"),
        ("unknown_status", "under_review"),
        ("never_resolves", "pending"),
        ("webhook_lost", "succeeded"),
        ("0014", "succeeded"),
        ("error_500_after_commit", "succeeded"),
        ("html", "succeeded"),
    ],
)
def test_what_becomes_of_a_payment(played: Played, scenario: str, status: str) -> None:
    played.pay(scenario)
    played.pass_time(seconds=1)

    listed = read(played.ask("GET", "/v1/payments?merchant_reference=ours")).listed()

    assert [payment["status"] for payment in listed] == [status]


@pytest.mark.parametrize(
    ("scenario", "status", "fault"),
    [
        ("declined", 402, None),
        ("error_500_after_commit", 500, None),
        ("hang_after_commit", 201, Hang(30.0)),
        ("reset_after_commit", 201, ResetConnection()),
        ("error_500", 500, None),
        ("unavailable_twice", 503, None),
        ("throttled_twice", 429, None),
        ("html", 200, None),
        ("empty", 200, None),
    ],
)
def test_how_a_payment_is_answered(played: Played, scenario: str, status: int, fault: Fault | None) -> None:
    response = played.pay(scenario)

    assert (response.status, response.fault) == (status, fault)
    assert response.headers["X-Request-Id"].startswith("req_")


def test_a_truncated_answer_keeps_half_of_its_body(played: Played) -> None:
    response = played.pay("truncated")

    assert response.fault == TruncateBody(kept_bytes=len(response.body) // 2)


def test_the_scenario_is_chosen_by_the_amount_unless_it_is_named() -> None:
    assert scenario_of_payment(120_002, None).name == "declined"
    assert scenario_of_payment(120_002, "html").name == "html"
    assert scenario_of_payment(2, None).name == "declined"
    assert scenario_of_payment(109_900, None).name == "succeeds"


def test_every_scenario_is_in_the_readme() -> None:
    readme = README.read_text()

    assert [one.name for one in SCENARIOS if f"| {one.digits} | `{one.name}` |" not in readme] == []
    assert len({one.digits for one in SCENARIOS}) == len({one.name for one in SCENARIOS}) == len(SCENARIOS)


def test_an_unknown_scenario_is_refused(played: Played) -> None:
    assert played.pay("no_such_thing").status == 400


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"amount": 0}, 400),
        ({"amount": -5}, 400),
        ({"amount": 10.5}, 400),
        ({"amount": "100"}, 400),
        ({"amount": True}, 400),
        ({"amount": 10**12}, 422),
        ({"currency": "kes"}, 400),
        ({"currency": "ISK"}, 422),
        ({"customer": {}}, 400),
        ({"customer": {"phone": None}}, 400),
        ({"merchant_reference": ""}, 400),
        ({"merchant_reference": "\ud800"}, 400),
        ({"unknown": 1}, 400),
        ({"callback_url": "file:///etc/passwd"}, 400),
    ],
    ids=repr,
)
def test_a_payment_that_is_not_understood_is_refused(played: Played, change: dict[str, object], status: int) -> None:
    assert played.pay(**change).status == status  # type: ignore[arg-type]  # fields of the request


def test_a_request_needs_the_api_key(played: Played) -> None:
    assert played.ask("GET", "/v1/events", api_key="cpk_test_wrong").status == 401
    assert played.ask("GET", "/v1/events", api_key="ž").status == 401
    assert played.ask("GET", "/v1/events", api_key="cpk_live_000102030405060708090a0b0c0d0e0f").status == 403


def test_an_unknown_path_is_not_found(played: Played) -> None:
    assert played.ask("GET", "/v1/nothing").status == 404
    assert played.ask("POST", "/v1/nothing", key="k").status == 404
    assert played.ask("GET", "/v1/payments/cpay_0").status == 404
    assert played.ask("DELETE", "/v1/payments").status == 404


def test_an_error_has_the_whole_documented_form(played: Played) -> None:
    response = played.ask("GET", "/v1/payments/cpay_0")

    assert json.loads(response.body) == {
        "error": {
            "type": "not_found",
            "code": "not_found",
            "message": "there is no such payment",
            "param": None,
            "retryable": False,
            "request_id": response.headers["X-Request-Id"],
        }
    }


def test_a_pending_payment_can_be_cancelled_and_stays_so(played: Played) -> None:
    payment_id = read(played.pay()).id

    cancelled = played.ask("POST", f"/v1/payments/{payment_id}/cancel", key="c")
    played.pass_time(seconds=2)

    assert read(cancelled).status == "cancelled"
    assert read(played.ask("GET", f"/v1/payments/{payment_id}")).status == "cancelled"
    assert played.merchant.types() == ["payment.pending", "payment.cancelled"]


def test_a_payment_that_has_ended_cannot_be_cancelled(played: Played) -> None:
    payment_id = played.paid()

    refused = played.ask("POST", f"/v1/payments/{payment_id}/cancel", key="c")

    assert (refused.status, read(refused).code()) == (409, "invalid_state")
