"""Reserving, taking in parts, releasing: what an authorized payment allows, and what it tells."""

import json

import pytest

from shared.provider_kit.simulator import SimulatedResponse
from shared.providers.cpay.tests.played import Played, read


def reserved(played: Played, **more: object) -> str:
    """The id of a payment of 100,000 that is authorized."""
    return played.paid(capture_method="manual", **more)


def capture(played: Played, payment_id: str, reference: str, **body: object) -> SimulatedResponse:
    wanted = {"merchant_reference": reference, **body}
    return played.ask("POST", f"/v1/payments/{payment_id}/captures", wanted, key=reference)


def payment(played: Played, payment_id: str) -> tuple[str, object]:
    found = read(played.ask("GET", f"/v1/payments/{payment_id}"))
    return found.status, found.member("captured_amount")


def test_a_manual_payment_is_authorized_and_nothing_is_taken(played: Played) -> None:
    payment_id = reserved(played)

    assert payment(played, payment_id) == ("authorized", 0)
    assert played.merchant.types() == ["payment.pending", "payment.authorized"]


def test_an_automatic_payment_takes_all_of_it(played: Played) -> None:
    assert payment(played, played.paid()) == ("succeeded", 100_000)


def test_a_manual_payment_whose_customer_does_not_pay_is_not_authorized(played: Played) -> None:
    assert payment(played, reserved(played, scenario="insufficient_funds")) == ("failed", 0)


def test_a_capture_is_pending_and_then_succeeds_and_the_payment_stays_authorized(played: Played) -> None:
    payment_id = reserved(played)

    made = capture(played, payment_id, "c1", amount=40_000)
    played.pass_time(seconds=1)

    assert (made.status, read(made).status) == (201, "pending")
    assert read(played.ask("GET", f"/v1/captures/{read(made).id}")).status == "succeeded"
    assert payment(played, payment_id) == ("authorized", 40_000)
    assert played.merchant.types()[2:] == ["capture.pending", "capture.succeeded"]


def test_a_final_capture_ends_the_payment_with_what_was_captured(played: Played) -> None:
    payment_id = reserved(played)
    capture(played, payment_id, "c1", amount=40_000)
    capture(played, payment_id, "c2", amount=10_000, final=True)

    played.pass_time(seconds=1)

    assert payment(played, payment_id) == ("succeeded", 50_000)
    told = [json.loads(post.body)["data"] for post in played.merchant.posts if post.event_type() == "payment.succeeded"]
    assert [(one["capture_method"], one["captured_amount"]) for one in told] == [("manual", 50_000)]


def test_a_payment_of_which_all_is_captured_has_succeeded(played: Played) -> None:
    payment_id = reserved(played)
    capture(played, payment_id, "c1", amount=60_000)
    capture(played, payment_id, "c2")

    played.pass_time(seconds=1)

    assert payment(played, payment_id) == ("succeeded", 100_000)


def test_captures_never_exceed_the_payment_and_a_failed_one_does_not_count(played: Played) -> None:
    payment_id = reserved(played)
    capture(played, payment_id, "c1", amount=60_031)

    refused = capture(played, payment_id, "c2", amount=60_000)
    played.pass_time(seconds=1)
    rest = capture(played, payment_id, "c3")

    assert (refused.status, read(refused).code()) == (422, "capture_exceeds_amount")
    assert read(rest).amount == 100_000


def test_nothing_is_captured_after_the_final_capture_unless_that_failed(played: Played) -> None:
    payment_id = reserved(played)
    capture(played, payment_id, "c1", amount=10_031, final=True)

    meanwhile = capture(played, payment_id, "c2", amount=100)
    played.pass_time(seconds=1)
    afterwards = capture(played, payment_id, "c3", amount=100, final=True)
    played.pass_time(seconds=1)

    assert (meanwhile.status, read(meanwhile).code()) == (409, "invalid_state")
    assert afterwards.status == 201
    assert payment(played, payment_id) == ("succeeded", 100)
    assert capture(played, payment_id, "c4", amount=100).status == 409


