"""Messages on a delay level come back early when that is asked for, with a real RabbitMQ; none is lost."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from kombu.connection import Connection

from shared.application.addressing import command_later
from shared.contracts.messages.codec import decode
from shared.contracts.messages.commands import VerifyPayment
from shared.messaging.connection import publishing_connection
from shared.messaging.dead_letters import FIRST_ERROR_HEADER
from shared.messaging.deliveries import TRIES_HEADER
from shared.messaging.parked import ParkedMessages
from shared.messaging.publisher import Publisher
from shared.messaging.topology import build_topology, check_queue, delay_queue
from shared.runtime.clock import SystemClock
from tests.servers import Servers

MINUTE, FIVE = 60_000, 300_000
QUEUE = check_queue("parked")
TRIED = {TRIES_HEADER: "2", FIRST_ERROR_HEADER: "{}"}


class Broker:
    def __init__(self, amqp_url: str) -> None:
        self.amqp_url = amqp_url
        self.now = SystemClock().now()

    def park(self, delay_ms: int, at: datetime | None = None) -> UUID:
        command = VerifyPayment(
            message_id=uuid4(),
            occurred_at=at or self.now,
            correlation_id=uuid4(),
            transaction_id=uuid4(),
            provider="parked",
        )
        message = replace(command_later(command, delay_ms), headers=TRIED)
        publisher = Publisher(self.amqp_url)
        publisher.publish(message)
        publisher.close()
        return command.message_id

    def release(self, within: timedelta) -> list[int]:
        """How many, from the longest level to the shortest."""
        return list(ParkedMessages(self.amqp_url, (MINUTE, FIVE)).release(self.now, within).values())

    def back(self) -> dict[UUID, dict[str, object]]:
        """What is in the work queue now, which is emptied, with the headers of ours."""
        found = {}
        with Connection(self.amqp_url) as connection, connection.channel() as channel:
            while (delivery := channel.basic_get(QUEUE, no_ack=True)) is not None:
                found[decode(delivery.body).message_id] = {name: delivery.headers.get(name) for name in TRIED}
        return found

    def waiting(self, delay_ms: int) -> int:
        with Connection(self.amqp_url) as connection, connection.channel() as channel:
            return int(channel.queue_declare(delay_queue(delay_ms), passive=True).message_count)


@pytest.fixture
def broker(servers: Servers) -> Iterator[Broker]:
    topology = build_topology(["parked"], (MINUTE, FIVE))
    names = [QUEUE, delay_queue(MINUTE), delay_queue(FIVE)]
    with publishing_connection(servers.urls["rabbitmq"]) as connection:
        topology.declare(connection)
        for name in names:
            connection.default_channel.queue_purge(name)
        yield Broker(servers.urls["rabbitmq"])
        for name in names:
            connection.default_channel.queue_purge(name)


def test_what_is_due_within_the_time_comes_back_to_its_own_queue_as_it_was(broker: Broker) -> None:
    short, long = broker.park(MINUTE), broker.park(FIVE)

    assert broker.release(timedelta(minutes=2)) == [0, 1]
    assert broker.back() == {short: TRIED}
    assert broker.release(timedelta(minutes=6)) == [1, 0]
    assert set(broker.back()) == {long}


def test_what_is_due_later_stays_however_often_that_is_asked(broker: Broker) -> None:
    for _ in range(3):
        broker.park(FIVE)

    for _ in range(5):
        assert broker.release(timedelta(minutes=4)) == [0, 0]

    assert (broker.waiting(FIVE), broker.back()) == (3, {})


def test_of_one_level_only_the_older_ones_are_due(broker: Broker) -> None:
    older = broker.park(FIVE, broker.now - timedelta(minutes=3))
    broker.park(FIVE)

    assert broker.release(timedelta(minutes=3)) == [1, 0]
    assert (set(broker.back()), broker.waiting(FIVE)) == ({older}, 1)
