"""What customers pay at a till, through the whole system: one completed payment of its owner's, or money in sight."""

import time
from collections.abc import Callable
from uuid import uuid4

from click.testing import CliRunner

from services.payctl.__main__ import main
from tests.e2e.journey import Json, System

PATIENCE_SECONDS = 60

# What the sandbox calls its merchant's.
SANDBOX_TILL = "832909"


def _received(system: System, account: str) -> list[Json]:
    listed = system.merchant.listed()
    return [each for each in listed if each["metadata"].get("account") == account]


def _soon(told: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not told():
        assert time.monotonic() < give_up_at, "not in time"
        time.sleep(0.2)


def test_what_a_customer_pays_at_a_till_is_one_completed_payment_of_its_owners(system: System) -> None:
    account = f"INV-{uuid4()}"

    system.pay_at_till(SANDBOX_TILL, account, 90_000)
    _soon(lambda: bool(_received(system, account)))

    (payment,) = _received(system, account)
    (theirs,) = [each for each in system.ledger()["till_payments"] if each["account"] == account]
    assert (payment["status"], payment["source"], payment["amount"]) == ("completed", "customer", "900.00")
    assert payment["provider_transaction_id"] == theirs["id"]
    assert payment["idempotency_key"] == f"received:cpay:{theirs['id']}"
    assert payment["metadata"] == {"till": SANDBOX_TILL, "account": account}


def test_money_at_a_till_of_nobody_is_seen_by_operators_and_by_no_merchant(system: System) -> None:
    account, till = f"INV-{uuid4()}", str(uuid4().int)[:9]

    system.pay_at_till(till, account, 90_000)
    _soon(lambda: f"unmatched till {till}" in _operators_see(system))

    assert _received(system, account) == []


def _operators_see(system: System) -> str:
    answered = CliRunner().invoke(main, ["--env-file", str(system.env_file), "callbacks", "list"])
    assert answered.exit_code == 0, answered.output
    return answered.output
