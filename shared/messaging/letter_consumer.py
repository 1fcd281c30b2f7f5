"""Takes dead letters out of their queue, for one who keeps them elsewhere."""

import threading
from collections.abc import Callable

import structlog
from kombu.connection import Connection
from kombu.entity import Queue
from kombu.message import Message as Delivery
from kombu.messaging import Consumer
from kombu.mixins import ConsumerMixin

from shared.messaging.connection import consuming_connection
from shared.messaging.dead_letters import ArrivedLetter, read_letter
from shared.messaging.topology import DEAD_LETTER_QUEUE
from shared.runtime.clock import Clock

# One that cannot be kept comes back, and must not stand in the way of the others.
AT_ONCE = 10
PAUSE_SECONDS = 1.0

log = structlog.get_logger()


class LetterConsumer(ConsumerMixin):
    """Acknowledges a letter after ``keep`` returns; while it raises, the letter stays in its queue. Several may run."""

    def __init__(self, amqp_url: str, keep: Callable[[ArrivedLetter], None], clock: Clock) -> None:
        self.connection: Connection = consuming_connection(amqp_url)
        self._keep, self._clock = keep, clock
        self._stopping = threading.Event()

    def get_consumers(self, consumer_class: type[Consumer], channel: object) -> list[Consumer]:  # noqa: ARG002 - the mixin's
        queue = Queue(DEAD_LETTER_QUEUE, no_declare=True)
        return [consumer_class([queue], on_message=self._on_delivery, prefetch_count=AT_ONCE)]

    def on_connection_error(self, exc: Exception, interval: float) -> None:
        log.warning("letters.broker_away", reason=type(exc).__name__, retry_in_seconds=interval)

    def serve(self) -> None:
        """Take letters until ``stop``; come back whenever the broker does."""
        self.run()  # type: ignore[no-untyped-call] # kombu leaves it untyped

    def stop(self) -> None:
        self.should_stop = True
        self._stopping.set()

    def _on_delivery(self, delivery: Delivery) -> None:
        letter = read_letter(delivery, self._clock.now())
        try:
            self._keep(letter)
        except Exception as error:  # the edge of this thread: whatever is wrong, the letter is not lost
            log.warning(
                "letter.not_kept", message_id=str(letter.message_id), error=type(error).__name__, exc_info=error
            )
            self._stopping.wait(PAUSE_SECONDS)
            delivery.requeue()
            return
        delivery.ack()
