"""Takes messages from queues; ONE table says what an error means: acknowledge, try again later, or set aside."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import structlog
from kombu.connection import Connection
from kombu.entity import Queue
from kombu.message import Message as Delivery
from kombu.messaging import Consumer
from kombu.mixins import ConsumerMixin

from shared.contracts.messages.codec import AnyMessage, MessageUnreadable, decode
from shared.contracts.messages.envelope import OutgoingMessage
from shared.messaging.connection import consuming_connection
from shared.messaging.dead_letters import Reason, dead_letter, error_headers
from shared.messaging.deliveries import TRIES_HEADER, body_of, copy_of, tries_of
from shared.messaging.publisher import Publisher, PublishFailed
from shared.messaging.retry_ladder import RetryLadder
from shared.messaging.topology import delay_exchange
from shared.runtime.clock import SystemClock
from shared.runtime.correlation import ids_of, logging_context
from shared.runtime.metrics import MESSAGES_CONSUMED

Handler = Callable[[AnyMessage], None]

log = structlog.get_logger()


class Consequence(StrEnum):
    ACKNOWLEDGE = "ack"
    RETRY = "retry"
    HOLD = "hold"
    DEAD_LETTER = "dead_letter"


@dataclass(frozen=True, slots=True)
class Tried:
    """What is to be done with a message; ``error`` is why it was not handled."""

    consequence: Consequence
    error: Exception | None = None


class ErrorTable:
    """The first matching row decides; an error that no row names is a bug, and is tried again on the ladder."""

    def __init__(self, rows: Sequence[tuple[type[Exception], Consequence]]) -> None:
        self._rows = ((MessageUnreadable, Consequence.DEAD_LETTER), *rows)

    def consequence_of(self, error: Exception) -> Consequence:
        matching = (consequence for kind, consequence in self._rows if isinstance(error, kind))
        return next(matching, Consequence.RETRY)


class QueueConsumer(ConsumerMixin):
    """One thread's consumer over one connection; one message at a time, acknowledged last.

    HOLD keeps the message and tries again in place, up to ``hold_seconds``: the database is away, and sending
    everything up the ladder would make a blip of a second cost a minute.
    """

    def __init__(
        self,
        amqp_url: str,
        queues: Sequence[str],
        handle: Handler,
        errors: ErrorTable,
        ladder: RetryLadder,
        *,
        hold_seconds: float = 120.0,
    ) -> None:
        self.connection: Connection = consuming_connection(amqp_url)
        self._queues, self._handle, self._errors, self._ladder = queues, handle, errors, ladder
        self._hold_seconds = hold_seconds
        self._publisher, self._clock = Publisher(amqp_url), SystemClock()

    def get_consumers(self, consumer_class: type[Consumer], channel: object) -> list[Consumer]:  # noqa: ARG002 - the mixin's
        return [
            consumer_class(
                [Queue(name, no_declare=True)],
                on_message=partial(self._on_delivery, name),
                accept=["json"],
                prefetch_count=1,
            )
            for name in self._queues
        ]

    def on_connection_error(self, exc: Exception, interval: float) -> None:
        log.warning("consumer.broker_away", reason=type(exc).__name__, retry_in_seconds=interval)

    def serve(self) -> None:
        """Take messages until ``stop``; come back whenever the broker does."""
        try:
            self.run()  # type: ignore[no-untyped-call] # kombu leaves it untyped
        finally:
            self._publisher.close()

    def stop(self) -> None:
        """Finish the message in hand, then leave ``serve``."""
        self.should_stop = True

    def _on_delivery(self, queue: str, delivery: Delivery) -> None:
        with logging_context(**ids_of(delivery.headers), message_id=delivery.properties.get("message_id")):
            tried = self._held_and_tried(delivery)
            consequence = self._carry_out(tried, delivery, queue)
            MESSAGES_CONSUMED.labels(queue=queue, consequence=consequence).inc()

    def _held_and_tried(self, delivery: Delivery) -> Tried:
        give_up_at = time.monotonic() + self._hold_seconds
        pause = 0.1
        while True:
            tried = self._try(delivery)
            if tried.consequence is not Consequence.HOLD:
                return tried
            if self.should_stop or time.monotonic() > give_up_at:
                return Tried(Consequence.RETRY, tried.error)
            time.sleep(pause)
            pause = min(pause * 2, 2.0)

    def _try(self, delivery: Delivery) -> Tried:
        try:
            self._handle(decode(body_of(delivery)))
        except Exception as error:
            consequence = self._errors.consequence_of(error)
            log.warning("message.failed", consequence=consequence, error=type(error).__name__, exc_info=error)
            return Tried(consequence, error)
        return Tried(Consequence.ACKNOWLEDGE)

    def _carry_out(self, tried: Tried, delivery: Delivery, queue: str) -> Consequence:
        """What was done: a message whose ladder is spent is set aside instead of tried again."""
        if tried.error is None or tried.consequence is Consequence.ACKNOWLEDGE:
            delivery.ack()
            return Consequence.ACKNOWLEDGE
        if tried.consequence is Consequence.DEAD_LETTER:
            reason = Reason.UNREADABLE if isinstance(tried.error, MessageUnreadable) else Reason.REJECTED
            return self._set_aside(delivery, queue, reason, tried.error)
        return self._try_later(delivery, queue, tried.error)

    def _try_later(self, delivery: Delivery, queue: str, error: Exception) -> Consequence:
        tries_made = tries_of(delivery.headers) + 1
        delay_ms = self._ladder.delay_ms(tries_made)
        if delay_ms is None:
            return self._set_aside(delivery, queue, Reason.RETRIES_SPENT, error)
        now = self._clock.now()
        headers = {TRIES_HEADER: str(tries_made), **error_headers(delivery, error, now)}
        self._hand_on(delivery, copy_of(delivery, delay_exchange(delay_ms), queue, headers, now))
        return Consequence.RETRY

    def _set_aside(self, delivery: Delivery, queue: str, reason: Reason, error: Exception) -> Consequence:
        """Not by rejecting it: the broker would set it aside without what went wrong."""
        self._hand_on(delivery, dead_letter(delivery, queue, reason, error, self._clock.now()))
        return Consequence.DEAD_LETTER

    def _hand_on(self, delivery: Delivery, copy: OutgoingMessage) -> None:
        """Acknowledged once the broker has the copy: a crash in between leaves two of it, never none."""
        # A broker that was away has broken the publisher's connection, too: the second time goes over a new one.
        if self._has_published(copy) or self._has_published(copy):
            delivery.ack()
            return
        # Reject with requeue counts towards the delivery limit on every RabbitMQ; nack does not on 4.3.
        time.sleep(1)
        delivery.requeue()

    def _has_published(self, copy: OutgoingMessage) -> bool:
        try:
            self._publisher.publish(copy)
        except PublishFailed:
            return False
        return True


class ConsumerThreads:
    """Runs each consumer in a thread with its own connection: a connection must not cross threads."""

    def __init__(self, consumers: Iterable[QueueConsumer]) -> None:
        self._consumers = list(consumers)
        self._threads = [threading.Thread(target=each.serve, name="consumer", daemon=True) for each in self._consumers]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """Let each finish its message; what is not finished by then stays unacknowledged and comes again."""
        deadline = time.monotonic() + timeout_seconds
        for consumer in self._consumers:
            consumer.stop()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
