"""Refunds that come late or fail late, refunds and disputes that somebody else starts, and the truth about them all."""

from pathlib import Path

import pytest

from shared.providers.stripe.tests.simulator.played import Played


@pytest.mark.parametrize(
    ("scenario", "statuses", "events"),
    [
        ("refund_succeeds", ["pending", "succeeded", "succeeded"], ["refund.created", "refund.updated"]),
        ("refund_fails", ["pending", "failed", "failed"], ["refund.created", "refund.failed"]),
        ("refund_fails_late", ["succeeded", "failed", "failed"], ["refund.created", "refund.failed"]),
    ],
)
def test_a_refund_is_decided_step_by_step(
    played: Played, scenario: str, statuses: list[str], events: list[str]
) -> None:
    intent_id = played.pay().id
    refund = played.refund(intent_id, **{"metadata[scenario]": scenario})
    seen = [refund.body["status"]]

    for _ in range(2):
        played.pass_time(seconds=1)
        seen.append(played.get(f"/v1/refunds/{refund.id}").body["status"])

    assert seen == statuses
    assert sorted(name for name in played.merchant.types() if name.startswith("refund.")) == events


@pytest.mark.parametrize(("amount", "status"), [("31", "succeeded"), ("10031", "pending")])
def test_only_a_large_amount_chooses_by_its_digits(played: Played, amount: str, status: str) -> None:
    assert played.refund(played.pay().id, amount=amount).body["status"] == status


@pytest.mark.parametrize(
    ("method", "ends_as"), [("pm_card_pendingRefund", "succeeded"), ("pm_card_refundFail", "failed")]
)
def test_the_test_cards_for_refunds_do_what_they_are_for(played: Played, method: str, ends_as: str) -> None:
    refund_id = played.refund(played.pay(payment_method=method).id).id

    played.pass_time(seconds=1)

    assert played.get(f"/v1/refunds/{refund_id}").body["status"] == ends_as


def test_a_refund_that_fails_late_can_be_made_again_and_comes_back_to_the_balance(played: Played) -> None:
    intent_id = played.pay(capture_method="automatic").id
    played.refund(intent_id, **{"metadata[scenario]": "refund_fails_late"})
    played.pass_time(seconds=1)

    again = played.refund(intent_id)

    failed = played.merchant.of_type("refund.failed")[0].event["data"]["object"]
    assert failed["failure_reason"] == "expired_or_canceled_card"
    assert again.body["status"] == "succeeded"
    lines = played.get("/v1/balance_transactions", {"currency": "kes"}).body["data"]
    assert [line["type"] for line in lines] == ["refund", "refund_failure", "refund", "charge"]
    assert sum(line["amount"] for line in lines) == 0


def test_a_refund_at_the_dashboard_is_told_without_a_key(played: Played) -> None:
    intent_id = played.pay().id

    refund = played.admin(f"payment_intents/{intent_id}/refund", {"amount": 500})
    played.admin("refund", {"payment_intent": intent_id, "amount": 400})
    played.settle()

    events = [post.event for post in played.merchant.of_type("refund.created")]
    assert {event["data"]["object"]["amount"] for event in events} == {500, 400}
    assert [event["request"]["idempotency_key"] for event in events] == [None, None]
    assert refund.body["metadata"] == {}
    charge = played.merchant.of_type("charge.refunded")[-1].event["data"]["object"]
    assert charge["amount_refunded"] in {500, 900}


def test_a_partly_captured_payment_shows_the_rest_as_refunded_but_gives_back_what_was_taken(played: Played) -> None:
    intent_id = played.pay(capture_method="manual").id
    played.post(f"/v1/payment_intents/{intent_id}/capture", {"amount_to_capture": "40000"})

    too_much = played.refund(intent_id, amount="40001")
    refund = played.refund(intent_id)

    assert too_much.status == 400
    assert refund.body["amount"] == 40_000
    charge = played.get("/v1/charges", {"payment_intent": intent_id}).body["data"][0]
    assert (charge["amount_captured"], charge["amount_refunded"], charge["refunded"]) == (40_000, 109_900, True)


