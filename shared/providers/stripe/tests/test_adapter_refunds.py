"""What the adapter sends for a refund, and what it believes of the answer."""

from dataclasses import replace

import pytest

from shared.domain.outcome import Declined, InDoubt, Succeeded
from shared.providers.stripe.tests.played import (
    KNOWN_REFUND,
    REFUND,
    REFUND_ID,
    Json,
    playing,
    refund,
    says,
)


def test_a_refund_is_sent_with_our_id_and_key() -> None:
    adapter, stripe = playing(says(refund()))

    outcome = adapter.refund_payment(REFUND)

    assert isinstance(outcome, Succeeded)
    assert outcome.reference == "re_1"
    assert stripe.asked[0].path == "/v1/refunds"
    assert stripe.asked[0].fields == {
        "payment_intent": "pi_1",
        "amount": "4000",
        "metadata[gateway_refund_id]": str(REFUND_ID),
        "metadata[reason]": "returned",
    }
    assert stripe.asked[0].headers["idempotency-key"] == "refund-1"


def test_a_reason_that_stripe_has_a_word_for_is_told_in_it() -> None:
    adapter, stripe = playing(says(refund()))

    adapter.refund_payment(replace(REFUND, reason="duplicate"))

    assert stripe.asked[0].fields["reason"] == "duplicate"


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 4_001},
        {"currency": "usd"},
        {"payment_intent": "pi_2"},
        {"metadata": {"gateway_refund_id": "another"}},
        {"currency": "xyz"},
    ],
    ids=repr,
)
def test_an_answer_about_another_refund_is_not_believed(changes: Json) -> None:
    adapter, _ = playing(says({**refund(), **changes}))

    assert isinstance(adapter.refund_payment(REFUND), InDoubt)
    assert isinstance(adapter.verify_refund(KNOWN_REFUND), InDoubt)


def test_a_refund_that_succeeded_and_then_failed_is_declined() -> None:
    adapter, _ = playing(says(refund("failed", failure_reason="expired_or_canceled_card")))

    outcome = adapter.verify_refund(KNOWN_REFUND)

    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.provider_code) == ("invalid_account", "expired_or_canceled_card")
