"""A hundred commands die, forty of them after a copy was carried out: a replay acts for sixty, and twice for none."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
import pytest
from amqp import Message as Publishable
from kombu.connection import Connection

from deploy.local.settings import CHECKOUT
from shared.messaging.topology import COMMANDS, command_queue
from tests.e2e.journey import Json, System

QUEUE = command_queue("cpay")
DEAD, SUCCEEDED = 100, 40
CHOSEN = ("--reason", "rejected", "--type", "payment.initialize.v1", "--operator", "amina")

# Who would come to these payments' help by themselves.
HELPERS = ("scheduler-beat", "scheduler-worker")


@pytest.mark.timeout(600)
def test_of_a_hundred_dead_letters_of_which_forty_succeeded_sixty_act_and_none_twice(system: System) -> None:
    with _stopped(system, *HELPERS):
        with _stopped(system, "provider-worker-cpay"):
            payments = [system.merchant.initialize(amount="1000.00").json()["id"] for _ in range(DEAD)]
            _let_die(system, payments)
        for payment_id in payments[:SUCCEEDED]:
            system.merchant.finished(payment_id, within_seconds=90)

        dry = _payctl(system, "replay", "--dry-run", *CHOSEN)
        assert dry[-1] == "60 replayed, 40 skipped (dry run: nothing was done)"
        assert sum("skipped: " in line for line in dry) == SUCCEEDED
        assert _taken(system, payments) == [1] * SUCCEEDED + [0] * (DEAD - SUCCEEDED)

        done = _payctl(system, "replay", "--rate", "20", *CHOSEN)
        assert done == [*dry[:-1], "60 replayed, 40 skipped"]
        for payment_id in payments:
            assert system.merchant.finished(payment_id, within_seconds=90)["status"] == "completed"

    assert _taken(system, payments) == [1] * DEAD
    assert {system.captured(each).captured for each in payments} == {100_000}
    assert _payctl(system, "replay", *CHOSEN) == ["nothing waits"]


def test_an_admin_sees_a_letter_and_discards_it_over_the_api(system: System) -> None:
    with Connection(system.environment["AMQP_URL"]) as connection, connection.channel() as channel:
        channel.basic_publish(Publishable(b"{not json"), exchange=COMMANDS, routing_key="cpay.poison")
    with _admin(system) as admin:
        _until(lambda: admin.get("/dead-letters?reason=unreadable&state=waiting").json()["data"])
        letter: Json = admin.get("/dead-letters?reason=unreadable&state=waiting").json()["data"][0]
        done = admin.post(f"/dead-letters/{letter['id']}/discard", json={"why": "sent by a test"}).json()

    assert (letter["queue"], letter["body"], letter["body_is_exact"]) == (QUEUE, "{not json", False)
    assert letter["last_error"]["error"] == "MessageUnreadable"
    assert done["sentence"] == "discarded: sent by a test"


@contextmanager
def _stopped(system: System, *processes: str) -> Iterator[None]:
    for process in processes:
        system.local.stop(process)
    try:
        yield
    finally:
        for process in processes:
            system.local.start(process)


def _let_die(system: System, payments: list[str]) -> None:
    """Reject the commands of all, and leave a copy of those that shall have succeeded to the worker."""
    with Connection(system.environment["AMQP_URL"]) as connection, connection.channel() as channel:
        _until(lambda: channel.queue_declare(QUEUE, passive=True).message_count >= DEAD)
        commands = [channel.basic_get(QUEUE) for _ in range(DEAD)]
        by_payment = {command.properties["correlation_id"]: command for command in commands}
        for payment_id in payments[:SUCCEEDED]:
            command = by_payment[payment_id]
            copy = Publishable(command.body, **command.properties)
            channel.basic_publish(copy, exchange=COMMANDS, routing_key=command.delivery_info["routing_key"])
        for command in commands:
            channel.basic_reject(command.delivery_tag, requeue=False)
        # A channel that closes at once takes the rejections with it that the queue has not seen yet.
        _until(lambda: _payctl(system, "list", "--limit", "1000", *CHOSEN[:4])[-1].startswith(f"{DEAD} shown"))


def _taken(system: System, payments: list[str]) -> list[int]:
    """How many payments the provider itself has for each of ours."""
    references = [each["merchant_reference"] for each in system.ledger()["payments"]]
    return [references.count(payment_id) for payment_id in payments]


def _payctl(system: System, *arguments: str) -> list[str]:
    command = [sys.executable, "-m", "services.payctl", "--env-file", str(system.env_file), "dlq", *arguments]
    inherited = system.local.settings.inherited
    return subprocess.run(
        command, cwd=CHECKOUT, env=inherited, capture_output=True, text=True, check=True, timeout=120
    ).stdout.splitlines()


def _admin(system: System) -> httpx2.Client:
    given = {"email": system.environment["ADMIN_EMAIL"], "password": system.environment["ADMIN_PASSWORD"]}
    api = f"{system.environment['API_URL']}/api/v1"
    token = httpx2.post(f"{api}/auth/token", json=given, trust_env=False).raise_for_status().json()["access_token"]
    return httpx2.Client(base_url=api, headers={"Authorization": f"Bearer {token}"}, timeout=15, trust_env=False)


def _until(condition: Callable[[], object], seconds: float = 60) -> None:
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, "not within the time"
        time.sleep(0.2)
