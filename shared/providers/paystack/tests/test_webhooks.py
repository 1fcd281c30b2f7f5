"""Which callbacks are believed, what makes two of them the same event, and what each reports."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.errors import WebhookRejected
from shared.domain.money import Money
from shared.domain.outcome import Declined, Pending, Succeeded
from shared.provider_kit.provider import NothingReported, PaymentReported, RefundReported, WebhookRequest
from shared.providers.paystack.tests.played import (
    API_KEY,
    NOON,
    OLD_KEY,
    PAYMENT,
    REFUND,
    Played,
    answering,
    fixture,
    refund_of,
)

ADAPTER = answering(500, {})
BODY = json.dumps(fixture("event_charge_success")).encode()


def signed(body: bytes, key: str = API_KEY, **more: Any) -> WebhookRequest:
    signature = hmac.new(key.encode(), body, hashlib.sha512).hexdigest()
    return WebhookRequest(headers={"x-paystack-signature": signature}, body=body, received_at=NOON, **more)


def event(name: str, data: Mapping[str, object]) -> WebhookRequest:
    return signed(json.dumps({"event": name, "data": data}).encode())


def event_id(name: str, **data: object) -> str:
    return ADAPTER.verify_webhook(event(name, data)).event_id


def test_the_published_vector_is_believed() -> None:
    for vector in fixture("signature_vectors"):
        request = WebhookRequest(
            headers={"x-paystack-signature": vector["signature"]}, body=vector["body"].encode(), received_at=NOON
        )
        adapter = answering(500, {}, api_key=vector["key"])

        verified = adapter.verify_webhook(request)
        report = adapter.handle_webhook(verified.payload)

        assert isinstance(report, PaymentReported)
        assert (report.reference, report.amount) == ("ref_1", Money(20_000, "KES"))
        assert isinstance(report.outcome, Succeeded)


@pytest.mark.parametrize("key", [API_KEY, OLD_KEY])
def test_the_key_and_the_one_before_it_are_both_believed(key: str) -> None:
    assert ADAPTER.verify_webhook(signed(BODY, key)).event_type == "charge.success"


@pytest.mark.parametrize("key", ["sk_test_of_somebody_else", "", API_KEY.upper(), f"{API_KEY} "])
def test_another_key_is_not(key: str) -> None:
    with pytest.raises(WebhookRejected, match="signature"):
        ADAPTER.verify_webhook(signed(BODY, key))


def wrong_signatures() -> list[str]:
    right = signed(BODY).headers["x-paystack-signature"]
    return [
        *("", right[:-1], right + "0", right.upper(), f" {right}", f"{right}\n", f"sha512={right}"),
        *("é" * 128, chr(0x660) * 128, "0" * 128, right[:64], "x" * 128, right[::-1]),
        hmac.new(API_KEY.encode(), BODY, hashlib.sha256).hexdigest(),
        hashlib.sha512(BODY).hexdigest(),
    ]


@pytest.mark.parametrize("signature", wrong_signatures(), ids=lambda text: repr(text[:12]))
def test_a_signature_that_differs_in_anything_is_not_believed(signature: str) -> None:
    with pytest.raises(WebhookRejected, match="signature"):
        ADAPTER.verify_webhook(WebhookRequest(headers={"x-paystack-signature": signature}, body=BODY, received_at=NOON))


def test_a_body_that_differs_in_anything_is_not_believed() -> None:
    for body in (BODY + b" ", BODY.replace(b"100000", b"100001"), b"", BODY[:-1]):
        with pytest.raises(WebhookRejected, match="signature"):
            ADAPTER.verify_webhook(replace(signed(BODY), body=body))


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b'{"event":"charge.success"}', b'{"event":7,"data":{}}', b'{"event":"","data":{}}',
     b'{"event":"charge.success","data":[]}', b"\xff", b'{"event":"a","data":{"b":NaN}}', b"[" * 100_000],
    ids=lambda body: repr(body[:40]),
)  # fmt: skip
def test_a_signed_body_that_is_no_event_is_rejected(body: bytes) -> None:
    with pytest.raises(WebhookRejected):
        ADAPTER.verify_webhook(signed(body))


@pytest.mark.parametrize("sender", ["52.31.139.75", "::ffff:0:1", "2001:db8:0:0::1"])
def test_a_sender_that_is_named_is_let_in_however_it_is_written(sender: str) -> None:
    adapter = answering(500, {}, callback_senders=["52.31.139.75", "::ffff:0:1", "2001:db8::1"])

    assert adapter.verify_webhook(signed(BODY, sender=sender)).event_type == "charge.success"


@pytest.mark.parametrize("sender", [None, "", "203.0.113.9", "not an address"])
def test_where_senders_are_named_no_other_is_let_in_though_it_signs(sender: str | None) -> None:
    adapter = answering(500, {}, callback_senders=["52.31.139.75"])

    with pytest.raises(WebhookRejected, match="sender"):
        adapter.verify_webhook(signed(BODY, sender=sender))


def test_where_none_are_named_the_signature_is_the_proof() -> None:
    assert ADAPTER.verify_webhook(signed(BODY, sender="203.0.113.9")).event_type == "charge.success"


def test_the_same_news_is_the_same_event_and_other_news_is_another() -> None:
    same = [event_id("charge.success", id=1, status="success", fees=fees) for fees in (None, 7)]
    others = [
        event_id("charge.success", id=2, status="success"),
        event_id("charge.success", id=1, status="failed"),
        event_id("charge.failed", id=1, status="success"),
    ]

    assert len(set(same)) == 1
    assert len({*same, *others}) == 4


def test_news_of_two_refunds_that_nothing_names_are_two_events() -> None:
    one, other = fixture("event_refund_unnamed"), fixture("event_refund_unnamed")
    other["data"]["amount"] = "100"

    ids = [ADAPTER.verify_webhook(event(each["event"], each["data"])).event_id for each in (one, other, one)]

    assert len(set(ids)) == 2


def test_an_event_id_has_a_bounded_length() -> None:
    assert len(event_id("x" * 100, reference="y" * 5_000, status="z" * 5_000)) <= 255


def test_a_success_reports_our_payment() -> None:
    report = ADAPTER.handle_webhook(fixture("event_charge_success"))

    assert isinstance(report, PaymentReported)
    assert report.transaction_id == PAYMENT.transaction_id
    assert (report.reference, report.amount) == (str(PAYMENT.transaction_id), PAYMENT.amount)
    assert isinstance(report.outcome, Succeeded)


@pytest.mark.parametrize("reference", ["order-17", "", "01980000000070008000000000000001"])
def test_a_payment_that_is_not_of_our_making_is_reported_without_an_id_of_ours(reference: str) -> None:
    body = fixture("event_charge_success")
    body["data"]["reference"] = reference

    report = ADAPTER.handle_webhook(body)

    assert isinstance(report, PaymentReported)
    assert report.transaction_id is None


def test_the_status_decides_and_not_the_name_of_the_event() -> None:
    body = fixture("event_charge_success")
    body["data"]["status"] = "ongoing"

    report = ADAPTER.handle_webhook(body)

    assert isinstance(report, PaymentReported)
    assert isinstance(report.outcome, Pending)


@pytest.mark.parametrize("amount", ["40000", 40_000])
def test_a_refund_that_it_names_is_reported_whether_its_numbers_are_text_or_not(amount: object) -> None:
    body = fixture("event_refund_processed")
    body["data"]["amount"] = amount

    report = ADAPTER.handle_webhook(body)

    assert isinstance(report, RefundReported)
    assert (report.refund_id, report.reference) == (REFUND.refund_id, "3000001")
    assert (report.payment_reference, report.amount) == (str(PAYMENT.transaction_id), REFUND.amount)
    assert isinstance(report.outcome, Succeeded)


def test_a_refund_of_the_dashboard_is_reported_without_an_id_of_ours() -> None:
    body = fixture("event_refund_processed")
    body["data"]["merchant_note"] = "Refund for transaction by shop@example.com"

    report = ADAPTER.handle_webhook(body)

    assert isinstance(report, RefundReported)
    assert (report.refund_id, report.reference) == (None, "3000001")


@pytest.mark.parametrize("status", ["pending", "processing", "needs-attention"])
def test_an_undecided_refund_that_nothing_names_reports_nothing(status: str) -> None:
    body = fixture("event_refund_unnamed")
    body["event"], body["data"]["status"] = f"refund.{status}", status

    assert isinstance(ADAPTER.handle_webhook(body), NothingReported)


@pytest.mark.parametrize(("status", "kind"), [("processed", Succeeded), ("failed", Declined)])
def test_the_end_of_a_refund_that_nothing_names_is_reported_so_that_it_is_seen(status: str, kind: type) -> None:
    body = fixture("event_refund_unnamed")
    body["event"], body["data"]["status"] = f"refund.{status}", status

    report = ADAPTER.handle_webhook(body)

    assert isinstance(report, RefundReported)
    assert (report.refund_id, report.reference) == (None, "132013318360")
    assert isinstance(report.outcome, kind)


@pytest.mark.parametrize(
    "name",
    ["charge.dispute.create", "charge.dispute.remind", "charge.dispute.resolve", "transfer.success", "transfer.failed",
     "transfer.reversed", "subscription.create", "charge.teleported", "refund.teleported", "CHARGE.SUCCESS"],
)  # fmt: skip
def test_everything_else_is_believed_and_reports_nothing(name: str) -> None:
    verified = ADAPTER.verify_webhook(event(name, fixture("event_charge_success")["data"]))

    assert isinstance(ADAPTER.handle_webhook(verified.payload), NothingReported)


@pytest.mark.parametrize("name", ["charge.success", "charge.failed", "refund.processed", "refund.failed"])
@pytest.mark.parametrize(
    "change", [{"amount": -1}, {"amount": 1.5}, {"amount": "1e3"}, {"amount": True}, {"currency": "XXX"}, {"status": 7}]
)
def test_an_event_without_what_its_type_promises_is_rejected(name: str, change: dict[str, object]) -> None:
    sample = "event_charge_success" if name.startswith("charge") else "event_refund_processed"

    with pytest.raises(WebhookRejected):
        ADAPTER.handle_webhook({"event": name, "data": {**fixture(sample)["data"], **change}})
    with pytest.raises(WebhookRejected):
        ADAPTER.handle_webhook({"event": name, "data": {}})


def test_news_of_a_refund_out_of_order_are_each_told_as_they_were(played: Played) -> None:
    adapter, request = played.adapter(), refund_of(played.paid("webhook_lost"), 10_013)
    adapter.refund_payment(request)
    for _ in range(5):
        played.pass_time(seconds=1)

    verified = [adapter.verify_webhook(callback) for callback in played.shop.callbacks]
    reports = [adapter.handle_webhook(each.payload) for each in verified]

    assert [each.event_type for each in verified] == ["refund.processed", "refund.pending"]
    assert [type(report.outcome) for report in reports if isinstance(report, RefundReported)] == [Succeeded, Pending]
    assert {report.refund_id for report in reports if isinstance(report, RefundReported)} == {request.refund_id}
