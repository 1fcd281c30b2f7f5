"""Who hears what: no sockets, no broker, no database in here."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from shared.contracts.messages.events import PaymentChanged, PayoutChanged
from shared.domain.channel import Channel, ChannelKind


@dataclass(slots=True)
class Bell:
    """One channel's: who hears it, and a number that every ring changes and that no other bell ever has."""

    number: int
    listeners: "set[Subscription]" = field(default_factory=set)


class Subscription:
    """One listener at a bell. It remembers only that it rang: however slow the listener, it holds no backlog."""

    def __init__(self, channel: Channel, bell: Bell) -> None:
        self.channel = channel
        self._bell = bell
        self._rung = True  # whoever is new has the past to read
        self._on_ring: Callable[[], None] = _nothing

    @property
    def rings(self) -> int:
        """Names the last ring of this channel."""
        return self._bell.number

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
        self._bells: dict[Channel, Bell] = {}
        self._numbers = count()

    def __len__(self) -> int:
        return sum(len(bell.listeners) for bell in self._bells.values())

    def subscribe(self, channel: Channel) -> Subscription:
        bell = self._bells.get(channel)
        if bell is None:
            bell = self._bells[channel] = Bell(next(self._numbers))
        subscription = Subscription(channel, bell)
        bell.listeners.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        bell = self._bells.get(subscription.channel)
        if bell is None:
            return
        bell.listeners.discard(subscription)
        if not bell.listeners:
            del self._bells[subscription.channel]

    def happened(self, event: PaymentChanged | PayoutChanged) -> None:
        """Ring for those who listen to this payment, or to the user who started it. A payout has no other channel."""
        if isinstance(event, PaymentChanged):
            self._ring(Channel(ChannelKind.TRANSACTION, event.transaction_id))
        if event.user_id is not None:
            self._ring(Channel(ChannelKind.USER, event.user_id))

    def ring_all(self) -> None:
        """Something may have been missed: everybody reads again."""
        for channel in list(self._bells):
            self._ring(channel)

    def _ring(self, channel: Channel) -> None:
        bell = self._bells.get(channel)
        if bell is None:
            return
        bell.number = next(self._numbers)
        for subscription in bell.listeners:
            subscription.ring()


def _nothing() -> None:
    """Nobody listens to this bell yet."""
