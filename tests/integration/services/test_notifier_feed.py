"""The notifier's ear at the broker, with a real one."""

import asyncio
from collections.abc import Callable
from typing import Any

from pika.channel import Channel

from services.notifier.feed import Feed


class WatchedFeed(Feed):
    """Whose channels can be got at."""

    def __init__(self, *facts: Any) -> None:
        super().__init__(*facts)
        self.channels: list[Channel] = []
        self._left: list[asyncio.Event] = []

    def _bind(self, channel: Channel, end: Callable[[object], None]) -> None:
        left = asyncio.Event()
        channel.connection.add_on_close_callback(lambda *_said: left.set())
        self.channels.append(channel)
        self._left.append(left)
        super()._bind(channel, end)

    async def has_left(self) -> None:
        """The goodbye takes a moment after the feed has ended."""
        await asyncio.gather(*(each.wait() for each in self._left))


def test_a_feed_whose_queue_is_gone_listens_anew(amqp_url: str) -> None:
    """Its connection is whole, so that nothing else would tell it: everybody would wait for the next look."""

    async def listen() -> int:
        heard = asyncio.Queue[bool]()
        feed = WatchedFeed(amqp_url, lambda _event: None, lambda: heard.put_nowait(True))
        running = asyncio.create_task(feed.run())
        await asyncio.wait_for(heard.get(), 20)
        feed.channels[0].queue_delete("", callback=None)  # the queue that this channel declared last
        await asyncio.wait_for(heard.get(), 20)
        running.cancel()
        await asyncio.wait_for(feed.has_left(), 20)
        return len(feed.channels)

    assert asyncio.run(listen()) == 2
