"""What the callbacks about authorizations, captures, payouts and tills report."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from shared.domain.customer import Customer
from shared.domain.errors import WebhookRejected
from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.outcome import Authorized, Declined, Succeeded
from shared.provider_kit.provider import (
    CaptureReported,
    MoneyReceived,
    NothingReported,
    PaymentReported,
    PayoutReported,
)
from shared.providers.cpay.webhooks import report_of

FIXTURES = Path(__file__).parent.parent / "fixtures"


def event(name: str, **changes: object) -> dict[str, object]:
    loaded = json.loads((FIXTURES / f"event_{name}.json").read_bytes())
    return {**loaded, "data": {**loaded["data"], **changes}}


def test_an_authorization_is_no_success() -> None:
    report = report_of(event("payment_authorized"))

    assert isinstance(report, PaymentReported)
    assert isinstance(report.outcome, Authorized)
    assert report.sequence == 2


def test_a_payment_that_was_captured_in_part_says_how_much() -> None:
    report = report_of(event("payment_captured"))

    assert isinstance(report, PaymentReported)
    assert isinstance(report.outcome, Succeeded)
    assert (report.amount, report.outcome.captured) == (Money(100_000, "KES"), Money(40_000, "KES"))


def test_a_capture_names_our_capture_and_its_payment() -> None:
    report = report_of(event("capture_succeeded"))

    assert isinstance(report, CaptureReported)
    assert report.capture_id == UUID("01980000-0000-7000-8000-000000000003")
    assert report.reference == "cpcp_01KF0000000000000000000003"
    assert report.payment_reference == "cpay_01KF0000000000000000000001"
    assert (report.amount, type(report.outcome)) == (Money(40_000, "KES"), Succeeded)


def test_a_payout_names_our_payout_and_why_it_failed() -> None:
    report = report_of(event("payout_failed"))

    assert isinstance(report, PayoutReported)
    assert report.payout_id == UUID("01980000-0000-7000-8000-000000000004")
    assert isinstance(report.outcome, Declined)
    assert (report.outcome.code, report.outcome.provider_code) == (FailureCode.INVALID_ACCOUNT, "invalid_account")


def test_money_at_a_till_names_its_till_its_account_and_its_payer() -> None:
    report = report_of(event("payment_received"))

    assert isinstance(report, MoneyReceived)
    assert report.answer["account"] == "INV-7"
    assert "+254700000000" not in repr(report.answer)
    assert (report.reference, report.amount) == ("cpay_01KF0000000000000000000005", Money(90_000, "KES"))
    assert (report.till, report.account, report.customer) == ("832909", "INV-7", Customer(phone="+254700000000"))
    assert report.received_at == datetime(2026, 1, 15, 13, 0, tzinfo=UTC)


def test_money_at_a_till_that_has_not_come_is_not_received() -> None:
    assert isinstance(report_of(event("payment_received", status="failed")), NothingReported)


@pytest.mark.parametrize("name", ["capture_succeeded", "payout_failed"])
def test_a_reference_that_is_not_ours_is_none(name: str) -> None:
    report = report_of(event(name, merchant_reference="not a UUID"))

    assert isinstance(report, CaptureReported | PayoutReported)
    assert (report.capture_id if isinstance(report, CaptureReported) else report.payout_id) is None


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("payment_captured", {"captured_amount": 100_001}),
        ("payment_captured", {"captured_amount": -1}),
        ("payment_captured", {"captured_amount": "40000"}),
        ("capture_succeeded", {"payment_id": None}),
        ("capture_succeeded", {"amount": None}),
        ("capture_succeeded", {"object": "refund"}),
        ("capture_succeeded", {"currency": "XXQ"}),
        ("payout_failed", {"id": ""}),
        ("payout_failed", {"object": "capture"}),
        ("payment_received", {"till": None}),
        ("payment_received", {"account": None}),
        ("payment_received", {"customer": {}}),
        ("payment_received", {"created_at": None}),
        ("payment_received", {"created_at": "2026-01-15T13:00:00"}),
        ("payment_received", {"currency": "XXQ"}),
    ],
    ids=repr,
)
def test_an_event_without_what_its_type_promises_is_rejected(name: str, change: dict[str, object]) -> None:
    with pytest.raises(WebhookRejected):
        report_of(event(name, **change))