def test_a_refund_of_a_charge_is_a_refund_of_its_payment(played: Played) -> None:
    paid = played.pay().body

    refund = played.post("/v1/refunds", {"charge": paid["latest_charge"], "reason": "duplicate"}).body

    assert (refund["payment_intent"], refund["reason"]) == (paid["id"], "duplicate")
    assert played.post("/v1/refunds", {"charge": "ch_nobodys"}).error["param"] == "charge"
    assert played.post("/v1/refunds").error["code"] == "parameter_missing"


def test_a_list_of_what_belongs_to_nothing_is_refused(played: Played) -> None:
    refused = played.get("/v1/refunds", {"payment_intent": "pi_nobodys"})

    assert (refused.status, refused.error["code"], refused.error["param"]) == (
        400,
        "resource_missing",
        "payment_intent",
    )


def test_only_a_refund_that_waits_for_its_customer_is_cancelled(played: Played) -> None:
    refund_id = played.refund(played.pay().id).id

    assert played.post(f"/v1/refunds/{refund_id}/cancel").status == 400


@pytest.mark.parametrize(
    ("end", "events", "lines"),
    [
        ("won", ["closed", "created", "funds_reinstated", "funds_withdrawn"], [109_900, -109_900, 109_900]),
        ("lost", ["closed", "created", "funds_withdrawn"], [-109_900, 109_900]),
    ],
)
def test_a_dispute_takes_the_money_and_may_return_it(
    played: Played, end: str, events: list[str], lines: list[int]
) -> None:
    paid = played.pay(capture_method="automatic")
    dispute_id = played.admin(f"payment_intents/{paid.id}/dispute", {}).id

    refused = played.refund(paid.id)
    closed = played.admin(f"disputes/{dispute_id}/close", {"status": end})
    played.settle()

    assert refused.error["code"] == "charge_disputed"
    assert closed.body["status"] == end
    told = sorted(name.rpartition(".")[2] for name in played.merchant.types() if "dispute" in name)
    assert told == events
    assert [line["amount"] for line in played.get("/v1/balance_transactions").body["data"]] == lines
    assert played.get("/v1/charges/" + paid.body["latest_charge"]).body["disputed"] is True


def test_the_truth_is_told_by_each_of_our_names(played: Played) -> None:
    path = f"/v1/payment_intents/{played.pay(key='create-1', capture_method='manual').id}"
    played.post(f"{path}/capture", {"amount_to_capture": "40000", "metadata[gateway_capture_id]": "c1"}, key="cap-1")
    played.refund(path.rpartition("/")[2], amount="900", key="ref-1", **{"metadata[gateway_refund_id]": "r1"})
    played.pay(key="create-1", capture_method="manual")

    known = played.admin("ledger").body["by_reference"]

    nothing = dict.fromkeys(known["p1"], 0)
    one_post = {**nothing, "posts_executed": 1}
    payment = {**one_post, "payments": 1, "captured_minor": 40_000, "refunded_minor": 900}
    capture = {**one_post, "captures": 1, "captured_minor": 40_000}
    refund = {**one_post, "refunds": 1, "refunded_minor": 900}
    assert known == {
        "p1": {**payment, "idempotency_keys": ["create-1"]},
        "create-1": {**payment, "idempotency_keys": ["create-1"]},
        "c1": {**capture, "idempotency_keys": ["cap-1"]},
        "cap-1": {**capture, "idempotency_keys": ["cap-1"]},
        "r1": {**refund, "idempotency_keys": ["ref-1"]},
        "ref-1": {**refund, "idempotency_keys": ["ref-1"]},
    }


