"""What becomes of refunds, and that they never exceed the payment."""

import pytest

from shared.providers.cpay.tests.played import Played, read


@pytest.mark.parametrize(
    ("amount", "statuses"),
    [
        (40_000, ["pending", "succeeded", "succeeded"]),
        (30, ["pending", "succeeded", "succeeded"]),
        (31, ["pending", "failed", "failed"]),
        (32, ["pending", "succeeded", "failed"]),
    ],
)
def test_what_becomes_of_a_refund(played: Played, amount: int, statuses: list[str]) -> None:
    payment_id = played.paid()
    refund = read(played.ask("POST", f"/v1/payments/{payment_id}/refunds", {"amount": amount}, key="r"))

    seen = [refund.status]
    for _ in range(2):
        played.pass_time(seconds=1)
        seen.append(read(played.ask("GET", f"/v1/refunds/{refund.id}")).status)

    assert seen == statuses


def test_a_payment_says_by_its_metadata_what_becomes_of_its_refunds(played: Played) -> None:
    payment_id = played.paid(scenario="refund_fails")
    refund = read(played.ask("POST", f"/v1/payments/{payment_id}/refunds", {}, key="r"))

    played.pass_time(seconds=1)

    assert read(played.ask("GET", f"/v1/refunds/{refund.id}")).status == "failed"


def test_refunds_never_exceed_the_payment_and_a_failed_one_does_not_count(played: Played) -> None:
    payment_id = played.paid()
    path = f"/v1/payments/{payment_id}/refunds"
    played.ask("POST", path, {"amount": 60_031}, key="r1")

    refused = played.ask("POST", path, {"amount": 60_000}, key="r2")
    played.pass_time(seconds=1)
    rest = played.ask("POST", path, {}, key="r3")
    nothing_left = played.ask("POST", path, {}, key="r4")

    assert (refused.status, read(refused).code()) == (422, "refund_exceeds_amount")
    assert read(rest).amount == 100_000
    assert nothing_left.status == 422
    assert len(read(played.ask("GET", path)).listed()) == 2


def test_a_refunds_reference_is_used_once(played: Played) -> None:
    path = f"/v1/payments/{played.paid()}/refunds"
    body = {"amount": 100, "merchant_reference": "refund-1"}
    played.ask("POST", path, body, key="r1")

    assert read(played.ask("POST", path, body, key="r2")).code() == "duplicate_reference"
