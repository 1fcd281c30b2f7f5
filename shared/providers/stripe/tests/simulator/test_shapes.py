"""What the simulator shows has the keys and types of the fixtures that Stripe publishes."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.providers.stripe.tests.simulator.played import Played

FIXTURES = Path(__file__).parent / "fixtures"

# Of the fixtures only: what Stripe shows when asked to expand it, and what it fills where there is something to say.
ONLY_EXPANDED = {"refunds"}
# Machine-made values in the fixtures, in fields that a payment by card leaves empty.
FILLED_ELSEWHERE = {
    *("last_payment_error", "next_action", "processing", "payment_method_configuration_details", "transfer_data"),
    *("shipping", "source", "installments", "wallet", "generated_from", "managed_payments", "three_d_secure"),
}


def fixture(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FIXTURES / f"stripe_fixture_{name}.json").read_text())
    return loaded


def shown(played: Played, name: str) -> dict[str, Any]:
    paid = played.pay(capture_method="automatic").body
    played.settle()
    found: dict[str, dict[str, Any]] = {
        "payment_intent": paid,
        "charge": played.get(f"/v1/charges/{paid['latest_charge']}").body,
        "payment_method": played.get(f"/v1/payment_methods/{paid['payment_method']}").body,
        "refund": played.refund(paid["id"]).body,
        "event": played.merchant.posts[0].event,
    }
    return found[name]


def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    if ours is None or theirs is None or path.rpartition(".")[2] in FILLED_ELSEWHERE:
        return []
    if type(ours) is not type(theirs):
        return [f"{path}: {type(ours).__name__} is not {type(theirs).__name__}"]
    if not isinstance(ours, dict) or path.endswith((".metadata", ".object")):
        return []
    found = [f"{path}.{key} is missing" for key in theirs.keys() - ours.keys() - ONLY_EXPANDED - FILLED_ELSEWHERE]
    return found + [
        each for key in ours.keys() & theirs.keys() for each in differences(ours[key], theirs[key], f"{path}.{key}")
    ]


@pytest.mark.parametrize("name", ["payment_intent", "charge", "refund", "payment_method", "event"])
def test_a_resource_has_the_keys_and_types_of_its_fixture(played: Played, name: str) -> None:
    assert differences(shown(played, name), fixture(name)) == []


def test_the_comparison_finds_what_differs() -> None:
    theirs = {"amount": 1, "card": {"brand": "visa", "last4": "4242"}}

    found = differences({"amount": "1", "card": {"brand": "visa"}}, theirs)

    assert sorted(found) == [".amount: str is not int", ".card.last4 is missing"]


def test_a_declined_body_holds_the_payment_and_its_method(played: Played) -> None:
    error = played.pay(payment_method="pm_card_chargeDeclinedInsufficientFunds").error

    assert differences(error["payment_intent"], fixture("payment_intent")) == []
    assert differences(error["payment_method"], fixture("payment_method")) == []
    assert {"type", "code", "decline_code", "message", "doc_url", "charge", "request_log_url"} <= error.keys()
    assert error["advice_code"] == "try_again_later"
