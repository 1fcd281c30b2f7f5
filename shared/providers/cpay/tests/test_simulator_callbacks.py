"""Events and callbacks: told in order, signed, repeated on schedule, owed over restarts and kills."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from shared.provider_kit.simulator import (
    CallbackAnswer,
)
from shared.providers.cpay.tests.played import NEW_SECRET, OLD_SECRET, Played, read


def test_events_can_be_read_again_for_30_days(played: Played) -> None:
    played.paid(scenario="webhook_lost")

    events = read(played.ask("GET", "/v1/events")).listed()
    rest = read(played.ask("GET", f"/v1/events?after={events[0]['id']}")).listed()

    assert [len(events), len(rest)] == [2, 1]
    assert played.merchant.posts == []
    played.clock.pass_time(days=31)
    assert read(played.ask("GET", "/v1/events")).listed() == []


def test_the_events_of_a_payment_and_its_refunds_are_numbered(played: Played) -> None:
    payment_id = played.paid()
    played.ask("POST", f"/v1/payments/{payment_id}/refunds", {}, key="r")
    played.pass_time(seconds=1)

    told = [json.loads(post.body)["data"]["sequence"] for post in played.merchant.posts]

    assert told == [1, 2, 3, 4]


def test_callbacks_are_repeated_on_the_documented_schedule_and_then_given_up(played: Played) -> None:
    played.merchant.answer = CallbackAnswer(status=500)
    played.pay("declined")
    gaps = [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]

    counts = []
    for gap in gaps:
        played.pass_time(seconds=gap - 1 if gap else 0)
        before = len(played.merchant.posts)
        played.pass_time(seconds=1 if gap else 0)
        counts.append((before, len(played.merchant.posts)))

    assert counts[1:] == [(attempt, attempt + 1) for attempt in range(1, 10)]
    deliveries = read(played.ask("GET", "/_admin/deliveries")).listed("deliveries")
    assert {delivery["state"] for delivery in deliveries} == {"given_up"}
    assert len({post.headers["webhook-id"] for post in played.merchant.posts}) == 1
    assert len({post.headers["webhook-timestamp"] for post in played.merchant.posts}) == 10


def test_the_schedule_is_divided_by_the_time_scale(tmp_path: Path) -> None:
    played = Played(tmp_path, time_scale="1000")
    played.merchant.answer = None
    played.pay("declined")
    played.pass_time(seconds=0)

    played.pass_time(milliseconds=5)

    assert len(played.merchant.posts) == 2
    played.simulator.close()


def test_a_wish_to_be_asked_later_is_honoured(played: Played) -> None:
    played.merchant.answer = CallbackAnswer(status=503, retry_after_seconds=60)
    played.pay("declined")
    played.pass_time(seconds=0)

    played.pass_time(seconds=59)
    before = len(played.merchant.posts)
    played.pass_time(seconds=1)

    assert [before, len(played.merchant.posts)] == [1, 2]


def test_a_receiver_that_is_gone_gets_nothing_more(played: Played) -> None:
    played.merchant.answer = CallbackAnswer(status=410)
    played.pay()
    played.pass_time(seconds=0)

    played.pass_time(seconds=1)
    played.pass_time(days=10)

    assert played.merchant.types() == ["payment.pending"]


def test_a_redirect_is_a_failure(played: Played) -> None:
    played.merchant.answer = CallbackAnswer(status=302)
    played.pay("declined")
    played.pass_time(seconds=0)

    played.pass_time(seconds=5)

    assert len(played.merchant.posts) == 2


def test_a_payment_may_name_its_own_receiver(played: Played) -> None:
    played.pay(callback_url="http://elsewhere/x")

    played.pass_time(seconds=1)

    assert {post.url for post in played.merchant.posts} == {"http://elsewhere/x"}


def test_every_configured_secret_signs(played: Played) -> None:
    played.pay()
    played.settle()
    post = played.merchant.posts[0]

    signatures = post.headers["webhook-signature"].split(" ")

    at = played.clock.now()
    assert signatures == [
        Webhook(secret).sign(post.headers["webhook-id"], at, post.body.decode()) for secret in (NEW_SECRET, OLD_SECRET)
    ]


def test_an_early_callback_is_sent_before_the_answer(played: Played) -> None:
    response = played.pay("webhook_early")

    assert played.merchant.types() == ["payment.succeeded"]
    assert read(response).status == "pending"


def test_a_simulator_that_is_killed_forgets_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    program = f"""
import os, pathlib, signal
from shared.providers.cpay.tests.played import Played
played = Played(pathlib.Path({str(folder)!r}))
played.pay()
played.pay("hang_after_commit", reference="hung", key="k2")
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", program], check=False, cwd=os.getcwd(), timeout=30)  # noqa: S603, PTH109 - our own program
    assert killed.returncode == -signal.SIGKILL

    played = Played(folder)
    played.clock.pass_time(seconds=1)
    replayed = played.pay()
    played.pass_time(seconds=0)

    assert replayed.headers["Idempotent-Replayed"] == "true"
    assert read(played.ask("GET", f"/v1/payments/{read(replayed).id}")).status == "succeeded"
    assert sorted(played.merchant.types()) == ["payment.pending"] * 2 + ["payment.succeeded"] * 2
    played.simulator.close()


def test_callbacks_that_are_owed_are_sent_after_a_restart(played: Played) -> None:
    played.merchant.answer = None
    played.pay()
    played.pass_time(seconds=1)
    played.merchant.answer = CallbackAnswer(status=200)

    played.restart()
    played.pass_time(seconds=5)

    assert played.merchant.types() == ["payment.pending", "payment.succeeded"] * 2


def test_callbacks_are_signed_with_what_the_admin_says_from_then_on(played: Played) -> None:
    told = played.ask("POST", "/_admin/webhook_secrets", {"webhook_secrets": [OLD_SECRET]})
    played.pay()
    played.pass_time(seconds=1)

    post = played.merchant.posts[0]
    moment = datetime.fromtimestamp(int(post.headers["webhook-timestamp"]), UTC)
    expected = Webhook(OLD_SECRET).sign(post.headers["webhook-id"], moment, post.body.decode())
    assert (told.status, post.headers["webhook-signature"]) == (200, expected)


@pytest.mark.parametrize("wrong", [[], ["whsec_"], ["secret"], "whsec_x", [OLD_SECRET] * 5])
def test_what_is_no_webhook_secret_is_refused(played: Played, wrong: object) -> None:
    assert played.ask("POST", "/_admin/webhook_secrets", {"webhook_secrets": wrong}).status == 400
