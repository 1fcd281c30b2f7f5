"""Listens to the events of payments and payouts on RabbitMQ, and comes back whenever the broker does."""

import asyncio
from collections.abc import Callable

import pika
import structlog
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel as AmqpChannel
from pika.spec import Basic, BasicProperties

from shared.contracts.messages.codec import MessageUnreadable, decode
from shared.contracts.messages.events import PaymentChanged, PayoutChanged
from shared.messaging.topology import EVENTS

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
MAX_QUEUED = 50_000

log = structlog.get_logger()


class Feed:
    """An exclusive queue of this instance, gone with its connection; what is missed meanwhile is in the event log.

    ``on_connected`` is called whenever the queue is bound anew: from then on nothing is missed, before it something
    may have been.
    """

    def __init__(
        self,
        amqp_url: str,
        on_event: Callable[[PaymentChanged | PayoutChanged], None],
        on_connected: Callable[[], None],
    ) -> None:
        self._parameters = pika.URLParameters(amqp_url)
        self._parameters.heartbeat = 10
        self._parameters.blocked_connection_timeout = 10
        self._on_event, self._on_connected = on_event, on_connected
        self.is_connected = False

    async def run(self) -> None:
        """Until cancelled."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            was_connected = await self._listen_once()
            pause = FIRST_PAUSE_SECONDS if was_connected else min(pause * 2, LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause)

    async def _listen_once(self) -> bool:
        """One connection, until it ends; whether it ever listened."""
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        connected_before = False

        def end(reason: object) -> None:
            if not ended.done():
                ended.set_result(type(reason).__name__)

        connection = AsyncioConnection(
            self._parameters,
            on_open_callback=lambda opened: opened.channel(on_open_callback=lambda channel: self._bind(channel, end)),
            on_open_error_callback=lambda _connection, error: end(error),
            on_close_callback=lambda _connection, error: end(error),
        )
        try:
            reason = await ended
            connected_before = self.is_connected
            log.warning("feed.lost", reason=reason)
        finally:
            self.is_connected = False
            if connection.is_open:
                connection.close()
        return connected_before

    def _bind(self, channel: AmqpChannel, end: Callable[[object], None]) -> None:
        channel.add_on_close_callback(lambda _channel, error: end(error))
        # The queue can go while the connection stays: with its node, or by somebody's hand.
        channel.add_on_cancel_callback(end)
        arguments = {"x-max-length": MAX_QUEUED, "x-overflow": "drop-head"}

        def declared(frame: pika.frame.Method[pika.spec.Queue.DeclareOk]) -> None:
            queue = frame.method.queue
            channel.queue_bind(queue, EVENTS, routing_key="#", callback=lambda _frame: bound(queue))

        def bound(queue: str) -> None:
            channel.basic_consume(queue, self._on_message, auto_ack=True)
            self.is_connected = True
            log.info("feed.connected")
            self._on_connected()

        channel.queue_declare("", exclusive=True, auto_delete=True, arguments=arguments, callback=declared)

    def _on_message(
        self, _channel: AmqpChannel, _method: Basic.Deliver, _properties: BasicProperties, body: bytes
    ) -> None:
        try:
            message = decode(body)
        except MessageUnreadable as error:
            log.warning("feed.unreadable", reason=str(error))
            return
        if isinstance(message, PaymentChanged | PayoutChanged):
            self._on_event(message)