def test_a_payment_that_is_not_authorized_is_not_captured(played: Played) -> None:
    automatic = read(played.pay()).id

    assert read(capture(played, automatic, "c1", amount=1)).code() == "invalid_state"
    assert capture(played, "cpay_0", "c2", amount=1).status == 404


def test_a_captures_reference_is_used_once(played: Played) -> None:
    payment_id = reserved(played)
    body = {"amount": 100, "merchant_reference": "c1"}
    path = f"/v1/payments/{payment_id}/captures"
    played.ask("POST", path, body, key="k-1")

    assert read(played.ask("POST", path, body, key="k-2")).code() == "duplicate_reference"
    assert len(read(played.ask("GET", path)).listed()) == 1


def test_an_authorized_payment_can_be_cancelled(played: Played) -> None:
    payment_id = reserved(played)

    cancelled = played.ask("POST", f"/v1/payments/{payment_id}/cancel", key="x")

    assert (cancelled.status, payment(played, payment_id)) == (200, ("cancelled", 0))
    assert played.merchant.types()[-1:] == ["payment.authorized"]
    played.settle()
    assert played.merchant.types()[-1:] == ["payment.cancelled"]


def test_a_cancellation_after_a_capture_ends_the_payment_with_what_was_captured(played: Played) -> None:
    payment_id = reserved(played)
    capture(played, payment_id, "c1", amount=40_000)

    too_early = played.ask("POST", f"/v1/payments/{payment_id}/cancel", key="x1")
    played.pass_time(seconds=1)
    cancelled = played.ask("POST", f"/v1/payments/{payment_id}/cancel", key="x2")

    assert read(too_early).code() == "invalid_state"
    assert (cancelled.status, payment(played, payment_id)) == (200, ("succeeded", 40_000))


def test_refunds_are_bounded_by_what_was_captured(played: Played) -> None:
    payment_id = reserved(played)
    capture(played, payment_id, "c1", amount=40_000, final=True)
    played.pass_time(seconds=1)
    path = f"/v1/payments/{payment_id}/refunds"

    too_much = played.ask("POST", path, {"amount": 40_001}, key="r1")
    all_of_it = played.ask("POST", path, {}, key="r2")

    assert read(too_much).code() == "refund_exceeds_amount"
    assert read(all_of_it).amount == 40_000


def test_the_events_of_a_payment_and_its_captures_are_numbered(played: Played) -> None:
    payment_id = reserved(played)
    capture(played, payment_id, "c1", final=True)
    played.pass_time(seconds=1)

    events = read(played.ask("GET", "/v1/events")).listed()

    told = [one["event"] for one in events]
    assert [event["data"]["sequence"] for event in told if isinstance(event, dict)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_a_capture_that_has_ended_moves_no_more(played: Played, status: str) -> None:
    capture_id = read(capture(played, reserved(played), "c1", amount=100)).id
    path = f"/_admin/captures/{capture_id}/transition"

    moved = played.ask("POST", path, {"status": status})

    assert read(moved).status == status
    assert [played.ask("POST", path, {"status": other}).status for other in ("succeeded", "failed")] == [409, 409]


def test_a_manual_payment_is_counted_by_its_captures(played: Played) -> None:
    payment_id = reserved(played)
    capture(played, payment_id, "c1", amount=100)
    capture(played, payment_id, "c2", amount=200, final=True)
    played.pass_time(seconds=1)

    ledger = read(played.ask("GET", "/_admin/ledger?merchant_reference=ours"))

    standing = ledger.listed("payments")[0]
    assert (standing["captured_times"], standing["captured_minor"]) == (2, 300)
    assert {one["merchant_reference"] for one in ledger.listed("captures")} == {"c1", "c2"}
