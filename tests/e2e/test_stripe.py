"""Stripe as it behaves: cards that pay, decline, or ask their customer; reservations; answers that are lost."""

import httpx2
import pytest

from tests.e2e.journey import Json, System


def by_card(system: System, card: str = "pm_card_visa", amount: str = "50.00", **changed: object) -> str:
    scenario = changed.pop("scenario", None)
    metadata = {} if scenario is None else {"scenario": scenario}
    order = {"provider": "stripe", "customer": {}, "payment_method_token": card, "metadata": metadata, **changed}
    answer = system.merchant.initialize(amount, **order)  # type: ignore[arg-type] # fields of the body
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


PAID = (
    *("succeeds", "processing_succeeds", "truncated", "throttled_twice"),
    *("webhook_twice", "webhook_out_of_order", "webhook_lost", "webhook_early", "webhook_old_version"),
    *("webhook_thin_v2", "hang_after_commit", "reset_after_commit", "error_500_after_commit"),
)


@pytest.fixture(scope="module")
def payments(system: System) -> dict[str, str]:
    """One in each scenario, all at once: none may disturb another."""
    return {scenario: by_card(system, scenario=scenario) for scenario in PAID}


@pytest.mark.parametrize("scenario", PAID)
def test_a_card_that_pays_is_charged_once(system: System, payments: dict[str, str], scenario: str) -> None:
    assert system.merchant.finished(payments[scenario])["status"] == "completed"
    books = system.books("stripe", payments[scenario])
    assert (books.payments, books.captured) == (1, 5_000)


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("pm_card_chargeDeclined", "declined"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
def test_a_card_that_is_declined_says_why(system: System, card: str, code: str) -> None:
    ended = system.merchant.finished(by_card(system, card))

    assert (ended["status"], ended["failure"]["code"]) == ("failed", code)


@pytest.mark.parametrize(("outcome", "status"), [("complete", "completed"), ("fail", "failed")])
def test_a_customer_who_is_asked_by_the_bank_decides(system: System, outcome: str, status: str) -> None:
    payment_id = by_card(system, "pm_card_threeDSecure2Required", return_url="https://shop.example/thanks")
    waiting = system.merchant.wait(payment_id, lambda each: each["status"] == "requires_action")

    page = waiting["next_action"]["url"]
    httpx2.get(f"{page}&outcome={outcome}", trust_env=False)

    assert system.merchant.finished(payment_id)["status"] == status


def test_what_is_reserved_is_captured_in_part_and_the_rest_released(system: System) -> None:
    payment_id = by_card(system, amount="80.00", capture_method="manual")
    system.merchant.wait(payment_id, lambda each: each["status"] == "authorized")

    assert system.merchant.capture(payment_id, "50.00").status_code == 202

    done: Json = system.merchant.finished(payment_id)
    assert (done["status"], done["amount_captured"]) == ("completed", "50.00")
    assert system.books("stripe", payment_id).captured == 5_000


def test_what_is_reserved_is_released_by_a_cancellation(system: System) -> None:
    payment_id = by_card(system, amount="80.00", capture_method="manual")
    system.merchant.wait(payment_id, lambda each: each["status"] == "authorized")

    assert system.merchant.cancel(payment_id).status_code == 202

    assert system.merchant.finished(payment_id)["status"] == "cancelled"
    assert system.books("stripe", payment_id).captured == 0


def test_a_refund_that_fails_after_it_succeeded_gives_the_payment_its_money_back(system: System) -> None:
    payment_id = by_card(system, scenario="refund_fails_late")
    system.merchant.finished(payment_id)

    assert system.merchant.refund(payment_id, "20.00").status_code == 202

    now = system.merchant.wait(
        payment_id,
        lambda each: [one["status"] for one in each["refunds"]] == ["failed"] and each["status"] == "completed",
    )
    assert now["amount_refunded"] == "0.00"


def in_the_dashboard(system: System, path: str, **asked: object) -> Json:
    address = f"{system.environment['SIMULATOR_URL']}/stripe/_admin/{path}"
    answer = httpx2.post(address, json=asked, trust_env=False)
    assert answer.status_code == 200, answer.text
    done: Json = answer.json()
    return done


def test_a_refund_made_in_the_dashboard_is_in_our_books_too(system: System) -> None:
    payment_id = by_card(system)
    intent_id = system.merchant.finished(payment_id)["provider_transaction_id"]

    in_the_dashboard(system, f"payment_intents/{intent_id}/refund", amount=2_000, reason="duplicate")

    now = system.merchant.wait(payment_id, lambda each: each["status"] == "partially_refunded")
    (refund,) = now["refunds"]
    assert (now["amount_refunded"], refund["status"], refund["amount"]) == ("20.00", "succeeded", "20.00")
    assert refund["reason"] == "made at the provider: duplicate"
    assert system.merchant.refund(payment_id, "30.01").json()["code"] == "refund_exceeds_payment"


@pytest.mark.parametrize(("end", "funds"), [("won", "reinstated"), ("lost", "withdrawn")])
def test_a_dispute_is_followed_to_its_end(system: System, end: str, funds: str) -> None:
    payment_id = by_card(system, "pm_card_createDispute")
    disputed = system.merchant.wait(payment_id, lambda each: bool(each["disputes"]))
    assert disputed["disputes"][0]["status"] == "open"

    in_the_dashboard(system, f"disputes/{disputed['disputes'][0]['provider_dispute_id']}/close", status=end)

    ended = system.merchant.wait(payment_id, lambda each: each["disputes"][0]["status"] == end)
    assert (ended["disputes"][0]["funds"], ended["status"]) == (funds, "completed")
    assert ended["disputes"][0]["evidence_due_at"] is not None
