"""The verifier of Standard Webhooks: what it believes, what it does not, and that nothing else ever comes out of it."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, TypeAdapter
from standardwebhooks import Webhook

from shared.domain.errors import WebhookRejected
from shared.domain.money import Money
from shared.domain.outcome import Declined, Pending, Succeeded
from shared.provider_kit.provider import NothingReported, PaymentReported, RefundReported, WebhookRequest
from shared.provider_kit.simulator import Delivery
from shared.providers.cpay.config import webhook_key
from shared.providers.cpay.simulator.telling import Signer
from shared.providers.cpay.webhooks import report_of, verify

FIXTURES = Path(__file__).parent.parent / "fixtures"
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="  # noqa: S105 - of the fixtures
OLD_SECRET = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="  # noqa: S105 - of the fixtures
FOREIGN = "whsec_QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8="
NOW = datetime(2026, 1, 15, 10, 0, 0, tzinfo=UTC)
BODY = (FIXTURES / "event_payment_succeeded.json").read_bytes()
EVENT_ID = "evt_0001"


class Vector(BaseModel):
    secret: str
    previous_secret: str | None = None
    id: str = Field(alias="webhook-id")
    timestamp: str = Field(alias="webhook-timestamp")
    body: str
    signature: str = Field(alias="webhook-signature")
    during_rotation: str | None = Field(alias="webhook-signature_during_rotation", default=None)


VECTORS = TypeAdapter(dict[str, list[Vector]]).validate_json((FIXTURES / "signature_vectors.json").read_bytes())


def signature(secret: str = SECRET, *, event_id: str = EVENT_ID, at: datetime = NOW, body: bytes = BODY) -> str:
    return Webhook(secret).sign(event_id, at, body.decode())


def callback(body: bytes = BODY, received_at: datetime = NOW, **changes: str) -> WebhookRequest:
    """A good callback, but for ``changes`` to its headers (``id``, ``timestamp``, ``signature``)."""
    headers = {"id": EVENT_ID, "timestamp": str(int(NOW.timestamp())), "signature": signature(body=body), **changes}
    return WebhookRequest(
        headers={f"webhook-{name}": value for name, value in headers.items()}, body=body, received_at=received_at
    )


def is_believed(request: WebhookRequest, *secrets: str) -> bool:
    """The verdict; anything but ``WebhookRejected`` fails the test."""
    try:
        verify(request, [webhook_key(secret) for secret in secrets or (SECRET,)])
    except WebhookRejected:
        return False
    return True


def event(name: str) -> Mapping[str, object]:
    loaded: Mapping[str, object] = json.loads((FIXTURES / f"event_{name}.json").read_bytes())
    return loaded


def test_the_published_vector_of_standard_webhooks_has_our_signature_scheme() -> None:
    vector = VECTORS["standard_webhooks"][0]
    request = WebhookRequest(
        headers={
            "webhook-id": vector.id,
            "webhook-timestamp": vector.timestamp,
            "webhook-signature": vector.signature,
        },
        body=vector.body.encode(),
        received_at=datetime.fromtimestamp(int(vector.timestamp), UTC),
    )

    # Its body is signed well, but it is no event of CPay's: it has neither type nor data.
    with pytest.raises(WebhookRejected, match="no event"):
        verify(request, [webhook_key(vector.secret)])


def test_the_vectors_of_cpay_are_believed_also_during_a_rotation() -> None:
    vector = VECTORS["cpay"][0]
    headers = {"webhook-id": vector.id, "webhook-timestamp": vector.timestamp}
    at = datetime.fromtimestamp(int(vector.timestamp), UTC)
    for given in (vector.signature, vector.during_rotation or ""):
        request = WebhookRequest(
            headers={**headers, "webhook-signature": given}, body=vector.body.encode(), received_at=at
        )

        verified = verify(request, [webhook_key(vector.secret)])

        assert (verified.event_id, verified.event_type) == ("evt_0001", "payment.succeeded")
    assert is_believed(request, vector.previous_secret or "")


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(callback(), id="signed just now"),
        pytest.param(callback(signature=f"{signature(OLD_SECRET)} {signature()}"), id="both secrets, ours second"),
        pytest.param(callback(signature=f"v1a,AAAA {signature()}"), id="another version first"),
        pytest.param(callback(signature=f"v1,%%% nocomma {signature()}"), id="rubbish first"),
        pytest.param(callback(signature=" ".join(["v1,AAAA"] * 9 + [signature()])), id="ours is the tenth"),
        pytest.param(callback(received_at=NOW + timedelta(seconds=300)), id="300 s old"),
        pytest.param(callback(received_at=NOW - timedelta(seconds=300)), id="300 s ahead"),
        pytest.param(callback(received_at=NOW + timedelta(seconds=300, microseconds=999_999)), id="300 s and a bit"),
    ],
)
def test_a_signed_and_fresh_callback_is_believed(request_: WebhookRequest) -> None:
    assert is_believed(request_)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(callback(received_at=NOW + timedelta(seconds=301)), id="301 s old"),
        pytest.param(callback(received_at=NOW - timedelta(seconds=301)), id="301 s ahead"),
        pytest.param(callback(received_at=NOW + timedelta(days=11)), id="11 days old"),
        pytest.param(callback(received_at=NOW - timedelta(days=11)), id="11 days ahead"),
        pytest.param(WebhookRequest(headers=callback().headers, body=BODY + b" ", received_at=NOW), id="body changed"),
        pytest.param(callback(timestamp=str(int(NOW.timestamp()) + 1)), id="time changed"),
        pytest.param(callback(id="evt_0002"), id="id changed"),
        pytest.param(callback(signature=signature(FOREIGN)), id="wrong secret"),
        pytest.param(callback(signature=signature(OLD_SECRET)), id="a secret of before"),
        pytest.param(callback(signature=signature().removeprefix("v1,")), id="no version"),
        pytest.param(callback(signature=signature().replace("v1,", "v0,")), id="v0 only"),
        pytest.param(callback(signature=signature().replace("v1,", "v1a,")), id="v1a only"),
        pytest.param(callback(signature=signature().replace("v1,", "V1,")), id="V1 only"),
        pytest.param(callback(signature=""), id="empty signature"),
        pytest.param(callback(signature="v1,"), id="empty v1"),
        pytest.param(callback(signature=","), id="a comma"),
        pytest.param(callback(signature=signature()[:-2]), id="signature cut off"),
        pytest.param(callback(signature=signature() + "AA"), id="signature too long"),
        pytest.param(
            callback(signature="v1," + base64.b64decode(signature().removeprefix("v1,")).hex()), id="hexadecimal"
        ),
        pytest.param(callback(signature=signature().swapcase().replace("V1,", "v1,")), id="case swapped"),
        pytest.param(callback(signature="v1,žluťoučký"), id="non-ASCII signature"),
        pytest.param(callback(signature="v1,\ud800"), id="half a character"),
        pytest.param(callback(signature=" ".join(["v1,AAAA"] * 10 + [signature()])), id="ours is the eleventh"),
        pytest.param(callback(signature=" ".join(["v1,AAAA"] * 100_000)), id="very many"),
        pytest.param(callback(signature=f"\t{signature()}"), id="tab before"),
        pytest.param(callback(id=""), id="empty id"),
        pytest.param(callback(id="evt.0001", signature=signature(event_id="evt.0001")), id="dot in the id"),
        pytest.param(callback(id="e" * 256, signature=signature(event_id="e" * 256)), id="long id"),
        pytest.param(callback(id="evt_é", signature=signature(event_id="evt_é")), id="non-ASCII id"),
        pytest.param(callback(id="evt\0", signature=signature(event_id="evt\0")), id="control character in the id"),
        pytest.param(callback(timestamp=""), id="empty time"),
        pytest.param(callback(timestamp="-1768471200"), id="negative time"),
        pytest.param(callback(timestamp="1768471200.0"), id="float time"),
        pytest.param(callback(timestamp="+1768471200"), id="signed time"),
        pytest.param(callback(timestamp=" 1768471200"), id="space before the time"),
        pytest.param(callback(timestamp="1_768_471_200"), id="underscores in the time"),
        pytest.param(callback(timestamp="1e9"), id="exponent"),
        pytest.param(callback(timestamp="nan"), id="nan"),
        pytest.param(callback(timestamp="٠١٢٣٤٥٦٧٨٩"), id="Arabic digits"),
        pytest.param(callback(timestamp="²"), id="a superscript"),
        pytest.param(callback(timestamp="9" * 12), id="year 33658"),
        pytest.param(callback(timestamp="9" * 13), id="13 digits"),
        pytest.param(callback(timestamp="9" * 100_000), id="huge time"),
        pytest.param(callback(timestamp="0"), id="1970"),
    ],
)
def test_anything_else_is_rejected_and_raises_nothing_else(request_: WebhookRequest) -> None:
    assert not is_believed(request_)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_rejected(missing: str) -> None:
    good = callback()
    headers = {name: value for name, value in good.headers.items() if name != missing}

    assert not is_believed(WebhookRequest(headers=headers, body=good.body, received_at=NOW))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"{}",
        b'{"type":1,"timestamp":"","data":{}}',
        b'{"type":"","timestamp":"","data":{}}',
        b'{"type":"payment.succeeded","timestamp":"","data":[]}',
        b'{"type":"payment.succeeded","timestamp":"","data":{"amount":NaN}}',
        b"[" * 100_000,
        b'{"type":"a","timestamp":"","data":' + b'{"a":' * 900 + b"1" + b"}" * 901,
        b'{"amount":' + b"9" * 10_000 + b"}",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_body_that_is_no_event_is_rejected_though_it_is_signed(body: bytes) -> None:
    assert not is_believed(callback(body=body))


def test_a_body_that_is_not_utf_8_is_rejected_before_it_is_read() -> None:
    assert not is_believed(WebhookRequest(headers=callback().headers, body=b"\xff\xfe{}", received_at=NOW))


@pytest.mark.parametrize("used", [SECRET, OLD_SECRET])
def test_every_configured_secret_verifies(used: str) -> None:
    assert is_believed(callback(signature=signature(used)), SECRET, OLD_SECRET)


def test_without_a_secret_nothing_is_believed() -> None:
    with pytest.raises(WebhookRejected):
        verify(callback(), [])


def test_the_library_believes_what_the_simulator_signs_for_each_of_its_secrets() -> None:
    now = datetime.now(UTC)
    delivery = Delivery(id=1, event_id=EVENT_ID, url="", variant="properly", body=BODY, attempts=0)

    headers = Signer((SECRET, OLD_SECRET))(delivery, now)

    for secret in (SECRET, OLD_SECRET):
        assert Webhook(secret).verify(BODY, dict(headers))
        assert is_believed(WebhookRequest(headers=headers, body=BODY, received_at=now), secret)


@pytest.mark.parametrize(("variant", "is_good"), [("wrong_secret", False), ("stale", False), ("future", False)])
def test_the_simulators_spoilt_callbacks_are_rejected(variant: str, is_good: bool) -> None:  # noqa: FBT001 - a table
    delivery = Delivery(id=1, event_id=EVENT_ID, url="", variant=variant, body=BODY, attempts=0)

    headers = Signer((SECRET,))(delivery, NOW)

    assert is_believed(WebhookRequest(headers=headers, body=BODY, received_at=NOW)) is is_good


def test_a_payments_event_reports_the_payment() -> None:
    report = report_of(event("payment_succeeded"))

    assert isinstance(report, PaymentReported)
    assert report.transaction_id == UUID("01980000-0000-7000-8000-000000000001")
    assert report.reference == "cpay_01KF0000000000000000000001"
    assert report.amount == Money(100_000, "KES")
    assert isinstance(report.outcome, Succeeded)
    assert report.sequence == 2


def test_a_refunds_event_reports_the_refund() -> None:
    report = report_of(event("refund_succeeded"))

    assert isinstance(report, RefundReported)
    assert report.refund_id == UUID("01980000-0000-7000-8000-000000000002")
    assert report.payment_reference == "cpay_01KF0000000000000000000001"
    assert isinstance(report.outcome, Succeeded)


def test_a_failure_is_reported_with_its_code() -> None:
    report = report_of(event("payment_failed"))

    assert isinstance(report, PaymentReported)
    assert isinstance(report.outcome, Declined)
    assert (report.outcome.code, report.outcome.provider_code) == ("insufficient_funds", "insufficient_funds")


def changed(name: str, **changes: object) -> Mapping[str, object]:
    payload = dict(event(name))
    data = payload["data"]
    assert isinstance(data, dict)
    return {**payload, "data": {**data, **changes}}


def test_a_type_of_success_with_a_status_that_is_not_one_is_no_success() -> None:
    report = report_of(changed("payment_succeeded", status="under_review"))

    assert isinstance(report, PaymentReported)
    assert isinstance(report.outcome, Pending)


def test_a_reference_that_is_not_ours_is_reported_without_our_id() -> None:
    report = report_of(changed("payment_succeeded", merchant_reference="order 17"))

    assert isinstance(report, PaymentReported)
    assert report.transaction_id is None


def test_an_unknown_type_reports_nothing() -> None:
    assert isinstance(report_of({**event("payment_succeeded"), "type": "payment.teleported"}), NothingReported)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 10.5},
        {"amount": "100000"},
        {"amount": True},
        {"amount": -1},
        {"amount": 2**63},
        {"amount": None},
        {"currency": "kes"},
        {"currency": "XAU"},
        {"currency": None},
        {"id": ""},
        {"id": 5},
        {"status": None},
        {"merchant_reference": None},
        {"sequence": -1},
        {"sequence": "2"},
        {"failure": "declined"},
    ],
    ids=repr,
)
def test_an_event_without_what_its_type_promises_is_rejected(changes: dict[str, object]) -> None:
    with pytest.raises(WebhookRejected):
        report_of(changed("payment_succeeded", **changes))
