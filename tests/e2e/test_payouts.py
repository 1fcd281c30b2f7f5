"""Money sent out through the whole system: once at the provider, whatever happens on the way."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.e2e.journey import System

# The last four digits choose what CPay does: the amount, the status it ends in, and what CPay has of it.
ENDINGS = {
    "succeeds": ("700.00", "succeeded", [(70_000, "succeeded")]),
    "fails": ("700.01", "failed", [(70_001, "failed")]),
    "webhook_lost": ("700.14", "succeeded", [(70_014, "succeeded")]),
    "webhook_early": ("700.15", "succeeded", [(70_015, "succeeded")]),
    "error_500_after_commit": ("700.20", "succeeded", [(70_020, "succeeded")]),
    "hang_after_commit": ("700.21", "succeeded", [(70_021, "succeeded")]),
    "reset_after_commit": ("700.22", "succeeded", [(70_022, "succeeded")]),
    "webhook_repeated": ("700.33", "succeeded", [(70_033, "succeeded")]),
}


@pytest.fixture(scope="module")
def payouts(system: System) -> dict[str, str]:
    """One payout in each scenario, all at once."""
    return {name: system.merchant.pay_out(amount).json()["id"] for name, (amount, _, _) in ENDINGS.items()}


@pytest.mark.parametrize("scenario", ENDINGS)
def test_a_payout_ends_right_whatever_the_provider_does(system: System, payouts: dict[str, str], scenario: str) -> None:
    _, status, at_theirs = ENDINGS[scenario]

    done = system.merchant.finished_payout(payouts[scenario])

    assert (done["status"], system.paid_out(done["id"])) == (status, at_theirs)
    assert [each["operation"] for each in done["attempts"]].count("payout.initialize") == 1


def test_eight_requests_with_one_key_are_one_payout(system: System) -> None:
    key = str(uuid4())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: system.merchant.pay_out("701.00", key=key), range(8)))
    ids = {each.json()["id"] for each in answers if each.status_code == 202}

    (payout_id,) = ids

    assert system.merchant.finished_payout(payout_id)["status"] == "succeeded"
    assert system.paid_out(payout_id) == [(70_100, "succeeded")]
