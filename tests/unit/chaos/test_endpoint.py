"""The merchant's server of the proof: what it believes, what it keeps, and how it behaves badly."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import pytest
from standardwebhooks.webhooks import Webhook

from tests.chaos import endpoint as endpoint_module
from tests.chaos.endpoint import MerchantEndpoint, fingerprint

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EVENT = {"id": "event-1", "type": "payment.completed", "data": {"amount": 1}}
NOTHING = 0


@pytest.fixture
def endpoint() -> Iterator[MerchantEndpoint]:
    with MerchantEndpoint("an endpoint", seed=7) as made:
        assert isinstance(made, MerchantEndpoint)
        made.secret = SECRET
        yield made


def _post(endpoint: MerchantEndpoint, event: object = EVENT, *, event_id: str = "event-1", secret: str = SECRET) -> int:
    """The status; ``NOTHING`` where none came."""
    body, now = json.dumps(event), datetime.now(UTC)
    headers = {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, now, body),
    }
    connection = HTTPConnection(urlsplit(endpoint.url).netloc, timeout=5)
    try:
        connection.request("POST", "/hooks", body, headers)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return NOTHING
    finally:
        connection.close()


def test_what_comes_is_kept_with_what_it_says_and_how_often(endpoint: MerchantEndpoint) -> None:
    assert [_post(endpoint), _post(endpoint)] == [200, 200]

    arrived = endpoint.came()["event-1"]
    assert (arrived.payload, arrived.times, arrived.taken) == (fingerprint(EVENT), 2, 2)
    assert arrived.complaints == ()


def test_what_is_signed_with_another_secret_is_not_believed(endpoint: MerchantEndpoint) -> None:
    assert _post(endpoint, secret="whsec_" + "A" * 32) == 400

    assert endpoint.came() == {}
    assert len(endpoint.unbelievable_since(0)) == 1


def test_another_body_under_the_same_id_is_complained_of(endpoint: MerchantEndpoint) -> None:
    _post(endpoint)
    _post(endpoint, {**EVENT, "type": "payment.failed"})

    assert endpoint.came()["event-1"].complaints == ("it came again with another body",)


def test_a_webhook_id_that_is_not_the_events_is_complained_of(endpoint: MerchantEndpoint) -> None:
    _post(endpoint, event_id="event-2")

    assert len(endpoint.came()["event-2"].complaints) == 1


def test_what_says_the_same_in_another_order_is_the_same() -> None:
    assert fingerprint({"a": 1, "b": {"c": 2}}) == fingerprint({"b": {"c": 2}, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def test_it_misbehaves_in_every_way_and_takes_what_comes_again(
    endpoint: MerchantEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_module, "PAST_THE_LIMIT_SECONDS", 0.01)
    endpoint.misbehave()

    first = {event_id: _post(endpoint, {"id": event_id}, event_id=event_id) for event_id in map(str, range(150))}
    again = {event_id: _post(endpoint, {"id": event_id}, event_id=event_id) for event_id in first}

    came = endpoint.came()
    assert set(first.values()) == {200, 500, NOTHING}
    assert set(again.values()) == {200}
    assert all(came[each].taken == 1 for each in first if first[each] != 200)
    # One answer came, too late: it is not counted as one.
    assert sum(came[each].taken == 1 for each in first if first[each] == 200) == 1


def test_whoever_still_waits_when_it_behaves_again_gets_no_answer(
    endpoint: MerchantEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, share in (("REFUSES", 0), ("LOSES", 0), ("DAWDLES", 1), ("DAWDLING", ("too late",))):
        monkeypatch.setattr(endpoint_module, name, share)
    endpoint.misbehave()

    with ThreadPoolExecutor(1) as caller:
        asked = caller.submit(_post, endpoint)
        while not endpoint.came():
            time.sleep(0.01)
        endpoint.behave()

    assert asked.result() == NOTHING
    assert endpoint.came()["event-1"].taken == 0
