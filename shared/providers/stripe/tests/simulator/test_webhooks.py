"""Events and webhooks: signed, in Stripe's envelope, told as the scenario wants, repeated, owed over kills."""

import hashlib
import hmac
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import stripe

from shared.provider_kit.simulator import CallbackAnswer
from shared.providers.stripe.simulator.telling import signature
from shared.providers.stripe.tests.simulator.played import NEW_SECRET, OLD_SECRET, Played, Post

TAKEN = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


def verified(post: Post, secret: str = NEW_SECRET) -> stripe.Event:
    """As the SDK sees it, whatever the time; its clock is not ours."""
    event: stripe.Event = stripe.Webhook.construct_event(post.body, post.signature, secret, tolerance=0)
    return event


def seconds_of(post: Post) -> int:
    match = re.match(r"t=(\d+),", post.signature)
    assert match is not None
    return int(match[1])


def test_the_signature_is_the_documented_vector() -> None:
    body = (
        b'{"id":"evt_test_webhook","object":"event","type":"payment_intent.succeeded",'
        b'"data":{"object":{"id":"pi_test","object":"payment_intent"}}}'
    )

    expected = "d5141a1fa9ba706edce2eacee79811aa6946fd70cd24dea1cce7d2ce7874f5a2"
    assert signature("whsec_test_secret", 1_700_000_000, body) == expected


def test_every_secret_signs_and_a_v0_is_beside_them(played: Played) -> None:
    played.pay()
    played.settle()
    post = played.merchant.posts[0]

    schemes = [part.partition("=")[0] for part in post.signature.split(",")]

    assert schemes == ["t", "v1", "v1", "v0"]
    at = seconds_of(post)
    expected = hmac.new(NEW_SECRET.encode(), f"{at}.".encode() + post.body, hashlib.sha256).hexdigest()
    assert f"v1={expected}" in post.signature


def test_an_event_names_the_request_that_caused_it(played: Played) -> None:
    answer = played.pay(key="k1")
    played.settle()

    event = played.merchant.of_type("payment_intent.succeeded")[0].event

    assert event["request"] == {"id": answer.headers["Request-Id"], "idempotency_key": "k1"}
    assert event["data"]["object"] == answer.body
    assert (event["livemode"], event["pending_webhooks"]) == (False, 1)


@pytest.mark.parametrize(
    ("changes", "types"),
    [
        ({}, [*TAKEN, "charge.updated"]),
        ({"capture_method": "automatic"}, TAKEN),
        (
            {"capture_method": "manual"},
            ["payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated"],
        ),
        (
            {"payment_method": "pm_card_chargeDeclined"},
            ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"],
        ),
        (
            {"payment_method": "pm_card_threeDSecure2Required"},
            ["payment_intent.created", "payment_intent.requires_action"],
        ),
        (
            {"scenario": "processing_succeeds", "capture_method": "automatic"},
            ["payment_intent.created", "charge.pending", "payment_intent.processing", *TAKEN[1:]],
        ),
        (
            {"scenario": "processing_fails"},
            [
                "payment_intent.created",
                "charge.pending",
                "payment_intent.processing",
                "charge.failed",
                "payment_intent.payment_failed",
            ],
        ),
        (
            {"payment_method": "pm_card_createDispute", "capture_method": "automatic"},
            [*TAKEN, "charge.dispute.created", "charge.dispute.funds_withdrawn"],
        ),
        (
            {"payment_method": "pm_card_createDisputeInquiry", "capture_method": "automatic"},
            [*TAKEN, "charge.dispute.created"],
        ),
    ],
)
def test_each_happening_has_its_events(played: Played, changes: dict[str, str], types: list[str]) -> None:
    played.pay(**changes)

    played.pass_time(seconds=3)

    assert sorted(played.merchant.types()) == sorted(types)


def test_a_cancelled_authorization_is_told_as_released(played: Played) -> None:
    intent_id = played.pay(capture_method="manual").id
    played.settle()
    played.merchant.posts.clear()

    played.post(f"/v1/payment_intents/{intent_id}/cancel")
    played.settle()

    assert sorted(played.merchant.types()) == ["charge.refunded", "payment_intent.canceled"]
    charge = played.merchant.of_type("charge.refunded")[0].event["data"]["object"]
    assert (charge["captured"], charge["amount_captured"], charge["amount_refunded"]) == (False, 0, 109_900)


def test_webhooks_are_repeated_with_growing_gaps_for_three_days_and_then_given_up(played: Played) -> None:
    played.merchant.answer = CallbackAnswer(status=500)
    played.pay(payment_method="pm_card_threeDSecure2Required")
    played.settle()
    counts = [len(played.merchant.posts)]

    for seconds in (5, 30, 120, 600, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400, 86_400, 86_400):
        played.pass_time(seconds=seconds)
        counts.append(len(played.merchant.posts))

    assert counts == [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 22]
    assert len({post.event["id"] for post in played.merchant.posts}) == 2
    assert len({post.signature for post in played.merchant.of_type("payment_intent.created")}) == 11


def test_the_gaps_are_divided_by_the_time_scale(tmp_path: Path) -> None:
    played = Played(tmp_path, time_scale="1000")
    played.merchant.answer = None
    played.pay()
    played.settle()

    played.pass_time(milliseconds=5)

    assert len(played.merchant.of_type("payment_intent.created")) == 2
    played.simulator.close()


