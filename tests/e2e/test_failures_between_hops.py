"""Every part is killed in the middle of a payment, and started again: the payment completes, once."""

import time

import pytest

from deploy.local.processes import our_processes
from tests.e2e.journey import System


@pytest.mark.parametrize("process", [spec.name for spec in our_processes(["cpay"])])
def test_a_killed_process_costs_time_and_nothing_else(system: System, process: str) -> None:
    before = [system.merchant.pay()["id"] for _ in range(3)]

    system.local.stop(process, kill=True)
    system.local.start(process)

    for payment_id in [*before, system.merchant.pay()["id"]]:
        assert system.merchant.finished(payment_id, within_seconds=60)["status"] == "completed"
        assert system.captured(payment_id).payments == 1


@pytest.mark.parametrize("process", ["provider-worker-cpay", "provider-simulator"])
def test_a_process_killed_during_a_refund_gives_the_money_back_once(system: System, process: str) -> None:
    payment_id = system.merchant.pay()["id"]
    system.merchant.finished(payment_id)

    assert system.merchant.refund(payment_id, "400.00").status_code == 202
    system.local.stop(process, kill=True)
    system.local.start(process)

    done = system.merchant.wait(payment_id, lambda each: each["status"] == "partially_refunded", within_seconds=60)
    assert done["amount_refunded"] == "400.00"
    assert system.captured(payment_id).refunded == 40_000


def test_payments_are_accepted_while_rabbitmq_is_away_and_complete_after(system: System) -> None:
    system.local.stop("rabbitmq", kill=True)
    try:
        accepted = [system.merchant.initialize() for _ in range(5)]
    finally:
        system.local.start("rabbitmq")

    assert [answer.status_code for answer in accepted] == [202] * 5
    for answer in accepted:
        assert system.merchant.finished(answer.json()["id"], within_seconds=90)["status"] == "completed"
        assert system.captured(answer.json()["id"]).payments == 1


def test_a_database_crash_gives_only_503_and_loses_nothing_accepted(system: System) -> None:
    before = [system.merchant.pay()["id"] for _ in range(3)]

    system.local.stop("postgres", kill=True)
    try:
        answer = system.merchant.initialize()
    finally:
        system.local.start("postgres")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    for payment_id in before:
        assert system.merchant.finished(payment_id, within_seconds=60)["status"] == "completed"
        assert system.captured(payment_id).payments == 1


def test_redis_may_be_away_without_anybody_noticing(system: System) -> None:
    system.local.stop("redis", kill=True)
    try:
        started = time.monotonic()
        payment_id = system.merchant.pay()["id"]
        done = system.merchant.finished(payment_id)
    finally:
        system.local.start("redis")

    assert done["status"] == "completed"
    assert time.monotonic() - started < 60
