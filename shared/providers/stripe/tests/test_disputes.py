"""What Stripe's disputes mean: where they stand, where the money is, and until when evidence counts."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.domain.dispute_status import DisputeFunds, DisputeStatus
from shared.domain.money import Money
from shared.provider_kit.disputes import DisputeReported
from shared.provider_kit.provider import (
    NothingReported,
    ProviderReport,
)
from shared.providers.stripe.config import StripeConfig
from shared.providers.stripe.tests.played import (
    CONFIG,
    Json,
)
from shared.providers.stripe.webhooks import report_of

CONFIGURED = StripeConfig.model_validate(CONFIG)


def told(event_type: str, content: object, **changes: object) -> ProviderReport:
    event = {"id": "evt_1", "object": "event", "type": event_type, "data": {"object": content}, **changes}
    return report_of(event, CONFIGURED)


def dispute(**facts: object) -> Json:
    content = {
        "id": "dp_1",
        "object": "dispute",
        "amount": 10_000,
        "currency": "kes",
        "reason": "fraudulent",
        "status": "needs_response",
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "evidence_details": {"due_by": 1_768_471_200},
        "balance_transactions": [{"id": "txn_1", "amount": -10_000}],
    }
    return {**content, **facts}


@pytest.mark.parametrize("name", ["created", "updated", "closed", "funds_withdrawn", "funds_reinstated"])
def test_a_dispute_is_what_its_object_says_whatever_the_event(name: str) -> None:
    report = told(f"charge.dispute.{name}", dispute())

    assert isinstance(report, DisputeReported)
    assert replace(report, answer={}) == DisputeReported(
        reference="dp_1",
        payment_reference="pi_1",
        amount=Money(10_000, "KES"),
        status=DisputeStatus.OPEN,
        funds=DisputeFunds.WITHDRAWN,
        reason="fraudulent",
        evidence_due_at=datetime(2026, 1, 15, 10, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("status", "meant"),
    [
        ("warning_needs_response", DisputeStatus.INQUIRY),
        ("warning_under_review", DisputeStatus.INQUIRY),
        ("warning_closed", DisputeStatus.CLOSED),
        ("under_review", DisputeStatus.UNDER_REVIEW),
        ("won", DisputeStatus.WON),
        ("lost", DisputeStatus.LOST),
        ("prevented", DisputeStatus.CLOSED),
        ("charge_refunded", DisputeStatus.CLOSED),
        ("brand_new_in_2027", DisputeStatus.OPEN),
    ],
)
def test_a_status_of_a_dispute_that_nobody_knows_is_open(status: str, meant: DisputeStatus) -> None:
    report = told("charge.dispute.updated", dispute(status=status))

    assert isinstance(report, DisputeReported)
    assert report.status is meant


@pytest.mark.parametrize(
    ("transactions", "funds"),
    [([], DisputeFunds.UNMOVED), (["txn_1"], DisputeFunds.WITHDRAWN), (["txn_1", "txn_2"], DisputeFunds.REINSTATED)],
)
def test_the_balance_transactions_tell_where_disputed_money_is(transactions: list[str], funds: DisputeFunds) -> None:
    report = told("charge.dispute.closed", dispute(balance_transactions=transactions))

    assert isinstance(report, DisputeReported)
    assert report.funds is funds


def test_a_dispute_of_no_payment_intent_is_not_ours() -> None:
    report = told("charge.dispute.created", dispute(payment_intent=None))

    assert report == NothingReported(reason="dispute dp_1 is of no payment intent")