def test_a_second_payment_with_one_reference_is_named(played: Played) -> None:
    played.pay(key="k1")
    played.pay(key="k2")

    truth = played.admin("truth").body

    assert truth["references_with_several"]["payment"] == ["p1"]
    assert truth["currencies"]["kes"]["captured_minor"] == 219_800


def test_the_control_plane_is_for_loopback_and_only_when_opened(tmp_path: Path) -> None:
    played, closed = Played(tmp_path / "open"), Played(tmp_path / "closed", admin="0")

    assert played.admin("ledger").status == 200
    assert played.admin("ledger", near=False).status == 404
    assert closed.admin("ledger").status == 404
    played.simulator.close()
    closed.simulator.close()


def test_the_customer_is_played_by_the_control_plane(played: Played) -> None:
    asked = played.pay(payment_method="pm_card_threeDSecureRequiredChargeDeclined", scenario="requires_action").id
    failed = played.admin(f"payment_intents/{asked}/fail_authentication", {}).body

    again = played.admin(f"payment_intents/{asked}/confirm", {"payment_method": "pm_card_visa"}).body
    passed = played.admin(f"payment_intents/{asked}/authenticate", {}).body

    assert failed["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert again["next_action"]["type"] == "redirect_to_url"
    assert (passed["status"], passed["next_action"]) == ("succeeded", None)
    assert played.admin(f"payment_intents/{asked}/authenticate", {}).status == 400


def test_the_page_of_a_payment_needs_its_token_and_works_once(played: Played) -> None:
    asked = played.pay(payment_method="pm_card_threeDSecure2Required", return_url="https://shop.example/?order=7")
    address = asked.body["next_action"]["redirect_to_url"]["url"]

    forged = played.page(address.replace("token=", "token=x"))
    done = played.page(f"{address}&outcome=complete")

    assert forged.status == 404
    assert done.headers["Location"].startswith(f"https://shop.example/?order=7&payment_intent={asked.id}&")
    assert played.page(address).status == 404


def test_without_a_return_url_the_browser_is_told_to_use_the_sdk(played: Played) -> None:
    asked = played.pay(payment_method="pm_card_threeDSecure2Required").body

    assert asked["next_action"]["type"] == "use_stripe_sdk"


def test_an_armed_fault_spoils_so_many_answers(played: Played) -> None:
    played.admin("faults", {"rule": "html", "times": 2})
    played.admin("faults", {"rule": "error_500_at_the_gate", "times": 1, "method": "GET"})

    bodies = [played.pay(key="k").response.body[:9] for _ in range(3)]

    assert bodies[:2] == [b"<!doctype"] * 2
    assert bodies[2].startswith(b"{")
    assert [played.get("/v1/balance").status for _ in range(2)] == [500, 200]
    assert played.admin("faults", {"rule": "moonshine"}).status == 400


def test_the_same_seed_brings_the_same_chaos(tmp_path: Path) -> None:
    fates = []
    for name in ("one", "two"):
        played = Played(tmp_path / name, chaos_seed="7", chaos_rate="0.5")
        answers = [played.pay(**{"metadata[gateway_payment_id]": f"p{number}"}) for number in range(30)]
        fates.append([(answer.status, type(answer.response.fault).__name__) for answer in answers])
        played.simulator.close()

    assert fates[0] == fates[1]
    assert 5 < len([fate for fate in fates[0] if fate != (200, "NoneType")]) < 25


def test_chaos_is_set_and_healed_by_the_control_plane(played: Played) -> None:
    played.admin("chaos", {"seed": 1, "mix": {"unavailable": 1}})
    broken = played.pay(key="k").status
    played.admin("chaos", {"mix": {}})

    assert [broken, played.pay(key="k").status] == [503, 200]
    assert played.admin("chaos", {"mix": {"earthquake": 1}}).status == 400


def test_reset_forgets_everything(played: Played) -> None:
    played.pay(key="k")

    played.admin("reset", {})

    assert played.admin("ledger").body["by_reference"] == {}
    assert "Idempotent-Replayed" not in played.pay(key="k").headers
