"""A payment goes all the way round: HTTP, outbox, RabbitMQ, provider, callback, event log, WebSocket."""

import json
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.e2e.journey import Json, System

ROOT = Path(__file__).parents[2]


def test_the_demo_ends_with_status_0(system: System) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "deploy.demo", "--env-file", str(system.env_file)],
        check=False, cwd=ROOT, capture_output=True, text=True, timeout=100,
    )  # fmt: skip

    assert run.returncode == 0, run.stdout + run.stderr
    assert "\x1b[" not in run.stdout  # plain when piped


def test_the_demo_fails_when_nothing_runs(tmp_path: Path) -> None:
    env_file = tmp_path / "gateway.env"
    env_file.write_text("API_URL=http://127.0.0.1:1\nWS_URL=ws://127.0.0.1:1\nAPI_KEY_ID=x\nAPI_KEY_SECRET=y\n")

    run = subprocess.run(
        [sys.executable, "-m", "deploy.demo", "--env-file", str(env_file)],
        check=False, cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert run.returncode == 1
    assert "The demo failed" in run.stdout


def test_a_payment_completes_and_is_taken_once(system: System) -> None:
    payment = system.merchant.pay()

    done = system.merchant.finished(payment["id"])

    assert (done["status"], done["amount"], done["currency"]) == ("completed", "1000.00", "KES")
    assert done["provider_transaction_id"]
    assert (system.captured(payment["id"]).payments, system.captured(payment["id"]).captured) == (1, 100_000)
    assert next(entry["event_type"] for entry in done["audit_trail"]) == "payment.initiated"
    assert {attempt["operation"] for attempt in done["attempts"]} == {"payment.initialize"}


def test_a_declined_payment_says_why_and_takes_nothing(system: System) -> None:
    payment = system.merchant.pay(scenario="declined")

    done = system.merchant.finished(payment["id"])

    assert done["status"] == "failed"
    assert done["failure"]["code"] == "declined"
    assert done["failure"]["provider_code"]
    assert done["safe_to_retry"] is True
    assert system.captured(payment["id"]).captured == 0


def test_a_payment_is_refunded_in_parts_and_never_beyond_its_amount(system: System) -> None:
    payment = system.merchant.pay()
    system.merchant.finished(payment["id"])

    first = system.merchant.refund(payment["id"], "400.00")
    too_much = system.merchant.refund(payment["id"], "600.01")
    rest = system.merchant.refund(payment["id"], "600")

    assert (first.status_code, rest.status_code) == (202, 202)
    assert (too_much.status_code, too_much.json()["code"]) == (422, "refund_exceeds_payment")
    done = system.merchant.wait(payment["id"], lambda each: each["status"] == "refunded")
    assert (done["amount_refunded"], len(done["refunds"])) == ("1000.00", 2)
    assert system.captured(payment["id"]).refunded == 100_000


def test_a_refund_that_fails_gives_its_sum_back(system: System) -> None:
    payment = system.merchant.pay(scenario="refund_fails")
    system.merchant.finished(payment["id"])

    assert system.merchant.refund(payment["id"], "1000.00").status_code == 202

    done = system.merchant.wait(payment["id"], lambda each: each["refunds"][0]["status"] == "failed")
    assert (done["status"], done["amount_refunded"]) == ("completed", "0.00")
    assert system.merchant.refund(payment["id"], "1000.00").status_code == 202


def test_the_same_key_gets_the_same_bytes_and_no_second_payment(system: System) -> None:
    key = str(uuid4())

    first = system.merchant.initialize(key=key)
    again = system.merchant.initialize(key=f'"{key.upper()}"', amount="1000")
    other = system.merchant.initialize(key=key, amount="1000.01")

    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    system.merchant.finished(first.json()["id"])
    assert system.captured(first.json()["id"]).payments == 1
    listed = system.merchant.http.get("/payments", params={"idempotency_key": key}).json()
    assert [each["id"] for each in listed["data"]] == [first.json()["id"]]


def test_lists_page_newest_first_without_a_gap(system: System) -> None:
    made = [system.merchant.pay("1.00")["id"] for _ in range(5)]

    first = system.merchant.http.get("/payments", params={"limit": 2}).json()
    second = system.merchant.http.get("/payments", params={"limit": 2, "after": first["next_cursor"]}).json()
    newer = system.merchant.http.get("/payments", params={"limit": 2, "before": second["data"][0]["id"]}).json()

    assert [each["id"] for each in first["data"] + second["data"]] == list(reversed(made))[:4]
    assert [each["id"] for each in newer["data"]] == [each["id"] for each in first["data"]]
    assert first["has_more"] is True
    assert first["total"] >= 5


def test_a_browser_watches_its_payment_with_the_client_token(system: System) -> None:
    payment = system.merchant.pay()
    url = f"{system.environment['WS_URL']}/ws/transaction/{payment['id']}"
    offered = [Subprotocol("gateway.v1"), Subprotocol(f"token.{payment['client_token']}")]

    with connect(f"{url}?after=0", subprotocols=offered, proxy=None) as socket:
        frames = _until(socket, "payment.completed")
        assert socket.subprotocol == "gateway.v1"
    with connect(f"{url}?after=1", subprotocols=offered, proxy=None) as socket:
        resumed = _until(socket, "payment.completed")

    assert [frame["sequence"] for frame in frames] == list(range(1, len(frames) + 1))
    assert frames[0]["type"] == "payment.initiated"
    assert resumed == frames[1:]


@pytest.mark.parametrize(
    "path", ["/ws/transaction/{other}", "/ws/user/{other}", "/ws/transaction/not-a-uuid", "/ws/x/y"]
)
def test_a_channel_that_is_not_yours_does_not_exist(system: System, path: str) -> None:
    payment = system.merchant.pay()
    offered = [Subprotocol("gateway.v1"), Subprotocol(f"token.{payment['client_token']}")]
    url = system.environment["WS_URL"] + path.format(other=uuid4())

    with pytest.raises(InvalidStatus) as refused, connect(url, subprotocols=offered, proxy=None):
        raise AssertionError("let in")

    assert refused.value.response.status_code == 404


def test_without_a_token_nobody_listens(system: System) -> None:
    url = f"{system.environment['WS_URL']}/ws/transaction/{uuid4()}"

    with pytest.raises(InvalidStatus) as refused, connect(url, proxy=None):
        raise AssertionError("let in")

    assert refused.value.response.status_code == 401


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"provider": "nobody"}, "/provider"),
        ({"currency": "XXX"}, "/currency"),
        ({"currency": "CHF"}, "/currency"),
        ({"amount": 0}, "/amount"),
        ({"amount": "-1"}, "/amount"),
        ({"amount": "10.001"}, "/amount"),
        ({"amount": "\u0661\u0660\u0660"}, "/amount"),
        ({"amount": True}, "/amount"),
        ({"surprise": 1}, "/surprise"),
        ({"customer": {"phone": "12"}}, "/customer/phone"),
    ],
)
def test_bad_input_is_named_and_leaves_no_trace(system: System, changed: Json, pointer: str) -> None:
    key = str(uuid4())

    answer = system.merchant.initialize(key=key, **changed)

    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert pointer in [each["pointer"] for each in answer.json()["errors"]]
    listed = system.merchant.http.get("/payments", params={"idempotency_key": key}).json()
    assert listed["total"] == 0


@pytest.mark.parametrize(
    "body", [b'{"amount": NaN}', b'{"amount": 1e400', b"[]", b"", b"\xff\xfe{\x00}\x00", b"[" * 30_000]
)
def test_what_is_no_json_object_is_a_400(system: System, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}

    answer = system.merchant.http.post("/payments/initialize", content=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "body_malformed")


def test_the_documentation_comes_from_our_own_host(system: System) -> None:
    api = system.environment["API_URL"]

    page = httpx2.get(f"{api}/openapi/swagger", trust_env=False)
    document = httpx2.get(f"{api}/openapi/openapi.json", trust_env=False)

    assert page.status_code == 200
    assert "https://" not in page.text
    assert "/api/v1/payments/initialize" in document.json()["paths"]


def _until(socket: object, event_type: str) -> list[Json]:
    frames: list[Json] = []
    while not frames or frames[-1]["type"] != event_type:
        frames.append(json.loads(socket.recv(timeout=20)))  # type: ignore[attr-defined] # a ClientConnection
    return frames
