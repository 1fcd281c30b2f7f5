"""Who hears what: no sockets, no broker, no database in here."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared.contracts.messages.events import PaymentChanged, PayoutChanged


class ChannelKind(StrEnum):
    TRANSACTION = "transaction"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Channel:
    """What one connection listens to."""

    kind: ChannelKind
    id: UUID


class Subscription:
    """One listener's bell. It remembers only that it was rung: however slow the listener, it holds no backlog."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._rung = True  # whoever is new has the past to read
        self._on_ring: Callable[[], None] = _nothing

    def ring(self) -> None:
        self._rung = True
        self._on_ring()

    def answer(self) -> bool:
        """Whether it was rung since the last answer."""
        rung, self._rung = self._rung, False
        return rung

    def call_on_ring(self, on_ring: Callable[[], None]) -> None:
        """``on_ring`` is called on every ring from now on."""
        self._on_ring = on_ring


class Hub:
    """Not safe for threads: it lives in the event loop."""

    def __init__(self) -> None:
        self._listeners: dict[Channel, set[Subscription]] = defaultdict(set)

    def __len__(self) -> int:
        return sum(len(listeners) for listeners in self._listeners.values())

    def subscribe(self, channel: Channel) -> Subscription:
        subscription = Subscription(channel)
        self._listeners[channel].add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        listeners = self._listeners.get(subscription.channel, set())
        listeners.discard(subscription)
        if not listeners:
            self._listeners.pop(subscription.channel, None)

    def happened(self, event: PaymentChanged | PayoutChanged) -> None:
        """Ring for those who listen to this payment, or to the user who started it. A payout has no other channel."""
        if isinstance(event, PaymentChanged):
            self._ring(Channel(ChannelKind.TRANSACTION, event.transaction_id))
        if event.user_id is not None:
            self._ring(Channel(ChannelKind.USER, event.user_id))

    def ring_all(self) -> None:
        """Something may have been missed: everybody reads again."""
        for channel in list(self._listeners):
            self._ring(channel)

    def _ring(self, channel: Channel) -> None:
        for subscription in self._listeners.get(channel, ()):
            subscription.ring()


def _nothing() -> None:
    """Nobody listens to this bell yet."""
