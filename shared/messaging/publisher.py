"""Publishes with confirms, and never waits in a request: a thread of the process does it after the commit.

What it cannot publish stays in the outbox, and the relay repeats it; so it neither retries nor loses anything.
"""

import queue
import struct
import threading
import time
from collections.abc import Callable, Iterable, Sequence

import structlog
from amqp import ChannelError, NotFound
from amqp.basic_message import Message as Returned
from kombu.connection import Connection
from kombu.messaging import Producer
from kombu.transport.pyamqp import Channel

from shared.contracts.messages.envelope import OutgoingMessage
from shared.domain.ids import MessageId
from shared.messaging.connection import BROKER_ERRORS, publishing_connection
from shared.runtime.crash_points import reach
from shared.runtime.metrics import MESSAGES_PUBLISHED, PUBLISH_FAILURES

# Told which messages the broker has confirmed.
OnConfirmed = Callable[[Sequence[MessageId]], None]

CONFIRM_SECONDS = 1.0

# What one message of a batch brings upon all: the broker will not have it, or it does not fit into AMQP's fields.
_REFUSALS = (ChannelError, struct.error)

log = structlog.get_logger()


class PublishFailed(Exception):
    """No confirm: the broker may or may not have the message. Publishing it again is harmless."""


class Publisher:
    """One connection, for one thread. A batch goes out as a whole, and each message waits for its own confirm.

    After any failure the connection is thrown away, hard: closing politely would wait for a broker that does not
    answer, and a confirm that comes late must find nobody to mistake it.

    ``undeliverable`` says of the last batch which messages the broker answered and would not have, and why: those are
    not helped by trying again soon. What had no answer at all is not among them.
    """

    def __init__(self, amqp_url: str) -> None:
        self._url = amqp_url
        self._connection: Connection | None = None
        self._producer: Producer | None = None
        self._tag = 0
        self._waiting: dict[int, MessageId] = {}
        self._confirmed: set[MessageId] = set()
        self._unroutable: set[str] = set()
        self._nacked: set[MessageId] = set()
        self.undeliverable: dict[MessageId, str] = {}

    def publish(self, message: OutgoingMessage) -> None:
        """Return when the broker has it on disk. Raises ``PublishFailed``."""
        if not self.publish_all([message]):
            raise PublishFailed(message.type)

    def publish_all(self, messages: Sequence[OutgoingMessage]) -> list[MessageId]:
        """Publish a batch; the ids of those that the broker confirmed within ``CONFIRM_SECONDS``, in order."""
        self.undeliverable = {}
        confirmed, refusal = self._publish_batch(messages)
        if refusal is not None:
            # One such message spoils the channel for all: each goes alone.
            confirmed |= self._publish_one_by_one([each for each in messages if each.message_id not in confirmed])
        return [message.message_id for message in messages if message.message_id in confirmed]

    def _publish_one_by_one(self, messages: Sequence[OutgoingMessage]) -> set[MessageId]:
        """What was confirmed; an exchange that is not there is tried once."""
        confirmed: set[MessageId] = set()
        missing: dict[str, str] = {}
        for message in messages:
            if message.exchange in missing:
                self.undeliverable[message.message_id] = missing[message.exchange]
                continue
            its_own, refusal = self._publish_batch([message])
            confirmed |= its_own
            if refusal is not None:
                self.undeliverable[message.message_id] = refusal
                missing |= {message.exchange: refusal} if refusal == NotFound.__name__ else {}
            if not its_own and message.message_id not in self.undeliverable:
                break  # nobody answers any more
        return confirmed

    def _publish_batch(self, messages: Sequence[OutgoingMessage]) -> tuple[set[MessageId], str | None]:
        """What was confirmed, and why one of them will never be."""
        self._waiting, self._confirmed, self._unroutable, self._nacked = {}, set(), set(), set()
        refusal = None
        try:
            producer = self._ready_producer()
            for message in messages:
                self._send(producer, message)
            reach("publisher.after_publish")
            self._await_confirms()
        except (*BROKER_ERRORS, struct.error) as error:
            self.close()
            refusal = type(error).__name__ if isinstance(error, _REFUSALS) else None
            PUBLISH_FAILURES.labels(reason=type(error).__name__).inc()
            log.warning("publish.failed", reason=type(error).__name__, messages=len(messages))
        self._note_undeliverable(messages)
        return self._confirmed, refusal

    def _note_undeliverable(self, messages: Sequence[OutgoingMessage]) -> None:
        unroutable = (each.message_id for each in messages if str(each.message_id) in self._unroutable)
        self.undeliverable |= dict.fromkeys(self._nacked, "nacked") | dict.fromkeys(unroutable, "unroutable")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.collect()
        self._connection = self._producer = None

    def _ready_producer(self) -> Producer:
        if self._producer is None:
            self._connection = publishing_connection(self._url)
            channel = self._connection.default_channel
            assert isinstance(channel, Channel)
            channel.confirm_select()
            channel.events["basic_ack"].add(self._on_ack)
            channel.events["basic_nack"].add(self._on_nack)
            channel.events["basic_return"].add(self._on_return)
            self._producer, self._tag = Producer(channel), 0
        return self._producer

    def _send(self, producer: Producer, message: OutgoingMessage) -> None:
        self._tag += 1
        self._waiting[self._tag] = message.message_id
        producer.publish(
            message.body,
            exchange=message.exchange,
            routing_key=message.routing_key,
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode=2,
            mandatory=_needs_a_queue(message),
            message_id=str(message.message_id),
            correlation_id=message.correlation_id,
            type=message.type,
            timestamp=int(message.occurred_at.timestamp()),
            headers=dict(message.headers),
            retry=False,
            timeout=CONFIRM_SECONDS,
        )

    def _await_confirms(self) -> None:
        give_up_at = time.monotonic() + CONFIRM_SECONDS
        while self._waiting and self._connection is not None:
            self._connection.drain_events(timeout=max(0.01, give_up_at - time.monotonic()))

    def _on_ack(self, tag: int, multiple: bool) -> None:  # noqa: FBT001 - py-amqp's callback
        for confirmed in self._settled(tag, multiple=multiple):
            if str(confirmed) not in self._unroutable:
                self._confirmed.add(confirmed)

    def _on_nack(self, tag: int, multiple: bool) -> None:  # noqa: FBT001 - py-amqp's callback
        refused = self._settled(tag, multiple=multiple)
        self._nacked.update(refused)
        PUBLISH_FAILURES.labels(reason="nack").inc(len(refused))

    def _on_return(self, _error: Exception, exchange: str, routing_key: str, message: Returned) -> None:
        """No queue takes it; the confirm that follows does not mean that it is safe."""
        self._unroutable.add(str(message.properties.get("message_id")))
        PUBLISH_FAILURES.labels(reason="unroutable").inc()
        log.error("publish.unroutable", exchange=exchange, routing_key=routing_key)

    def _settled(self, tag: int, *, multiple: bool) -> list[MessageId]:
        tags = [each for each in self._waiting if each <= tag] if multiple else [tag]
        return [self._waiting.pop(each) for each in tags if each in self._waiting]


