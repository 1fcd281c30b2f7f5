"""The HTTP client that the SDK is given: one try, and the truth about it."""

import logging

import httpx2
import pytest
import stripe

from shared.domain.outcome import Declined, InDoubt, NotSent
from shared.providers.stripe.http_client import AnswerLost, AnswerUnreadable, NothingLeft, OneTryClient
from shared.providers.stripe.tests.played import (
    API_KEY,
    CLIENT_SECRET,
    KNOWN_PAYMENT,
    PAYMENT,
    SECRET,
    Handler,
    error,
    fails,
    intent,
    playing,
    says,
)

URL = "https://stripe.test/v1/balance"


def client(handler: Handler, *secrets: str) -> OneTryClient:
    return OneTryClient(httpx2.Client(transport=httpx2.MockTransport(handler)), secrets)


@pytest.mark.parametrize("failure", [httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout])
def test_what_never_left_is_told(failure: type[httpx2.TransportError]) -> None:
    with pytest.raises(NothingLeft):
        client(fails(failure)).request("post", URL, {}, "amount=1")


@pytest.mark.parametrize(
    "failure",
    [httpx2.ReadTimeout, httpx2.WriteTimeout, httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError],
)
def test_what_may_have_arrived_is_told(failure: type[httpx2.TransportError]) -> None:
    with pytest.raises(AnswerLost):
        client(fails(failure)).request("post", URL, {}, "amount=1")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"[]"),
        (200, b"null"),
        (200, b'"text"'),
        (200, b'{"object": "li'),
        (200, b"<!doctype html>"),
        (200, b'"\xff"'),
        (200, b"[" * 100_000),
        (500, b"{}"),
        (500, b'{"error": "text"}'),
        (502, b'{"error": null}'),
        (302, b'{"id": "pi_1"}'),
    ],
    ids=lambda part: repr(part)[:30],
)
def test_an_answer_that_is_not_stripes_is_unreadable_but_has_a_status(status: int, body: bytes) -> None:
    with pytest.raises(AnswerUnreadable) as unreadable:
        client(says(body, status, retry_after="7")).request("get", URL, {})

    assert unreadable.value.http_status == status
    assert (unreadable.value.headers or {})["retry-after"] == "7"


def test_a_secret_that_an_answer_repeats_is_taken_out() -> None:
    text, _, _ = client(says({"message": f"Invalid key {API_KEY}"}), API_KEY).request("get", URL, {})

    assert text == '{"message": "Invalid key [redacted]"}'


def test_a_notice_to_developers_becomes_no_warning() -> None:
    _, _, headers = client(says({}, stripe_notice="Upgrade!", request_id="req_1")).request("get", URL, {})

    assert "stripe-notice" not in headers
    assert headers["Request-Id"] == "req_1"


@pytest.mark.parametrize("should_retry", ["true", "false"])
@pytest.mark.parametrize("status", [409, 429, 500, 503])
def test_nothing_is_sent_twice(status: int, should_retry: str) -> None:
    adapter, played = playing(says(error(), status, stripe_should_retry=should_retry))

    adapter.initialize_payment(PAYMENT)

    assert len(played.asked) == 1


@pytest.mark.parametrize("failure", [httpx2.ConnectError, httpx2.ReadTimeout])
def test_no_connection_is_tried_twice(failure: type[httpx2.TransportError]) -> None:
    adapter, played = playing(fails(failure))

    outcome = adapter.initialize_payment(PAYMENT)

    assert isinstance(outcome, NotSent if failure is httpx2.ConnectError else InDoubt)
    assert len(played.asked) == 1


def test_a_request_says_who_we_are_and_in_which_version_and_is_measured_by_nobody() -> None:
    adapter, played = playing(says(intent(), request_id="req_1"))

    adapter.initialize_payment(PAYMENT)
    adapter.verify_payment(KNOWN_PAYMENT)

    first, second = (asked.headers for asked in played.asked)
    assert first["authorization"] == f"Bearer {API_KEY}"
    assert first["stripe-version"] == "2026-10-28.endive"
    assert first["idempotency-key"] == PAYMENT.idempotency_key
    assert first["content-type"] == "application/x-www-form-urlencoded"
    assert first["user-agent"].startswith("Stripe/v1 PythonBindings/")
    assert "x-stripe-client-telemetry" not in second
    assert "telemetry_id" not in second["x-stripe-client-user-agent"]
    assert stripe.max_network_retries == 2, "the SDK's own default is nobody's business but other users'"


def test_no_secret_is_in_any_log_or_outcome(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        adapter, _ = playing(
            says(intent("requires_action", next_action={"type": "use_stripe_sdk"})),
            says(error(message=f"Invalid API Key {API_KEY} {SECRET}"), 401),
            says(error(message=f"No: {API_KEY} {SECRET}", type="card_error"), 402),
        )
        pending, refused, declined = (adapter.initialize_payment(PAYMENT) for _ in range(3))

    assert CLIENT_SECRET not in caplog.text
    assert API_KEY not in caplog.text
    assert CLIENT_SECRET not in repr(getattr(pending, "answer", ""))
    assert isinstance(declined, Declined)
    assert declined.provider_message == "No: [redacted] [redacted]"
    assert API_KEY not in repr([refused, declined, adapter])
