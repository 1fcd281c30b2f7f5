"""What CPay can do to a payment, each ending in the right state with the money taken once or not at all."""

import pytest

from tests.e2e.journey import Json, System

# scenario -> the status it ends in, and what the provider has taken (of KES 1,000.00, in minor units)
ENDINGS = {
    "succeeds": ("completed", 100_000),
    "insufficient_funds": ("failed", 0),
    "cancelled_by_user": ("cancelled", 0),
    "expired": ("expired", 0),
    "unknown_failure_code": ("failed", 0),
    "webhook_twice": ("completed", 100_000),
    "webhook_two_ids": ("completed", 100_000),
    "webhook_out_of_order": ("completed", 100_000),
    "webhook_lost": ("completed", 100_000),
    "webhook_early": ("completed", 100_000),
    "webhook_wrong_secret": ("completed", 100_000),
    "webhook_stale": ("completed", 100_000),
    "webhook_other_amount": ("completed", 100_000),
    "error_500_after_commit": ("completed", 100_000),
    "hang_after_commit": ("completed", 100_000),
    "reset_after_commit": ("completed", 100_000),
    "error_500": ("expired", 0),
    "unavailable_twice": ("completed", 100_000),
    "throttled_twice": ("completed", 100_000),
    "html": ("completed", 100_000),
    "empty": ("completed", 100_000),
    "truncated": ("completed", 100_000),
    "webhook_unknown_type": ("completed", 100_000),
}


@pytest.fixture(scope="module")
def payments(system: System) -> dict[str, str]:
    """One payment in each scenario, all at once: no scenario may disturb another."""
    return {scenario: system.merchant.pay(scenario=scenario)["id"] for scenario in ENDINGS}


@pytest.mark.parametrize("scenario", ENDINGS)
def test_a_payment_ends_right_whatever_the_provider_does(
    system: System, payments: dict[str, str], scenario: str
) -> None:
    status, taken = ENDINGS[scenario]

    done = system.merchant.finished(payments[scenario], within_seconds=90)

    seen = system.captured(payments[scenario])
    assert done["status"] == status
    assert (seen.captured, seen.payments <= 1) == (taken, True)


def test_a_repeated_callback_acts_once(system: System, payments: dict[str, str]) -> None:
    done = system.merchant.finished(payments["webhook_two_ids"])

    completions = [entry for entry in done["audit_trail"] if entry["event_type"] == "payment.completed"]
    assert len(completions) == 1


def test_a_callback_with_another_amount_is_refused_and_the_provider_is_asked(
    system: System, payments: dict[str, str]
) -> None:
    done = system.merchant.finished(payments["webhook_other_amount"])

    refused = [
        entry["event_data"]["refused"] for entry in done["audit_trail"] if entry["event_type"] == "webhook.received"
    ]
    assert "amount" in refused
    assert "payment.verify" in {attempt["operation"] for attempt in done["attempts"]}


def test_a_payment_that_may_have_been_taken_is_asked_about_and_never_sent_again(
    system: System, payments: dict[str, str]
) -> None:
    payment_id = payments["hang_after_commit"]
    system.merchant.finished(payment_id)

    # The callback may finish the payment while the call still hangs.
    done = system.merchant.wait(payment_id, lambda payment: all(_sent(payment)))
    assert _sent(done) == ["InDoubt"]


def _sent(payment: Json) -> list[str | None]:
    """How each call that may have taken the money ended; ``None``: it has not yet."""
    return [attempt["outcome"] for attempt in payment["attempts"] if attempt["operation"] == "payment.initialize"]
