"""A broker's end that confirms, until it is told to fail."""

from collections.abc import Callable, Sequence

from shared.contracts.messages.envelope import OutgoingMessage
from shared.domain.ids import MessageId
from shared.messaging.publisher import Publisher, PublishFailed


class FakePublisher(Publisher):
    """``fails_after``: how many it confirms before every further one fails. ``refuses``: those that no queue takes."""

    def __init__(self, fails_after: int | None = None) -> None:
        self.fails_after = fails_after
        self.before_publishing: Callable[[], object] = lambda: None
        self.published: list[OutgoingMessage] = []
        self.refuses: frozenset[MessageId] = frozenset()
        self.undeliverable: dict[MessageId, str] = {}

    def publish(self, message: OutgoingMessage) -> None:
        self.before_publishing()
        if self.fails_after is not None and len(self.published) >= self.fails_after:
            raise PublishFailed("ConnectionRefusedError")
        self.published.append(message)

    def publish_all(self, messages: Sequence[OutgoingMessage]) -> list[MessageId]:
        confirmed: list[MessageId] = []
        self.undeliverable = {each.message_id: "unroutable" for each in messages if each.message_id in self.refuses}
        for message in messages:
            if message.message_id in self.undeliverable:
                continue
            try:
                self.publish(message)
            except PublishFailed:
                break
            confirmed.append(message.message_id)
        return confirmed

    def close(self) -> None:
        """There is nothing to close."""
