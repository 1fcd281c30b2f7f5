"""A broker that keeps to the letter of its promises: late, twice, in any order; once in a while it loses everything."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.contracts.messages.envelope import OutgoingMessage
from shared.domain.ids import MessageId
from shared.messaging.publisher import Publisher, PublishFailed
from shared.messaging.topology import EVENTS
from tests.fakes.clock import FakeClock

_DELAY = "gw.delay."


@dataclass(slots=True)
class Letter:
    """A message in a queue, ready from ``due_at``."""

    message: OutgoingMessage
    due_at: datetime


class Broker(Publisher):
    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.is_away = False
        self.letters: list[Letter] = []
        self.dead: list[OutgoingMessage] = []
        self.undeliverable = {}

    def publish(self, message: OutgoingMessage) -> None:
        if self.is_away:
            raise PublishFailed(message.type)
        # Events go to whoever listens: here, nobody.
        if message.exchange != EVENTS:
            self.put(message)

    def publish_all(self, messages: Sequence[OutgoingMessage]) -> list[MessageId]:
        if self.is_away:
            return []
        for message in messages:
            self.publish(message)
        return [message.message_id for message in messages]

    def close(self) -> None:
        """There is nothing to close."""

    def put(self, message: OutgoingMessage, delay_ms: int | None = None) -> None:
        """Into its queue, or first onto a delay level."""
        waits_ms = _level_of(message) if delay_ms is None else delay_ms
        self.letters.append(Letter(message, self._clock.now() + timedelta(milliseconds=waits_ms)))

    def ready(self) -> list[Letter]:
        return [letter for letter in self.letters if letter.due_at <= self._clock.now()]

    def lose_everything(self) -> None:
        self.letters.clear()


def _level_of(message: OutgoingMessage) -> int:
    return int(message.exchange.removeprefix(_DELAY)) if message.exchange.startswith(_DELAY) else 0
