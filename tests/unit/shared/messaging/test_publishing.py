"""Publishing with confirms: only what the broker has confirmed, message by message, counts as published."""

from collections.abc import Callable
from typing import Any

import pytest
from amqp.basic_message import Message as Returned
from amqp.exceptions import RecoverableConnectionError
from kombu.transport.pyamqp import Channel

from shared.contracts.messages.envelope import OutgoingMessage
from shared.domain.ids import MessageId
from shared.messaging.publisher import Publisher, PublishFailed
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON


class FakeChannel(Channel):
    """A channel that keeps who wants to hear what."""

    def __init__(self) -> None:
        self.events: dict[str, set[Callable[..., None]]] = {
            "basic_ack": set(),
            "basic_nack": set(),
            "basic_return": set(),
        }
        self.confirms = False

    def confirm_select(self, nowait: bool = False) -> None:
        self.confirms = True

    def tell(self, event: str, *facts: Any) -> None:
        for listener in self.events[event]:
            listener(*facts)


class FakeConnection:
    """``script``: what the broker says at each look, one step a look; after that it is silent."""

    def __init__(self, *script: Callable[[FakeChannel], None]) -> None:
        self.default_channel = FakeChannel()
        self.script = list(script)
        self.thrown_away = False
        self.published: list[dict[str, Any]] = []
        self.fails_at: int | None = None

    def drain_events(self, timeout: float) -> None:
        assert timeout > 0
        if not self.script:
            raise TimeoutError
        self.script.pop(0)(self.default_channel)

    def collect(self) -> None:
        self.thrown_away = True


