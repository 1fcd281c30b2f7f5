"""Publishing, the delay ladder, dead letters and consuming, with a real RabbitMQ."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from uuid import uuid4

import pytest
from kombu.connection import Connection
from kombu.entity import Queue
from kombu.message import Message as Delivery
from kombu.simple import SimpleQueue

from shared.application.addressing import command_later, command_now, provider_event_later, provider_event_now
from shared.contracts.messages.codec import AnyMessage
from shared.contracts.messages.commands import VerifyPayment
from shared.contracts.messages.envelope import OutgoingMessage
from shared.contracts.messages.events import ProviderEventReceived
from shared.domain.ids import MessageId
from shared.messaging.connection import BROKER_ERRORS, check_broker, publishing_connection
from shared.messaging.consumer import Consequence, ErrorTable, Handler, QueueConsumer
from shared.messaging.publisher import Publisher, PublisherThread, PublishFailed
from shared.messaging.retry_ladder import RetryLadder
from shared.messaging.topology import DEAD_LETTER_QUEUE, build_topology, check_queue, provider_event_queue
from shared.persistence.errors import StorageUnavailable
from tests.integration.conftest import DELAYS_MS
from tests.integration.makers import NOW

QUEUE = check_queue("cpay")


def test_the_topology_may_be_declared_again(amqp_url: str) -> None:
    with publishing_connection(amqp_url) as connection:
        build_topology(["cpay", "other"], DELAYS_MS).declare(connection)


def test_a_command_reaches_its_providers_queue_and_no_other(amqp_url: str) -> None:
    command = _command()

    _publish(amqp_url, command_now(command))

    assert _take(amqp_url, QUEUE, 5).properties["message_id"] == str(command.message_id)
    assert _count(amqp_url, check_queue("other")) == 0


def test_what_no_queue_takes_is_a_failure(amqp_url: str) -> None:
    lost = command_now(_command().model_copy(update={"provider": "nobody"}))

    with pytest.raises(PublishFailed):
        _publish(amqp_url, lost)


def test_of_a_batch_only_what_a_queue_took_is_confirmed(amqp_url: str) -> None:
    good = [command_now(_command()) for _ in range(50)]
    lost = command_now(_command().model_copy(update={"provider": "nobody"}))
    publisher = Publisher(amqp_url)

    confirmed = publisher.publish_all([*good[:25], lost, *good[25:]])
    publisher.close()

    assert confirmed == [message.message_id for message in good]
    assert _count(amqp_url, QUEUE) == 50


def test_a_message_for_an_exchange_that_is_not_there_holds_up_no_other(amqp_url: str) -> None:
    good = [command_now(_command()) for _ in range(20)]
    lost = command_later(_command(), 123_456)
    publisher = Publisher(amqp_url)

    confirmed = publisher.publish_all([*good[:10], lost, *good[10:]])
    publisher.close()

    assert confirmed == [message.message_id for message in good]


def test_a_message_that_no_frame_can_carry_holds_up_no_other(amqp_url: str) -> None:
    good = [command_now(_command()) for _ in range(20)]
    lost = replace(command_now(_command()), routing_key="cpay." + "x" * 255)
    publisher = Publisher(amqp_url)

    confirmed = publisher.publish_all([*good[:10], lost, *good[10:]])
    undeliverable = publisher.undeliverable
    publisher.close()

    assert confirmed == [message.message_id for message in good]
    assert set(undeliverable) == {lost.message_id}


def test_a_callback_is_published_whatever_its_provider_calls_it(amqp_url: str) -> None:
    event = ProviderEventReceived(
        message_id=uuid4(), occurred_at=NOW, correlation_id=uuid4(), webhook_event_id=uuid4(), provider="cpay"
    )

    for event_type in ("x" * 255, "\u20ac" * 100, "", "#", "payment.succeeded"):
        _publish(amqp_url, provider_event_now(event, event_type))

    assert _count(amqp_url, provider_event_queue("cpay")) == 5


def test_a_publisher_recovers_after_a_failure(amqp_url: str) -> None:
    publisher = Publisher(amqp_url)
    with pytest.raises(PublishFailed):
        publisher.publish(command_now(_command().model_copy(update={"provider": "nobody"})))

    publisher.publish(command_now(_command()))
    publisher.close()

    assert _count(amqp_url, QUEUE) == 1


def test_a_dead_broker_fails_at_once() -> None:
    publisher, began = Publisher("amqp://127.0.0.1:1//"), time.monotonic()

    with pytest.raises(PublishFailed):
        publisher.publish(command_now(_command()))

    assert time.monotonic() - began < 3
    with pytest.raises(BROKER_ERRORS):
        check_broker("amqp://127.0.0.1:1//")


@pytest.mark.parametrize("delay_ms", DELAYS_MS)
def test_a_delayed_message_comes_back_to_its_own_queue_and_no_other(amqp_url: str, delay_ms: int) -> None:
    event = ProviderEventReceived(
        message_id=uuid4(), occurred_at=NOW, correlation_id=uuid4(), webhook_event_id=uuid4(), provider="cpay"
    )
    began = time.monotonic()

    _publish(amqp_url, provider_event_later(event, delay_ms))

    _take(amqp_url, provider_event_queue("cpay"), 10)
    assert time.monotonic() - began >= delay_ms / 1000
    assert _count(amqp_url, QUEUE) == 0


def test_a_short_delay_does_not_wait_behind_a_long_one(amqp_url: str) -> None:
    long, short = _command(), _command()

    _publish(amqp_url, command_later(long, DELAYS_MS[2]))
    _publish(amqp_url, command_later(short, DELAYS_MS[0]))

    assert _take(amqp_url, QUEUE, 10).properties["message_id"] == str(short.message_id)
    assert _take(amqp_url, QUEUE, 10).properties["message_id"] == str(long.message_id)


def test_the_publisher_thread_confirms_what_the_broker_has(amqp_url: str) -> None:
    confirmed: list[MessageId] = []
    thread = PublisherThread(amqp_url, confirmed.extend)
    messages = [command_now(_command()) for _ in range(50)]

    thread.offer(messages)
    thread.stop(10)

    assert confirmed == [message.message_id for message in messages]
    assert _count(amqp_url, QUEUE) == 50


def test_the_publisher_thread_confirms_nothing_while_the_broker_is_away() -> None:
    confirmed: list[MessageId] = []
    thread = PublisherThread("amqp://127.0.0.1:1//", confirmed.extend, capacity=2)

    thread.offer([command_now(_command()) for _ in range(10)])
    thread.stop(5)

    assert confirmed == []


def test_a_handled_message_is_gone(amqp_url: str) -> None:
    handled: list[AnyMessage] = []
    _publish(amqp_url, command_now(_command()))

    with _consuming(amqp_url, handled.append):
        _until(lambda: handled)

    assert _count(amqp_url, QUEUE) == 0


def test_a_handler_with_a_bug_is_tried_over_the_whole_ladder_and_then_set_aside(amqp_url: str) -> None:
    tried_at: list[float] = []

    def fail(_message: AnyMessage) -> None:
        tried_at.append(time.monotonic())
        raise RuntimeError("a bug")

    _publish(amqp_url, command_now(_command()))
    with _consuming(amqp_url, fail):
        _until(lambda: _count(amqp_url, DEAD_LETTER_QUEUE))

    waits = [later - earlier for earlier, later in pairwise(tried_at)]
    assert len(tried_at) == len(DELAYS_MS) + 1
    assert all(wait >= delay / 1000 for wait, delay in zip(waits, DELAYS_MS, strict=True))


@pytest.mark.parametrize(
    "body",
    [b"{", b"{}", b'{"type":"payment.verify.v9"}', b"\xff", b"x" * 70_000],
    ids=["cut", "empty", "version", "bytes", "large"],
)
def test_what_is_no_message_of_ours_is_set_aside_at_once(amqp_url: str, body: bytes) -> None:
    good = command_now(_command())
    handled: list[AnyMessage] = []

    _publish(amqp_url, _raw(good, body))
    _publish(amqp_url, good)
    with _consuming(amqp_url, handled.append):
        _until(lambda: handled and _count(amqp_url, DEAD_LETTER_QUEUE))

    assert len(handled) == 1
    with Connection(amqp_url) as connection, connection.channel() as channel:
        dead = channel.basic_get(DEAD_LETTER_QUEUE, no_ack=True)
    assert (len(dead.body), dead.headers["x-died-in"], dead.headers["x-died-of"]) == (len(body), QUEUE, "unreadable")


def test_a_message_is_held_while_the_database_is_away(amqp_url: str) -> None:
    tries: list[AnyMessage] = []

    def fail_twice(message: AnyMessage) -> None:
        tries.append(message)
        if len(tries) < 3:
            raise StorageUnavailable("away")

    _publish(amqp_url, command_now(_command()))
    with _consuming(amqp_url, fail_twice):
        _until(lambda: len(tries) == 3)

    assert len({message.message_id for message in tries}) == 1
    assert _count(amqp_url, QUEUE) == 0


def test_a_message_that_kills_its_consumer_is_set_aside_after_the_delivery_limit(amqp_url: str) -> None:
    _publish(amqp_url, command_now(_command()))

    for _ in range(12):
        with Connection(amqp_url) as connection, connection.channel() as channel:
            channel.basic_get(QUEUE, no_ack=False)
            connection.collect()
        time.sleep(0.1)

    _until(lambda: _count(amqp_url, DEAD_LETTER_QUEUE))
    assert _count(amqp_url, QUEUE) == 0


def _command() -> VerifyPayment:
    return VerifyPayment(
        message_id=uuid4(), occurred_at=NOW, correlation_id=uuid4(), transaction_id=uuid4(), provider="cpay"
    )


def _raw(message: OutgoingMessage, body: bytes) -> OutgoingMessage:
    return OutgoingMessage(
        message_id=MessageId(uuid4()),
        exchange=message.exchange,
        routing_key=message.routing_key,
        type=message.type,
        body=body,
        correlation_id="x",
        occurred_at=NOW,
    )


def _publish(amqp_url: str, message: OutgoingMessage) -> None:
    publisher = Publisher(amqp_url)
    try:
        publisher.publish(message)
    finally:
        publisher.close()


def _take(amqp_url: str, queue: str, seconds: float) -> Delivery:
    with Connection(amqp_url) as connection:
        simple = SimpleQueue(connection.channel(), Queue(queue, no_declare=True))
        delivery: Delivery = simple.get(timeout=seconds)
        delivery.ack()
        simple.close()
        return delivery


def _count(amqp_url: str, queue: str) -> int:
    with Connection(amqp_url) as connection, connection.channel() as channel:
        return int(channel.queue_declare(queue, passive=True).message_count)


@contextmanager
def _consuming(amqp_url: str, handle: Handler) -> Iterator[None]:
    errors = ErrorTable([(StorageUnavailable, Consequence.HOLD)])
    consumer = QueueConsumer(amqp_url, [QUEUE], handle, errors, RetryLadder(DELAYS_MS))
    thread = threading.Thread(target=consumer.serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        consumer.stop()
        thread.join(10)


def _until(condition: Callable[[], object], seconds: float = 20) -> None:
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, "not within the time"
        time.sleep(0.05)
