"""The life of a process that consumes commands or events."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.messaging.consumer import ConsumerThreads
from shared.messaging.publisher import PublisherThread
from shared.runtime.health import HealthServer


@dataclass(frozen=True, slots=True)
class ConsumingProcess:
    """``shutdown_seconds``: how long what is in hand may take once it is to stop."""

    consumers: ConsumerThreads
    publisher: PublisherThread
    health: HealthServer
    shutdown_seconds: float

    def run(self, until_stopped: Callable[[], object]) -> None:
        """Consume for as long as ``until_stopped`` takes; then take nothing new, finish, and publish what follows."""
        self.health.start()
        self.consumers.start()
        until_stopped()
        self.health.drain()
        self.consumers.stop(self.shutdown_seconds)
        self.publisher.stop()
        self.health.stop()