class Broker:
    """Gives one connection after another."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *connections: FakeConnection | Exception) -> None:
        self.connections = list(connections)
        monkeypatch.setattr("shared.messaging.publisher.publishing_connection", self._connect)
        monkeypatch.setattr("shared.messaging.publisher.Producer", self._producer)
        self._latest: FakeConnection | None = None
        self.publisher = Publisher("amqp://nowhere")

    def _connect(self, _url: str) -> FakeConnection:
        connection = self.connections.pop(0)
        if isinstance(connection, Exception):
            raise connection
        self._latest = connection
        return connection

    def _producer(self, _channel: object) -> "FakeProducer":
        assert self._latest is not None
        return FakeProducer(self._latest)


class FakeProducer:
    def __init__(self, connection: FakeConnection) -> None:
        self._connection = connection

    def publish(self, body: bytes, **options: Any) -> None:
        if self._connection.fails_at == len(self._connection.published):
            raise RecoverableConnectionError("gone")
        self._connection.published.append({"body": body, **options})


def _message(kind: str = "payment.initialize.v1") -> OutgoingMessage:
    return OutgoingMessage(
        message_id=MessageId(new_id()),
        exchange="gw.cmd",
        routing_key="cpay.x",
        type=kind,
        body=b"{}",
        headers={"x-request-id": "r1"},
        correlation_id="c1",
        occurred_at=NOON,
    )


def _ack(tag: int, *, multiple: bool = False) -> Callable[[FakeChannel], None]:
    return lambda channel: channel.tell("basic_ack", tag, multiple)


def _nack(tag: int, *, multiple: bool = False) -> Callable[[FakeChannel], None]:
    return lambda channel: channel.tell("basic_nack", tag, multiple)


def _return(message: OutgoingMessage) -> Callable[[FakeChannel], None]:
    returned = Returned(b"", message_id=str(message.message_id))
    return lambda channel: channel.tell("basic_return", RuntimeError("NO_ROUTE"), "gw.cmd", "cpay.x", returned)


@pytest.fixture
def messages() -> list[OutgoingMessage]:
    return [_message() for _ in range(3)]


def _ids(messages: list[OutgoingMessage], *places: int) -> list[MessageId]:
    return [messages[place].message_id for place in places]


def test_a_batch_goes_out_as_a_whole_before_the_first_confirm_is_awaited(
    messages: list[OutgoingMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    connection = FakeConnection(lambda channel: seen.append(len(connection.published)), _ack(3, multiple=True))

    assert Broker(monkeypatch, connection).publisher.publish_all(messages) == _ids(messages, 0, 1, 2)
    assert seen == [3]
    assert connection.default_channel.confirms


@pytest.mark.parametrize(
    ("script", "confirmed"),
    [
        ([_ack(1), _ack(2), _ack(3)], [0, 1, 2]),
        ([_ack(3), _ack(1), _ack(2)], [0, 1, 2]),
        ([_ack(2, multiple=True), _ack(3)], [0, 1, 2]),
        ([_ack(2, multiple=True)], [0, 1]),
        ([_ack(2)], [1]),
        ([_nack(1), _ack(2), _ack(3)], [1, 2]),
        ([_nack(3, multiple=True)], []),
        ([_ack(1), _nack(3, multiple=True)], [0]),
        ([_ack(1), _ack(1), _ack(99)], [0]),
        ([], []),
    ],
    ids=["in order", "any order", "several at once", "two of three", "only the second", "refused", "all refused",
         "one and the rest refused", "unknown tags", "silence"],
)  # fmt: skip
def test_exactly_what_was_confirmed_counts(
    script: list[Callable[[FakeChannel], None]],
    confirmed: list[int],
    messages: list[OutgoingMessage],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker = Broker(monkeypatch, FakeConnection(*script))

    assert broker.publisher.publish_all(messages) == _ids(messages, *confirmed)


def test_what_no_queue_takes_does_not_count_though_it_is_confirmed(
    messages: list[OutgoingMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = Broker(monkeypatch, FakeConnection(_return(messages[1]), _ack(3, multiple=True)))

    assert broker.publisher.publish_all(messages) == _ids(messages, 0, 2)


def test_after_silence_the_connection_is_thrown_away_and_the_next_batch_gets_a_new_one(
    messages: list[OutgoingMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    silent, good = FakeConnection(), FakeConnection(_ack(3, multiple=True))
    broker = Broker(monkeypatch, silent, good)

    assert broker.publisher.publish_all(messages) == []
    assert silent.thrown_away

    assert broker.publisher.publish_all(messages) == _ids(messages, 0, 1, 2)
    assert not good.thrown_away


def test_one_connection_serves_many_batches(messages: list[OutgoingMessage], monkeypatch: pytest.MonkeyPatch) -> None:
    connection = FakeConnection(_ack(1), _ack(2), _ack(3))
    broker = Broker(monkeypatch, connection)

    found = [broker.publisher.publish_all([message]) for message in messages]

    assert found == [[message.message_id] for message in messages]


def test_tags_of_an_earlier_batch_confirm_nothing_of_a_later_one(
    messages: list[OutgoingMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = Broker(monkeypatch, FakeConnection(_ack(1), _ack(1)))

    assert broker.publisher.publish_all(messages[:1]) == _ids(messages, 0)
    assert broker.publisher.publish_all(messages[1:2]) == []


def test_a_connection_that_breaks_in_the_middle_confirms_nothing_that_was_not_confirmed(
    messages: list[OutgoingMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = FakeConnection(_ack(3, multiple=True))
    connection.fails_at = 2

    assert Broker(monkeypatch, connection).publisher.publish_all(messages) == []
    assert connection.thrown_away


@pytest.mark.parametrize("error", [ConnectionRefusedError(), RecoverableConnectionError("x"), TimeoutError()])
def test_a_broker_that_is_away_confirms_nothing_and_raises_nothing(
    error: Exception, messages: list[OutgoingMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Broker(monkeypatch, error).publisher.publish_all(messages) == []


def test_one_message_alone_is_published_or_it_is_said_that_it_was_not(
    messages: list[OutgoingMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = Broker(monkeypatch, FakeConnection(_ack(1)), FakeConnection())
    broker.publisher.publish(messages[0])

    with pytest.raises(PublishFailed):
        broker.publisher.publish(messages[1])


@pytest.mark.parametrize(("kind", "mandatory"), [("payment.verify.v1", True), ("payment.changed.v1", False)])
def test_a_message_is_persistent_and_carries_its_outside(
    kind: str, mandatory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, message = FakeConnection(_ack(1)), _message(kind)

    Broker(monkeypatch, connection).publisher.publish(message)

    (sent,) = connection.published
    assert (sent["delivery_mode"], sent["mandatory"], sent["retry"]) == (2, mandatory, False)
    assert (sent["exchange"], sent["routing_key"], sent["body"]) == ("gw.cmd", "cpay.x", b"{}")
    assert (sent["message_id"], sent["type"], sent["correlation_id"]) == (str(message.message_id), kind, "c1")
    assert (sent["headers"], sent["timestamp"]) == ({"x-request-id": "r1"}, int(NOON.timestamp()))
