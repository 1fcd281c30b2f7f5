"""The verifier of events: what it believes, what it does not, and that nothing else ever comes out of it."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter
from stripe import WebhookSignature

from shared.domain.errors import WebhookRejected
from shared.provider_kit.provider import VerifiedWebhook, WebhookRequest
from shared.providers.stripe.config import StripeConfig
from shared.providers.stripe.tests.played import CONFIG, FIXTURES, NOW, OLD_SECRET, SECRET, intent
from shared.providers.stripe.webhooks import verify

T = int(NOW.timestamp())
EVENT = {
    "id": "evt_1",
    "object": "event",
    "api_version": "2026-10-28.endive",
    "created": T,
    "livemode": False,
    "type": "payment_intent.succeeded",
    "data": {"object": intent()},
}
BODY = json.dumps(EVENT).encode()


class Vector(BaseModel):
    secret: str
    timestamp: int
    body: str
    header: str


VECTORS = TypeAdapter(dict[str, list[Vector]]).validate_json((FIXTURES / "signature_vectors.json").read_bytes())


def config(*secrets: str, **changes: object) -> StripeConfig:
    return StripeConfig.model_validate({**CONFIG, "webhook_secrets": secrets or (SECRET,), **changes})


def v1(body: bytes = BODY, secret: str = SECRET, at: int = T) -> str:
    """By hand, so that bodies may be anything."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def signed(body: bytes = BODY, header: str | None = None, received_at: datetime = NOW) -> WebhookRequest:
    given_header = f"t={T},v1={v1(body)}" if header is None else header
    return WebhookRequest(headers={"stripe-signature": given_header}, body=body, received_at=received_at)


def is_believed(request: WebhookRequest, believer: StripeConfig | None = None) -> bool:
    """The verdict; anything but ``WebhookRejected`` fails the test."""
    try:
        verify(request, believer or config())
    except WebhookRejected:
        return False
    return True


@pytest.mark.parametrize("vector", VECTORS["stripe"], ids=lambda vector: vector.header)
def test_the_vectors_of_stripe_are_believed(vector: Vector) -> None:
    request = signed(vector.body.encode(), vector.header, datetime.fromtimestamp(vector.timestamp, UTC))

    verified = verify(request, config(vector.secret))

    assert (verified.event_id, verified.event_type) == ("evt_test_webhook", "payment_intent.succeeded")


def test_what_the_sdk_signs_is_believed() -> None:
    header = WebhookSignature.generate_signature_header(BODY.decode(), SECRET, T)

    verified = verify(signed(header=header), config())

    assert verified == VerifiedWebhook(
        event_id="evt_1", event_type="payment_intent.succeeded", payload=EVENT, signature=header
    )


