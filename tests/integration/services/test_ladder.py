"""The whole ladder with a real broker and database: order, delays, and where everything ends."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from uuid import UUID

import pytest
from kombu.connection import Connection

from deploy.local.errors import LocalError
from deploy.local.servers.standalone import kill, start_native, stop
from shared.domain.transaction_status import TransactionStatus
from shared.messaging.topology import DEAD_LETTER_QUEUE
from shared.persistence.dead_letters import LetterState
from tests.integration.conftest import Database
from tests.integration.ladder import Climbing, until
from tests.servers import Servers

# The plan's five levels in its proportions as far as they can be told apart in seconds: each is twice the one before.
DELAYS_MS = (500, 1000, 2000, 4000, 8000)
EACH = 8

# What the broker, the database and a busy machine may add: half of what would make it another level.
LATENESS_SECONDS = 0.25


@dataclass(frozen=True)
class Climb:
    """What was sent up the ladder, all at the same time, and has come to its end."""

    system: Climbing
    commands: list[UUID]
    callbacks: list[UUID]
    bugs: list[UUID]
    short_lived: UUID


@pytest.fixture(scope="module")
def climb(database: Database, servers: Servers) -> Iterator[Climb]:
    system = Climbing(database, servers.urls["rabbitmq"], DELAYS_MS, "climber")
    with system.running():
        made: dict[str, list[UUID]] = {"commands": [], "callbacks": [], "bugs": []}
        short_lived = system.pay(timedelta(seconds=2.8))
        for _ in range(EACH):
            made["commands"].append(system.pay())
            made["callbacks"].append(system.call_back())
            made["bugs"].append(system.ask_with_a_bug())
            # So that each level has messages of all ages, and the short ones pass the long.
            time.sleep(0.3)
        until(lambda: len(system.letters()) == 2 * EACH, 60)
        until(lambda: all(_is_over(system, each) for each in made["commands"]), 10)
        yield Climb(system=system, short_lived=short_lived, **made)


def _is_over(system: Climbing, payment_id: UUID) -> bool:
    return system.payment(payment_id).status is TransactionStatus.EXPIRED


@pytest.mark.parametrize("kind", ["commands", "callbacks", "bugs"])
def test_every_level_is_climbed_in_order_each_with_the_delay_of_the_plan(climb: Climb, kind: str) -> None:
    waits = [
        [later - earlier for earlier, later in pairwise(climb.system.tried_at[each])] for each in getattr(climb, kind)
    ]

    assert [len(each) for each in waits] == [len(DELAYS_MS)] * EACH
    for level, planned_ms in enumerate(DELAYS_MS):
        measured, planned = [each[level] for each in waits], planned_ms / 1000
        assert min(measured) >= planned, f"level {level + 1} came early"
        assert max(measured) < 2 * planned, f"level {level + 1} took as long as the next"
        assert median(measured) - planned < LATENESS_SECONDS, f"level {level + 1} is late: {measured}"


@pytest.mark.parametrize(("kind", "subject"), [("callbacks", "callback"), ("bugs", "payment")])
def test_what_fails_to_the_end_is_kept_with_its_first_error_and_its_last(climb: Climb, kind: str, subject: str) -> None:
    letters = climb.system.letters()

    for each in getattr(climb, kind):
        letter = letters[each]
        assert (letter.reason, letter.tries, letter.deaths) == ("retries_spent", len(DELAYS_MS) + 1, 1)
        assert (letter.subject_kind, letter.state, letter.is_exact) == (subject, LetterState.WAITING, True)
        assert letter.first_error is not None
        assert letter.last_error is not None
        assert letter.first_error["error"] == letter.last_error["error"] == "RuntimeError"
        assert letter.first_error["at"] < letter.last_error["at"]


def test_a_bugs_first_and_last_errors_are_told_apart(climb: Climb) -> None:
    letter = climb.system.letters()[climb.bugs[0]]

    assert letter.first_error is not None
    assert letter.last_error is not None
    assert (letter.first_error["message"], letter.last_error["message"]) == ("a bug, try 1", "a bug, try 6")


def test_nothing_is_left_with_the_broker(climb: Climb) -> None:
    until(lambda: _count(climb.system.amqp_url) == 0, 10)


def test_a_command_that_could_never_be_sent_ends_with_its_payment_and_needs_no_letter(climb: Climb) -> None:
    for each in climb.commands:
        payment = climb.system.payment(each)
        assert payment.failure is not None
        assert (payment.status, payment.failure.code) == (TransactionStatus.EXPIRED, "provider_unavailable")
        assert climb.system.attempts(each) == [(number, "NotSent") for number in range(1, len(DELAYS_MS) + 2)]
        assert each not in climb.system.letters()


def test_a_command_is_not_sent_again_after_its_payments_own_expiry(climb: Climb) -> None:
    tried_at = climb.system.tried_at[climb.short_lived]

    assert len(climb.system.attempts(climb.short_lived)) == len(tried_at) == 3
    assert tried_at[-1] - tried_at[0] < 2.8
    assert climb.system.payment(climb.short_lived).status is TransactionStatus.EXPIRED


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    try:
        address = start_native("rabbitmq", tmp_path)
    except LocalError as error:
        pytest.skip(f"no RabbitMQ to be killed: {error}")
    yield address.url, tmp_path
    stop("rabbitmq", tmp_path)


def test_the_count_of_tries_survives_a_broker_that_is_killed_on_the_way(
    database: Database, own_broker: tuple[str, Path]
) -> None:
    url, folder = own_broker
    system = Climbing(database, url, (400, 800, 6000, 6100, 6200), "survivor")
    with system.running():
        # A quorum queue that was declared in the last half second does not survive its node.
        time.sleep(2)
        command, callback, bug = system.pay(), system.call_back(), system.ask_with_a_bug()
        everything = (command, callback, bug)
        until(lambda: all(len(system.tried_at[each]) == 3 for each in everything), 30)
        time.sleep(1)

        kill("rabbitmq", folder)
        assert start_native("rabbitmq", folder).url == url

        until(lambda: {callback, bug} <= set(system.letters()) and _is_over(system, command), 90)

    # Whoever forgot the three tries before would make nine; one too many of a try may be, a broker that dies repeats.
    assert all(6 <= len(system.tried_at[each]) < 9 for each in everything)
    assert [(letter.tries, letter.deaths) for letter in system.letters().values()] == [(6, 1), (6, 1)]
    assert [number for number, _ in system.attempts(command)] == [1, 2, 3, 4, 5, 6]


def _count(amqp_url: str) -> int:
    with Connection(amqp_url) as connection, connection.channel() as channel:
        return int(channel.queue_declare(DEAD_LETTER_QUEUE, passive=True).message_count)
