"""What the codec takes, and what it refuses."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.contracts.messages.codec import MAX_BODY_BYTES, MessageUnreadable, decode, encode
from shared.contracts.messages.commands import (
    CancelPayment,
    CapturePayment,
    DeliverWebhooks,
    InitializePayment,
    ProbeEndpoint,
    RefundPayment,
    SendPayout,
    VerifyCapture,
    VerifyPayment,
    VerifyPayout,
    VerifyRefund,
)
from shared.contracts.messages.envelope import Message
from shared.contracts.messages.events import PaymentChanged, PayoutChanged, ProviderEventReceived
from tests.contract.messages.pin import message_types

ID = UUID("01900000-0000-7000-8000-000000000001")
NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
ENVELOPE: dict[str, Any] = {"message_id": ID, "occurred_at": NOON, "correlation_id": ID, "causation_id": ID}

MESSAGES: list[Message] = [
    InitializePayment(**ENVELOPE, transaction_id=ID, provider="cpay", expires_at=NOON),
    VerifyPayment(**ENVELOPE, transaction_id=ID, provider="cpay"),
    CancelPayment(**ENVELOPE, transaction_id=ID, provider="cpay"),
    CapturePayment(**ENVELOPE, transaction_id=ID, capture_id=ID, provider="cpay", expires_at=NOON),
    VerifyCapture(**ENVELOPE, transaction_id=ID, capture_id=ID, provider="cpay"),
    RefundPayment(**ENVELOPE, transaction_id=ID, refund_id=ID, provider="cpay", expires_at=NOON),
    VerifyRefund(**ENVELOPE, transaction_id=ID, refund_id=ID, provider="cpay"),
    PaymentChanged(
        **ENVELOPE,
        event_id=ID,
        event_type="payment.completed",
        transaction_id=ID,
        merchant_id=ID,
        user_id=None,
        sequence=3,
    ),
    SendPayout(**ENVELOPE, payout_id=ID, provider="cpay", expires_at=NOON),
    VerifyPayout(**ENVELOPE, payout_id=ID, provider="cpay"),
    PayoutChanged(
        **ENVELOPE,
        event_id=ID,
        event_type="payout.completed",
        payout_id=ID,
        merchant_id=ID,
        user_id=None,
        sequence=3,
    ),
    ProviderEventReceived(**ENVELOPE, webhook_event_id=ID, provider="cpay"),
    DeliverWebhooks(**ENVELOPE, endpoint_id=ID),
    ProbeEndpoint(**ENVELOPE, test_id=ID),
]
WIRE = json.loads(encode(MESSAGES[0]))


def test_every_message_is_tried_here() -> None:
    assert {message.type for message in MESSAGES} == set(message_types())


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.type)
def test_a_message_survives_the_way_to_bytes_and_back(message: Message) -> None:
    assert decode(encode(message)) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.type)
def test_a_message_without_a_cause_survives_too(message: Message) -> None:
    first = message.model_copy(update={"causation_id": None})

    assert decode(encode(first)) == first


@pytest.mark.parametrize(
    ("message", "field"), [(each, field) for each in MESSAGES for field in type(each).model_fields]
)
def test_a_message_without_one_of_its_fields_is_refused(message: Message, field: str) -> None:
    wire = json.loads(encode(message))
    del wire[field]

    if field == "causation_id":
        assert decode(json.dumps(wire).encode()).causation_id is None
        return
    with pytest.raises(MessageUnreadable):
        decode(json.dumps(wire).encode())


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.type)
def test_a_message_with_a_field_too_many_is_refused(message: Message) -> None:
    with pytest.raises(MessageUnreadable, match="extra_forbidden"):
        decode(json.dumps(json.loads(encode(message)) | {"amount": 1}).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"type": "payment.initialize.v2"},
        {"type": "payment.initialize"},
        {"type": "PAYMENT.INITIALIZE.V1"},
        {"type": None},
        {"type": ["payment.initialize.v1"]},
        {"transaction_id": "7"},
        {"transaction_id": None},
        {"occurred_at": "2026-01-15T12:00:00"},
        {"occurred_at": "yesterday"},
        {"expires_at": None},
        {"provider": 7},
        {"correlation_id": ""},
    ],
    ids=str,
)
def test_another_type_version_or_shape_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(MessageUnreadable):
        decode(json.dumps(WIRE | change).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b"{}",
        b"{",
        b"\xff\xfe",
        b"\x00",
        b"[" * 30_000,
        json.dumps([WIRE]).encode(),
    ],
    ids=lambda body: repr(body[:8]),
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(MessageUnreadable):
        decode(body)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_make_the_codec_fail_otherwise(body: bytes) -> None:
    with pytest.raises(MessageUnreadable):
        decode(body)


def test_a_body_larger_than_a_message_can_be_is_refused_unread() -> None:
    body = json.dumps(WIRE).encode()

    assert decode(body.ljust(MAX_BODY_BYTES)) == MESSAGES[0]
    with pytest.raises(MessageUnreadable, match="larger"):
        decode(body.ljust(MAX_BODY_BYTES + 1))


def test_a_refusal_says_what_is_wrong_and_never_repeats_what_was_sent() -> None:
    with pytest.raises(MessageUnreadable) as refused:
        decode(json.dumps(WIRE | {"transaction_id": "canary-7f3a"}).encode())

    assert str(refused.value) == "uuid_parsing"
    assert refused.value.__cause__ is None


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        MESSAGES[0].type = "payment.verify.v1"  # type: ignore[misc] # what is tried