GOOD = v1()
OLD = v1(secret=OLD_SECRET)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(signed(header=f"t={T},v1={OLD},v1={GOOD}"), id="two signatures, ours second"),
        pytest.param(signed(header=f"v1={GOOD},t={T}"), id="time last"),
        pytest.param(signed(header=f"t={T},v0={OLD},v1={GOOD}"), id="a v0 beside"),
        pytest.param(signed(header=f"t={T},v1={GOOD},v1=rubbish,,=,x"), id="rubbish beside"),
        pytest.param(signed(received_at=NOW + timedelta(seconds=300, microseconds=999_999)), id="300 s and a bit old"),
        pytest.param(signed(received_at=NOW - timedelta(seconds=300)), id="300 s ahead"),
        pytest.param(signed(b'{"id":"evt_1","object":"event","type":"x"}'), id="an event that says nothing"),
        pytest.param(
            signed(b'{"id":"evt_1","object":"v2.core.event","type":"v1.billing.meter","livemode":false}'), id="thin"
        ),
    ],
)
def test_a_signed_and_fresh_event_is_believed(request_: WebhookRequest) -> None:
    assert is_believed(request_)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(signed(received_at=NOW + timedelta(seconds=301)), id="301 s old"),
        pytest.param(signed(received_at=NOW - timedelta(seconds=301)), id="301 s ahead"),
        pytest.param(signed(received_at=NOW - timedelta(days=400)), id="a year ahead"),
        pytest.param(signed(BODY + b" ", f"t={T},v1={GOOD}"), id="body changed"),
        pytest.param(signed(header=f"t={T + 1},v1={GOOD}"), id="time changed"),
        pytest.param(signed(header=f"t={T},v1={OLD}"), id="another secret"),
        pytest.param(signed(header=f"t={T},v0={GOOD}"), id="v0 only"),
        pytest.param(signed(header=f"t={T},V1={GOOD}"), id="V1"),
        pytest.param(signed(header=f"t={T},v1={GOOD.upper()}"), id="upper case"),
        pytest.param(signed(header=f"t={T},v1={GOOD[:-1]}"), id="cut off"),
        pytest.param(signed(header=f"t={T}, v1={GOOD}"), id="a blank, as the SDK sees it"),
        pytest.param(signed(header=f"t={T},v1={GOOD}é"), id="non-ASCII at the end"),
        pytest.param(signed(header=f"t={T},v1=žluťoučký,v1={GOOD}"), id="non-ASCII signature"),
        pytest.param(signed(header=f"t={T},v1=\ud800"), id="half a character"),
        pytest.param(signed(header=f"t={T},t={T},v1={GOOD}"), id="two times"),
        pytest.param(signed(header=f"v1={GOOD}"), id="no time"),
        pytest.param(signed(header=f"t=,v1={GOOD}"), id="empty time"),
        pytest.param(signed(header=f"t=+{T},v1={GOOD}"), id="signed time"),
        pytest.param(signed(header=f"t={T}.0,v1={GOOD}"), id="float time"),
        pytest.param(signed(header=f"t=1e9,v1={GOOD}"), id="exponent"),
        pytest.param(signed(header=f"t={'9' * 5_000},v1={GOOD}"), id="huge time"),
        pytest.param(signed(header=f"t={T}"), id="no signature"),
        pytest.param(signed(header=f"t={T},v1="), id="empty signature"),
        pytest.param(signed(header=f"t={T}," + "v1=aa," * 20 + f"v1={GOOD}"), id="ours far behind"),
        pytest.param(signed(header="v1=aa," * 100_000), id="very many"),
        pytest.param(signed(header=""), id="empty header"),
        pytest.param(signed(header="t"), id="a word"),
        pytest.param(WebhookRequest(headers={}, body=BODY, received_at=NOW), id="no header"),
    ],
)
def test_anything_else_is_rejected_and_raises_nothing_else(request_: WebhookRequest) -> None:
    assert not is_believed(request_)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b"\xff\xfe{}",
        b'{"id":"","object":"event","type":"x"}',
        b'{"id":"evt_1","object":"event","type":""}',
        b'{"id":"evt_1","object":"event"}',
        b'{"id":5,"object":"event","type":"x"}',
        b'{"id":"evt_\\u0000","object":"event","type":"x"}',
        b'{"id":"evt_\\ud800","object":"event","type":"x"}',
        b'{"id":"evt_1","object":"event","type":"x","livemode":"false"}',
        b'{"id":"evt_1","object":"event","type":"x","data":{"object":{"a":NaN}}}',
        b"[" * 100_000,
        b'{"id":"evt_1","object":"event","type":"x","data":' + b'{"object":' * 900 + b"1" + b"}" * 901,
        b'{"amount":' + b"9" * 10_000 + b"}",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_body_that_is_no_event_is_rejected_though_it_is_signed(body: bytes) -> None:
    assert not is_believed(signed(body))


@pytest.mark.parametrize("used", [SECRET, OLD_SECRET])
def test_every_configured_secret_verifies(used: str) -> None:
    assert is_believed(signed(header=f"t={T},v1={v1(secret=used)}"), config(SECRET, OLD_SECRET))


def test_a_secret_is_used_whole_and_trimmed() -> None:
    assert is_believed(signed(), config(f" {SECRET}\n"))
    assert not is_believed(signed(header=f"t={T},v1={v1(secret=SECRET.removeprefix('whsec_'))}"))


def test_without_a_secret_nothing_is_believed() -> None:
    assert not is_believed(signed(), StripeConfig.model_validate({**CONFIG, "webhook_secrets": []}))
    assert not is_believed(signed(header=f"t={T},v1={v1(secret='')}"))


@pytest.mark.parametrize(
    ("key", "livemode", "verdict"),
    [("test", False, True), ("test", True, False), ("live", True, True), ("live", False, False)],
)
def test_an_event_of_the_other_mode_is_rejected(key: str, livemode: bool, verdict: bool) -> None:  # noqa: FBT001 - a table
    believer = config(api_key=f"sk_{key}_1", publishable_key=None)

    assert is_believed(signed(json.dumps({**EVENT, "livemode": livemode}).encode()), believer) is verdict


@given(header=st.text(), body=st.binary(), seconds=st.integers(min_value=-(10**9), max_value=10**9))
def test_a_stranger_gets_nothing_but_a_rejection(header: str, body: bytes, seconds: int) -> None:
    assert not is_believed(signed(body, header, NOW + timedelta(seconds=seconds)))


ENTRIES = st.lists(
    st.one_of(
        st.just(f"t={T}"),
        st.just(f"v1={GOOD}"),
        st.just(f"v0={GOOD}"),
        st.text(alphabet="tv01=, é\x00", max_size=8),
        st.integers().map(lambda number: f"t={number}"),
    ),
    max_size=6,
)


@given(entries=ENTRIES)
def test_a_header_of_any_parts_is_believed_or_rejected(entries: list[str]) -> None:
    header = ",".join(entries)

    believed = is_believed(signed(header=header))

    parts = header.split(",")
    assert not believed or (f"v1={GOOD}" in parts and f"t={T}" in parts)


@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["id", "object", "type", "livemode", "data"]) | st.text(), inner, max_size=5
            )
        ),
    )
)
def test_a_signed_body_of_any_shape_is_believed_or_rejected(body: object) -> None:
    is_believed(signed(json.dumps(body).encode()))