def results(played: Played) -> list[Post]:
    return played.merchant.of_type("payment_intent.succeeded")


@pytest.mark.parametrize(
    ("scenario", "ids", "posts"),
    [
        ("succeeds", 1, 1),
        ("webhook_twice", 1, 2),
        ("webhook_repeated", 1, 5),
        ("webhook_two_ids", 2, 2),
        ("webhook_lost", 0, 0),
    ],
)
def test_an_event_is_told_so_often(played: Played, scenario: str, ids: int, posts: int) -> None:
    played.pay(scenario=scenario)

    played.settle()

    assert len(results(played)) == posts
    assert len({post.event["id"] for post in results(played)}) == ids


def test_out_of_order_the_result_comes_first(played: Played) -> None:
    played.pay(scenario="webhook_out_of_order")

    played.settle()
    first = played.merchant.types()
    played.pass_time(seconds=3)

    assert first == ["payment_intent.succeeded"]
    assert "payment_intent.created" in played.merchant.types()


def test_an_early_webhook_comes_before_the_answer(played: Played) -> None:
    played.pay(scenario="webhook_early")

    assert played.merchant.types() == TAKEN
    played.pass_time(seconds=10)
    assert len(results(played)) == 1


@pytest.mark.parametrize(("scenario", "shift"), [("webhook_stale", -600), ("webhook_future", 600), ("succeeds", 0)])
def test_a_webhook_is_of_its_time(played: Played, scenario: str, shift: int) -> None:
    played.pay(scenario=scenario)
    played.settle()

    post = results(played)[0]

    assert seconds_of(post) - int(played.clock.now().timestamp()) == shift
    assert verified(post).type == "payment_intent.succeeded"


def test_a_forged_webhook_is_not_believed(played: Played) -> None:
    played.pay(scenario="webhook_wrong_secret")
    played.settle()

    for secret in (NEW_SECRET, OLD_SECRET):
        with pytest.raises(stripe.SignatureVerificationError):
            verified(results(played)[0], secret)


def test_a_thin_event_comes_beside_the_others(played: Played) -> None:
    played.pay(scenario="webhook_thin_v2")
    played.settle()

    thin = [post for post in played.merchant.posts if post.event["object"] == "v2.core.event"]

    assert [post.event["type"] for post in thin] == ["v1.payment_intent.succeeded"]
    assert "data" not in thin[0].event
    with pytest.raises(ValueError, match="thin event"):
        verified(thin[0])
    assert len(results(played)) == 1


def test_an_old_endpoint_gets_the_list_of_charges(played: Played) -> None:
    played.pay(scenario="webhook_old_version")
    played.settle()

    event = results(played)[0].event
    intent = event["data"]["object"]

    assert event["api_version"] == "2019-02-11"
    assert "latest_charge" not in intent
    assert [charge["amount"] for charge in intent["charges"]["data"]] == [109_900]


def test_misleading_events_are_signed_like_true_ones(played: Played) -> None:
    played.pay(scenario="webhook_other_amount")
    played.pay(scenario="webhook_unknown_reference")
    played.pay(scenario="webhook_wrong_livemode")
    played.settle()
    known = {intent["id"] for intent in played.get("/v1/payment_intents").body["data"]}

    other, unknown, live = (verified(post) for post in results(played))

    told = {event.data.object["amount"] for event in (other, unknown, live)}
    assert told == {109_900, 109_901}
    strangers = [event for event in (other, unknown, live) if event.data.object["id"] not in known]
    assert len(strangers) == 1
    assert [event.livemode for event in (other, unknown, live)].count(True) == 1


def test_an_event_of_a_type_that_nobody_knows_is_told(played: Played) -> None:
    played.pay(scenario="webhook_unknown_type")
    played.settle()

    assert len(played.merchant.of_type("payment_intent.teleported")) == 1


def test_undelivered_events_can_be_listed_for_30_days(played: Played) -> None:
    played.pay(scenario="webhook_lost")
    told_of = played.pay().id
    played.settle()

    lost = played.get("/v1/events", {"delivery_success": "false", "limit": "100"}).body["data"]
    told = played.get("/v1/events", {"delivery_success": "true"}).body["data"]

    assert [event["type"] for event in lost] == TAKEN[::-1]
    assert {event["type"] for event in told} == set(TAKEN)
    assert {told_of} == {event["data"]["object"].get("payment_intent", event["data"]["object"]["id"]) for event in told}
    assert {event["pending_webhooks"] for event in told} == {0}
    played.clock.pass_time(days=31)
    assert played.get("/v1/events").body["data"] == []
    assert played.get(f"/v1/events/{lost[0]['id']}").status == 404


def test_a_simulator_that_is_killed_forgets_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    program = f"""
import os, pathlib, signal
from shared.providers.stripe.tests.simulator.played import Played
played = Played(pathlib.Path({str(folder)!r}))
played.pay(key="k1")
played.pay(key="k2", scenario="hang_after_commit")
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", program], check=False, cwd=os.getcwd(), timeout=60)  # noqa: S603, PTH109 - our own program
    assert killed.returncode == -signal.SIGKILL

    played = Played(folder)
    replayed = played.pay(key="k1")
    played.settle()

    assert replayed.headers["Idempotent-Replayed"] == "true"
    assert sorted(played.merchant.types()) == sorted(TAKEN * 2)
    played.simulator.close()
