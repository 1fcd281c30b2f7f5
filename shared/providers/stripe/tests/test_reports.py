"""What events report: by the object that they hold, in whatever version and order they come."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import WebhookRejected
from shared.domain.money import Money
from shared.domain.outcome import Authorized, Declined, Outcome, Pending, Succeeded
from shared.provider_kit.provider import (
    CaptureReported,
    NothingReported,
    PaymentReported,
    ProviderReport,
    RefundReported,
)
from shared.providers.stripe.config import StripeConfig
from shared.providers.stripe.tests.played import (
    CAPTURE_ENTRY,
    CAPTURE_ID,
    CLIENT_SECRET,
    CONFIG,
    PAYMENT_ID,
    PUBLISHABLE_KEY,
    REFUND_ID,
    Json,
    browser_intent,
    charge,
    fixture,
    intent,
    listed,
    refund,
)
from shared.providers.stripe.webhooks import REPORTS, report_of

CONFIGURED = StripeConfig.model_validate(CONFIG)
FAILED = {"type": "card_error", "code": "card_declined", "decline_code": "lost_card", "message": "No."}


def told(event_type: str, content: object, **changes: object) -> ProviderReport:
    event = {"id": "evt_1", "object": "event", "type": event_type, "data": {"object": content}, **changes}
    return report_of(event, CONFIGURED)


INTENTS: list[tuple[str, Json, type[Outcome]]] = [
    ("created", browser_intent("requires_payment_method"), Pending),
    ("requires_action", intent("requires_action", next_action={"type": "use_stripe_sdk"}), Pending),
    ("processing", intent("processing"), Pending),
    ("amount_capturable_updated", intent("requires_capture", amount_capturable=10_000), Authorized),
    ("partially_funded", intent("requires_action"), Pending),
    ("succeeded", intent("succeeded"), Succeeded),
    ("payment_failed", intent("requires_payment_method", last_payment_error=FAILED), Declined),
    ("payment_failed", browser_intent("requires_payment_method", last_payment_error=FAILED), Pending),
    ("canceled", intent("canceled", cancellation_reason="automatic"), Declined),
    ("succeeded", intent("of_tomorrow"), Pending),
    ("created", intent("succeeded"), Succeeded),
]


@pytest.mark.parametrize(("name", "content", "expected"), INTENTS)
def test_an_intents_event_reports_the_payment(name: str, content: Json, expected: type[Outcome]) -> None:
    report = told(f"payment_intent.{name}", content)

    assert isinstance(report, PaymentReported)
    assert (report.transaction_id, report.reference) == (PAYMENT_ID, "pi_1")
    assert report.amount == Money(10_000, "KES")
    assert isinstance(report.outcome, expected)
    assert CLIENT_SECRET not in repr(getattr(report.outcome, "answer", {}))


def test_what_a_browser_must_do_is_told_by_an_event_as_by_an_answer() -> None:
    report = told("payment_intent.created", browser_intent("requires_payment_method"))

    assert isinstance(report, PaymentReported)
    assert isinstance(report.outcome, Pending)
    assert report.outcome.next_action == {
        "type": "confirm_in_browser",
        "client_secret": CLIENT_SECRET,
        "publishable_key": PUBLISHABLE_KEY,
    }


def test_an_event_that_cannot_say_what_the_customer_must_do_takes_nothing_back() -> None:
    content = browser_intent("requires_payment_method", client_secret=None)

    assert isinstance(told("payment_intent.created", content), NothingReported)


def test_a_failed_browser_try_does_not_end_the_payment() -> None:
    content = browser_intent("requires_payment_method", last_payment_error=FAILED)
    report = told("payment_intent.payment_failed", content)

    assert isinstance(report, PaymentReported)
    assert isinstance(report.outcome, Pending)


CAPTURED_METADATA = {
    "gateway_payment_id": str(PAYMENT_ID),
    "gateway_capture_id": str(CAPTURE_ID),
    CAPTURE_ENTRY: "4000",
}


def test_a_capture_that_is_not_the_last_is_reported_as_itself() -> None:
    content = intent("requires_capture", amount_received=4_000, metadata=CAPTURED_METADATA)
    report = told("payment_intent.amount_capturable_updated", content)

    assert isinstance(report, CaptureReported)
    assert (report.capture_id, report.reference, report.payment_reference) == (CAPTURE_ID, "ch_1", "pi_1")
    assert report.amount == Money(4_000, "KES")
    assert isinstance(report.outcome, Succeeded)


@pytest.mark.parametrize(
    ("status", "changes"),
    [
        ("succeeded", {}),
        ("requires_capture", {CAPTURE_ENTRY: "all"}),
        ("requires_capture", {"gateway_capture_id": "forged"}),
    ],
)
def test_anything_else_that_was_captured_is_told_of_the_payment(status: str, changes: dict[str, str]) -> None:
    content = intent(status, metadata={**CAPTURED_METADATA, **changes})

    assert isinstance(told("payment_intent.succeeded", content), PaymentReported)


def test_a_success_of_a_part_says_how_much() -> None:
    report = told("payment_intent.succeeded", intent(amount_received=4_000, capture_method="manual"))

    assert isinstance(report, PaymentReported)
    assert isinstance(report.outcome, Succeeded)
    assert report.outcome.captured == Money(4_000, "KES")


@pytest.mark.parametrize("metadata", [{}, None, {"gateway_payment_id": "order 17"}, {"gateway_payment_id": 5}])
def test_a_payment_without_our_id_is_reported_by_its_reference(metadata: object) -> None:
    report = told("payment_intent.succeeded", intent(metadata=metadata))

    assert isinstance(report, PaymentReported)
    assert (report.transaction_id, report.reference) == (None, "pi_1")


CHARGES: list[tuple[str, Json, type[Outcome]]] = [
    ("succeeded", charge(), Succeeded),
    ("succeeded", charge(captured=False, amount_captured=0), Authorized),
    ("captured", charge(amount_captured=4_000), Succeeded),
    ("pending", charge(status="pending", captured=False), Pending),
    ("updated", charge(payment_intent={"id": "pi_1", "object": "payment_intent"}), Succeeded),
]


@pytest.mark.parametrize(("name", "content", "expected"), CHARGES)
def test_a_charges_event_reports_its_payment(name: str, content: Json, expected: type[Outcome]) -> None:
    report = told(f"charge.{name}", content)

    assert isinstance(report, PaymentReported)
    assert (report.transaction_id, report.reference) == (PAYMENT_ID, "pi_1")
    assert isinstance(report.outcome, expected)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("failed", charge(status="failed", captured=False)),
        ("expired", charge(captured=False)),
        ("succeeded", charge(payment_intent=None)),
        ("updated", charge(captured=False, refunded=True)),
        ("refunded", charge(amount_refunded=4_000)),
        ("refunded", charge(captured=False, refunds=listed(refund(metadata={})))),
    ],
)
def test_a_charge_that_says_nothing_of_the_payment_reports_nothing(name: str, content: Json) -> None:
    report = told(f"charge.{name}", content)

    assert isinstance(report, NothingReported)
    assert "ch_1" in report.reason or "4000" in report.reason


@pytest.mark.parametrize(
    ("event_type", "content", "expected"),
    [
        ("refund.created", refund("pending"), Pending),
        ("refund.updated", refund("succeeded"), Succeeded),
        ("refund.failed", refund("failed", failure_reason="lost_or_stolen_card"), Declined),
        ("refund.updated", refund("failed", failure_reason="lost_or_stolen_card"), Declined),
        ("charge.refund.updated", refund("failed"), Declined),
        ("refund.updated", refund("canceled"), Declined),
        ("refund.created", refund(None), Pending),
        ("charge.refunded", charge(amount_refunded=4_000, refunds=listed(refund())), Succeeded),
    ],
)
def test_a_refunds_event_reports_the_refund(event_type: str, content: Json, expected: type[Outcome]) -> None:
    report = told(event_type, content)

    assert isinstance(report, RefundReported)
    assert (report.refund_id, report.reference, report.payment_reference) == (REFUND_ID, "re_1", "pi_1")
    assert report.amount == Money(4_000, "KES")
    assert isinstance(report.outcome, expected)


@pytest.mark.parametrize(
    ("event_type", "content"),
    [
        ("refund.created", refund(metadata={})),
        ("charge.refunded", charge(amount_refunded=4_000, refunds=listed(refund(metadata={}, payment_intent=None)))),
    ],
)
def test_a_refund_made_in_the_dashboard_is_reported_without_our_id(event_type: str, content: Json) -> None:
    report = told(event_type, content)

    assert isinstance(report, RefundReported)
    assert (report.refund_id, report.reference, report.payment_reference) == (None, "re_1", "pi_1")
    assert report.made_there


def test_an_event_of_an_old_version_is_read_as_far_as_it_goes() -> None:
    content = {name: value for name, value in intent().items() if name not in {"latest_charge", "amount_received"}}
    report = told("payment_intent.succeeded", {**content, "charges": listed(charge())}, api_version="2019-02-19")

    assert isinstance(report, PaymentReported)
    assert isinstance(report.outcome, Succeeded)
    assert report.outcome.captured is None


@pytest.mark.parametrize(
    "changes",
    [
        {"object": "v2.core.event", "type": "v1.billing.meter.error_report_triggered", "data": None},
        {"object": "v2.core.event", "type": "payment_intent.succeeded", "related_object": {"id": "pi_1"}},
        {"type": "payment_intent.teleported"},
        {"type": "plan.created"},
    ],
    ids=repr,
)
def test_thin_and_unknown_events_survive_and_report_nothing(changes: dict[str, object]) -> None:
    assert isinstance(told("x", intent(), **changes), NothingReported)


def test_a_reason_is_short_whatever_the_event_says() -> None:
    report = told("x" * 255, {})

    assert isinstance(report, NothingReported)
    assert len(report.reason) <= 200


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("event", "unknown event type plan.created"),
        ("payment_intent", Pending),
        ("refund", Succeeded),
        ("charge", "ch_1PgafuB7WZ01zgkWXYmPNZs8 has no payment intent"),
    ],
)
def test_every_sample_is_read_as_what_its_name_says(name: str, expected: type[Outcome] | str) -> None:
    content = fixture(f"stripe_fixture_{name}")
    types = {"payment_intent": "payment_intent.created", "refund": "refund.updated", "charge": "charge.succeeded"}

    report = report_of(content, CONFIGURED) if name == "event" else told(types[name], content)

    if isinstance(report, NothingReported):
        assert report.reason == expected
    else:
        assert isinstance(report, PaymentReported | RefundReported)
        assert isinstance(expected, type)
        assert isinstance(report.outcome, expected)
        assert report.reference == content["id"]


@pytest.mark.parametrize("name", ["payment_method", "webhook_endpoint", "charge", "refund"])
@pytest.mark.parametrize("event_type", ["payment_intent.succeeded", "charge.dispute.created"])
def test_a_sample_of_another_thing_is_rejected_under_a_name_that_is_not_its_own(name: str, event_type: str) -> None:
    with pytest.raises(WebhookRejected):
        told(event_type, fixture(f"stripe_fixture_{name}"))


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 10.5},
        {"amount": "10000"},
        {"amount": True},
        {"amount": -1},
        {"amount": 2**63},
        {"amount": None},
        {"currency": "xau"},
        {"currency": None},
        {"currency": "ugx", "amount": 550},
        {"id": ""},
        {"id": 5},
        {"status": None},
        {"object": "charge"},
        {"amount_received": "all"},
        {"last_payment_error": "declined"},
    ],
    ids=repr,
)
def test_an_event_without_what_its_type_promises_is_rejected(changes: dict[str, object]) -> None:
    with pytest.raises(WebhookRejected):
        told("payment_intent.succeeded", {**intent(), **changes})


@pytest.mark.parametrize("event_type", sorted(REPORTS))
@pytest.mark.parametrize("changes", [{"data": None}, {"data": {}}, {"data": {"object": None}}], ids=repr)
def test_an_event_without_its_object_is_rejected(event_type: str, changes: Mapping[str, object]) -> None:
    with pytest.raises(WebhookRejected):
        told(event_type, {}, **changes)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    event_type=st.sampled_from(sorted(REPORTS)),
    content=st.sampled_from([intent(), charge(refunds=listed(refund())), refund()]),
    where=st.integers(min_value=0),
    what=JSON,
)
def test_a_spoilt_event_is_reported_or_rejected_and_raises_nothing_else(
    event_type: str, content: Json, where: int, what: object
) -> None:
    name = sorted(content)[where % len(content)]

    try:
        report = told(event_type, {**content, name: what})
    except WebhookRejected:
        return
    assert isinstance(report, PaymentReported | RefundReported | NothingReported)
