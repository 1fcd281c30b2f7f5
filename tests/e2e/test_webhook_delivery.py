"""A merchant's own server in the whole system: told of a payment's life, signed, and again after a crash of ours."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from tests.e2e.journey import System
from tests.fakes.merchant_server import MerchantServer, Received, Reply, verify

ENDPOINTS = "/webhook-endpoints"


def _register(system: System, url: str) -> dict[str, Any]:
    system.merchant.sign_in()
    answer = system.merchant.http.post(ENDPOINTS, json={"url": url, "event_types": ["payment.*", "refund.*"]})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _of(payment_id: str, received: list[Received]) -> list[dict[str, Any]]:
    events = [json.loads(each.body) for each in received]
    return [each for each in events if payment_id in {each["data"]["id"], each["data"].get("transaction_id")}]


def test_a_payments_life_reaches_the_merchants_server_signed(system: System) -> None:
    with MerchantServer() as server:
        endpoint = _register(system, server.url)
        payment = system.merchant.finished(system.merchant.pay("1000.00")["id"])

        received = server.wait_for(payment["sequence"])

        assert all(verify(endpoint["secret"], each) for each in received)
        told = sorted(_of(payment["id"], received), key=lambda each: each["sequence"])
        assert [each["sequence"] for each in told] == list(range(1, payment["sequence"] + 1))
        assert [told[0]["type"], told[-1]["type"]] == ["payment.initiated", "payment.completed"]
        assert told[-1]["data"]["status"] == "completed"
        system.merchant.http.delete(f"{ENDPOINTS}/{endpoint['id']}").raise_for_status()


def test_an_endpoint_is_tested_with_what_goes_wrong_on_the_way(system: System) -> None:
    with MerchantServer() as server:
        endpoint = _register(system, server.url)

        def reply(received: Received) -> Reply:
            try:
                verify(endpoint["secret"], received)
            except WebhookVerificationError:
                return Reply(status=400)
            return Reply()

        server.reply = reply
        path = f"{ENDPOINTS}/{endpoint['id']}"
        test = system.merchant.http.post(f"{path}/test", json={}).raise_for_status().json()
        server.wait_for(8)
        report = _finished(system, f"{path}/tests/{test['id']}")

        assert (report["passed"], [each["case"] for each in report["cases"] if not each["passed"]]) == (True, [])
        assert len(server.received) == 8
        system.merchant.http.delete(path).raise_for_status()


@pytest.mark.parametrize(("point", "arrivals"), [("delivery.after_claim", 1), ("delivery.after_call", 2)])
def test_what_a_killed_process_had_in_hand_arrives_under_the_same_id(system: System, point: str, arrivals: int) -> None:
    with MerchantServer() as server:
        endpoint = _register(system, server.url)
        system.local.stop("webhook-delivery")
        payment = system.merchant.finished(system.merchant.pay("1000.00")["id"])

        assert _dies(system, f"{point}:1") == -signal.SIGKILL
        # Several threads have called at once, and none of them has written it down.
        called = len(server.received)
        assert called >= arrivals - 1
        system.local.start("webhook-delivery")
        # What it had claimed is free again when its lease is over, after 40 seconds.
        received = server.wait_for(payment["sequence"] + called, within_seconds=100)

        assert all(verify(endpoint["secret"], each) for each in received)
        assert {each["sequence"] for each in _of(payment["id"], received)} == set(range(1, payment["sequence"] + 1))
        assert max(Counter(each.event_id for each in received).values()) == arrivals
        system.merchant.http.delete(f"{ENDPOINTS}/{endpoint['id']}").raise_for_status()


def _dies(system: System, crash_at: str) -> int:
    variables = {**system.local.variables("webhook-delivery"), "CRASH_AT": crash_at}
    command = [sys.executable, "-m", "services.webhook_delivery"]
    return subprocess.run(command, env=variables, capture_output=True, check=False, timeout=60).returncode


def _finished(system: System, path: str) -> dict[str, Any]:
    give_up_at = time.monotonic() + 60
    while True:
        report: dict[str, Any] = system.merchant.http.get(path).raise_for_status().json()
        if report["finished_at"] is not None:
            return report
        assert time.monotonic() < give_up_at
        time.sleep(0.2)
