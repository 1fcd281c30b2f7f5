"""Payments and refunds as merchants read them."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.application.views import payment_view, refund_view, time_view
from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.transaction import Failure
from shared.domain.transaction_status import TransactionStatus
from tests.fakes.clock import NOON
from tests.fakes.makers import a_payment, a_refund


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 15, 10, 0, tzinfo=UTC), "2026-01-15T10:00:00.000Z"),
        (datetime(2026, 1, 15, 10, 0, 0, 123_999, tzinfo=UTC), "2026-01-15T10:00:00.123Z"),
        (datetime(2026, 1, 15, 13, 0, tzinfo=timezone(timedelta(hours=3))), "2026-01-15T10:00:00.000Z"),
        (None, None),
    ],
)
def test_times_are_in_utc_to_the_millisecond(moment: datetime | None, text: str | None) -> None:
    assert time_view(moment) == text


@pytest.mark.parametrize(
    ("money", "text"), [(Money(1050, "KES"), "10.50"), (Money(1050, "JPY"), "1050"), (Money(1050, "KWD"), "1.050")]
)
def test_an_amount_reads_as_a_decimal_string_and_as_minor_units(money: Money, text: str) -> None:
    nothing = Money(0, money.currency)
    payment = a_payment(amount=money, captured=nothing, refunded=nothing, refund_pending=nothing)

    view = payment_view(payment)

    assert (view["amount"], view["amount_minor"], view["currency"]) == (text, 1050, money.currency)


def test_what_is_finished_has_no_next_check() -> None:
    unfinished = a_payment(status=TransactionStatus.PROCESSING, next_check_at=NOON)
    finished = a_payment(status=TransactionStatus.FAILED, next_check_at=NOON)

    assert payment_view(unfinished)["next_check_at"] == "2026-01-15T12:00:00.000Z"
    assert payment_view(finished)["next_check_at"] is None


def test_a_failure_reads_in_our_words_with_theirs_beside() -> None:
    failure = Failure(code=FailureCode.DECLINED, message="The payment was declined.", provider_code="51")

    view = payment_view(a_payment(status=TransactionStatus.FAILED, failure=failure))

    assert view["failure"] == {
        "code": "declined",
        "category": "customer",
        "retryable": False,
        "message": "The payment was declined.",
        "customer_message": {"en": "The payment was declined.", "sw": "Malipo yamekataliwa."},
        "advice": "Offer another way to pay; do not repeat it unasked.",
        "provider_code": "51",
        "provider_message": None,
    }


def test_what_the_provider_answered_and_what_is_ours_alone_is_not_shown() -> None:
    payment = a_payment(provider_response={"told": "canary"})

    assert "canary" not in json.dumps([payment_view(payment), refund_view(a_refund(payment))])


def test_views_are_json() -> None:
    payment = a_payment(next_action={"type": "redirect"}, metadata={"order": "7"})

    for view in (payment_view(payment), refund_view(a_refund(payment))):
        assert json.loads(json.dumps(view)) == view
