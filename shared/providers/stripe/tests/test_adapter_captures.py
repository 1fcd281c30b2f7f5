"""Captures and cancellations: Stripe has no ids for them, so the intent's own words are what counts."""

from dataclasses import replace

import pytest

from shared.domain.money import Money
from shared.domain.outcome import Declined, InDoubt, NotSent, Pending, Succeeded
from shared.providers.stripe.tests.played import (
    CANCEL,
    CAPTURE,
    CAPTURE_ENTRY,
    CAPTURE_ID,
    LOST_CAPTURE,
    Json,
    captured,
    error,
    intent,
    playing,
    says,
)

UNEXPECTED = says(error("payment_intent_unexpected_state"), 400)


def test_a_final_capture_takes_a_part_and_leaves_its_mark() -> None:
    adapter, stripe = playing(says(captured()))

    outcome = adapter.capture_payment(CAPTURE)

    assert isinstance(outcome, Succeeded)
    assert outcome.reference == "ch_1"
    assert stripe.asked[0].path == "/v1/payment_intents/pi_1/capture"
    assert stripe.asked[0].fields == {
        "amount_to_capture": "4000",
        f"metadata[{CAPTURE_ENTRY}]": "4000",
        "metadata[gateway_capture_id]": str(CAPTURE_ID),
    }
    assert stripe.asked[0].headers["idempotency-key"] == "capture-1"
    assert len(CAPTURE_ENTRY) == 40, "the longest name that Stripe takes"


def test_a_capture_that_is_not_final_says_so() -> None:
    adapter, stripe = playing(says(captured("requires_capture")))

    outcome = adapter.capture_payment(replace(CAPTURE, is_final=False))

    assert isinstance(outcome, Succeeded)
    assert stripe.asked[0].fields["final_capture"] == "false"


def test_where_stripe_takes_one_capture_only_another_is_declined() -> None:
    refusal = error("parameter_unknown", message="final_capture is not available")

    outcome = playing(says(refusal, 400))[0].capture_payment(replace(CAPTURE, is_final=False))

    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.provider_code) == ("capture_not_possible", "parameter_unknown")


@pytest.mark.parametrize(
    "body",
    [
        captured(id="pi_2"),
        captured(currency="usd"),
        intent("succeeded", amount_received=4_001),
        intent("requires_capture", amount_received=4_000),
        intent("succeeded", metadata={CAPTURE_ENTRY: "4001"}),
    ],
)
def test_an_answer_about_another_capture_is_not_believed(body: Json) -> None:
    assert isinstance(playing(says(body))[0].capture_payment(CAPTURE), InDoubt)


def test_an_answer_without_our_mark_is_believed_if_just_this_was_taken() -> None:
    adapter, _ = playing(says(intent("succeeded", amount_received=4_000, metadata={})))

    assert isinstance(adapter.capture_payment(CAPTURE), Succeeded)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (captured("succeeded"), Succeeded),
        (captured("requires_capture"), Succeeded),
        (captured("canceled"), Succeeded),
        (captured("canceled", taken=0), Declined),
        (captured("processing"), Pending),
        (intent("processing"), InDoubt),
        (intent("of_tomorrow"), InDoubt),
        (intent("requires_capture"), NotSent),
        (intent("succeeded"), NotSent),
        (intent("canceled"), NotSent),
        (captured(id="pi_2"), InDoubt),
        (intent("requires_capture", id="pi_2"), InDoubt),
    ],
)
def test_a_lost_capture_is_found_by_its_mark_and_proven_absent_without(body: Json, expected: type) -> None:
    assert isinstance(playing(says(body))[0].verify_capture(LOST_CAPTURE), expected)


def test_a_capture_that_was_made_before_is_found_when_it_is_refused() -> None:
    adapter, stripe = playing(UNEXPECTED, says(captured()))

    assert isinstance(adapter.capture_payment(CAPTURE), Succeeded)
    assert [asked.method for asked in stripe.asked] == ["POST", "GET"]


@pytest.mark.parametrize("status", ["succeeded", "canceled", "requires_payment_method"])
def test_a_capture_that_comes_too_late_is_declined(status: str) -> None:
    outcome = playing(UNEXPECTED, says(intent(status)))[0].capture_payment(CAPTURE)

    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.provider_code) == ("capture_not_possible", "payment_intent_unexpected_state")


def test_a_refused_capture_is_in_doubt_until_the_intent_has_been_seen() -> None:
    assert isinstance(playing(UNEXPECTED, says(error(), 500))[0].capture_payment(CAPTURE), InDoubt)


@pytest.mark.parametrize(("taken", "told"), [(0, Money(0, "KES")), (4_000, Money(4_000, "KES"))])
def test_a_cancellation_releases_what_is_left(taken: int, told: Money) -> None:
    adapter, stripe = playing(says(intent("canceled", amount_received=taken)))

    outcome = adapter.cancel_payment(CANCEL)

    assert isinstance(outcome, Succeeded)
    assert outcome.captured == told
    assert stripe.asked[0].path == "/v1/payment_intents/pi_1/cancel"
    assert stripe.asked[0].fields == {"cancellation_reason": "abandoned"}


def test_a_cancellation_that_changed_nothing_is_in_doubt() -> None:
    assert isinstance(playing(says(intent("requires_capture")))[0].cancel_payment(CANCEL), InDoubt)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("canceled", Succeeded),
        ("succeeded", Declined),
        ("processing", Declined),
        ("requires_capture", InDoubt),
        ("requires_payment_method", InDoubt),
    ],
)
def test_a_refused_cancellation_is_judged_by_what_the_intent_is(status: str, expected: type) -> None:
    assert isinstance(playing(UNEXPECTED, says(intent(status)))[0].cancel_payment(CANCEL), expected)


def test_an_intent_that_cannot_be_found_after_a_refused_cancellation_is_in_doubt() -> None:
    adapter, _ = playing(UNEXPECTED, says(error("resource_missing"), 404))

    assert isinstance(adapter.cancel_payment(CANCEL), InDoubt)
