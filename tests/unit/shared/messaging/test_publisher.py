"""The publisher's thread: it never blocks, never raises, and reports only what was confirmed."""

import threading
import time
from collections.abc import Sequence

import pytest

from shared.contracts.messages.envelope import OutgoingMessage
from shared.domain.ids import MessageId
from shared.messaging.publisher import PublisherThread, _needs_a_queue
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON
from tests.fakes.publisher import FakePublisher


def _message(kind: str = "payment.initialize.v1") -> OutgoingMessage:
    return OutgoingMessage(
        message_id=MessageId(new_id()),
        exchange="gw.cmd",
        routing_key="cpay.x",
        type=kind,
        body=b"{}",
        correlation_id="c1",
        occurred_at=NOON,
    )


class Stage:
    def __init__(self, *, fails_after: int | None = None, capacity: int = 1000) -> None:
        self.confirmed: list[MessageId] = []
        self.fails_to_mark = False
        self.broker = FakePublisher(fails_after)
        self.thread = PublisherThread("amqp://127.0.0.1:1//", self._on_confirmed, capacity=capacity)
        self.thread._publisher = self.broker

    def _on_confirmed(self, ids: Sequence[MessageId]) -> None:
        if self.fails_to_mark:
            raise ConnectionError("away")
        self.confirmed.extend(ids)


def test_what_is_offered_is_published_in_order_and_reported_as_confirmed() -> None:
    stage, messages = Stage(), [_message() for _ in range(250)]

    stage.thread.offer(messages)
    stage.thread.stop()

    assert stage.broker.published == messages
    assert stage.confirmed == [message.message_id for message in messages]


def test_what_is_not_confirmed_is_not_reported() -> None:
    stage, messages = Stage(fails_after=2), [_message() for _ in range(5)]

    stage.thread.offer(messages)
    stage.thread.stop()

    assert stage.confirmed == [message.message_id for message in messages[:2]]


def test_a_full_queue_leaves_the_rest_to_the_relay_and_does_not_block() -> None:
    stage = Stage(capacity=3)
    hold = threading.Event()
    stage.broker.before_publishing = lambda: hold.wait(5)

    started = time.monotonic()
    stage.thread.offer([_message() for _ in range(50)])
    took = time.monotonic() - started
    hold.set()
    stage.thread.stop()

    assert took < 1
    assert len(stage.confirmed) < 10


def test_failing_to_mark_does_not_end_the_thread() -> None:
    stage = Stage()
    stage.fails_to_mark = True
    stage.thread.offer([_message()])
    _until(lambda: len(stage.broker.published) == 1)

    stage.fails_to_mark = False
    later = _message()
    stage.thread.offer([later])
    stage.thread.stop()

    assert stage.confirmed[-1:] == [later.message_id]


def test_a_thread_that_was_never_offered_anything_was_never_started() -> None:
    stage = Stage()

    assert not stage.thread._thread.is_alive()
    stage.thread.stop()


@pytest.mark.parametrize(
    ("kind", "needs_one"),
    [
        ("payment.initialize.v1", True),
        ("payment.verify.v1", True),
        ("refund.initialize.v1", True),
        ("provider_event.received.v1", True),
        ("payment.changed.v1", False),
        ("payment.changed.v2", False),
    ],
)
def test_everything_but_events_must_reach_a_queue(kind: str, needs_one: bool) -> None:
    assert _needs_a_queue(_message(kind)) is needs_one


def _until(holds: object) -> None:
    deadline = time.monotonic() + 5
    while not holds():  # type: ignore[operator] # a condition
        assert time.monotonic() < deadline
        time.sleep(0.005)