def _needs_a_queue(message: OutgoingMessage) -> bool:
    # Payment events go to whoever listens; there may be nobody. Everything else must reach a queue.
    return not message.type.startswith("payment.changed.")


class PublisherThread:
    """Publishes what units of work hand over, in the background.

    The queue is bounded: full, or with the broker away, a message is left to the relay.
    """

    def __init__(self, amqp_url: str, on_confirmed: OnConfirmed, *, capacity: int = 1000, path: str = "fast") -> None:
        self._publisher = Publisher(amqp_url)
        self._on_confirmed = on_confirmed
        self._waiting: queue.Queue[OutgoingMessage | None] = queue.Queue(capacity)
        self._path = path
        self._resume_at = 0.0
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._started = threading.Lock()

    def offer(self, messages: Iterable[OutgoingMessage]) -> None:
        """Take messages that have been committed. Never blocks, never raises."""
        self._start_once()
        for message in messages:
            try:
                self._waiting.put_nowait(message)
            except queue.Full:
                PUBLISH_FAILURES.labels(reason="queue_full").inc()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """Publish what waits, then end."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join(timeout_seconds)
        self._publisher.close()

    def _start_once(self) -> None:
        # Not before the first message: a server that forks after building would leave the thread behind.
        with self._started:
            if not self._thread.is_alive() and self._thread.ident is None:
                self._thread.start()

    def _run(self) -> None:
        while (message := self._waiting.get()) is not None:
            batch, ended = self._batch(message)
            self._confirm(self._publish_all(batch))
            if ended:
                return

    def _batch(self, first: OutgoingMessage) -> tuple[list[OutgoingMessage], bool]:
        batch = [first]
        while len(batch) < 100:
            try:
                message = self._waiting.get_nowait()
            except queue.Empty:
                return batch, False
            if message is None:
                return batch, True
            batch.append(message)
        return batch, False

    def _publish_all(self, batch: list[OutgoingMessage]) -> list[MessageId]:
        if time.monotonic() < self._resume_at:
            return []
        reach("publisher.before_publish")
        confirmed = self._publisher.publish_all(batch)
        if not confirmed:
            # A dead broker costs one timeout, not one for every batch.
            self._resume_at = time.monotonic() + 0.5
        return confirmed

    def _confirm(self, confirmed: list[MessageId]) -> None:
        if not confirmed:
            return
        reach("publisher.after_confirm")
        MESSAGES_PUBLISHED.labels(path=self._path).inc(len(confirmed))
        try:
            self._on_confirmed(confirmed)
        except Exception as error:  # noqa: BLE001 - the edge of this thread; unmarked, the relay publishes them again
            log.warning("publish.not_marked", reason=type(error).__name__, messages=len(confirmed))
