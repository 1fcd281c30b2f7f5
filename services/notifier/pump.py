"""Sends one listener what it has not seen, in order, as fast as it reads."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import structlog
from websockets.exceptions import ConnectionClosed

from services.notifier.connection import ListenerConnection
from services.notifier.frames import Frame
from services.notifier.hub import Subscription
from services.notifier.replay import Opening, PlaceLost, Position, Replay
from shared.domain.channel import ChannelKind
from shared.persistence.errors import StorageUnavailable
from shared.runtime.crash_points import reach
from shared.runtime.metrics import FRAMES_SENT, WEBSOCKET_STARTS

# How often a listener that hears nothing reads all the same: heals a bell that was lost with the broker.
IDLE_SECONDS = 15.0

# How soon it looks again after a bell. A payment's event can be read when its bell rings; in a user's feed it may have
# to wait for an older transaction that is still open.
FIRST_LOOK_SECONDS = {ChannelKind.TRANSACTION: IDLE_SECONDS, ChannelKind.USER: 0.05}

DATABASE_PAUSE_SECONDS = 1.0

AnswerT = TypeVar("AnswerT")

log = structlog.get_logger()


class Pump:
    """``write_seconds``: how long one frame may wait for a client that does not read."""

    def __init__(self, replay: Replay, write_seconds: float) -> None:
        self._replay, self._write_seconds = replay, write_seconds

    async def run(self, connection: ListenerConnection, subscription: Subscription, opening: Opening) -> None:
        """Until the connection is closed, or the client is too slow for it."""
        rung = asyncio.Event()
        subscription.call_on_ring(rung.set)
        try:
            await self._pump(connection, subscription, opening, rung)
        except ConnectionClosed:
            """They went."""
        except TimeoutError:
            connection.cut()

    async def _pump(
        self, connection: ListenerConnection, subscription: Subscription, opening: Opening, rung: asyncio.Event
    ) -> None:
        """Raises ``ConnectionClosed``, and ``TimeoutError`` for a client that does not read."""
        position = await self._begin(connection, opening)
        first_look = FIRST_LOOK_SECONDS[subscription.channel.kind]
        pause = IDLE_SECONDS
        while True:
            was_rung = subscription.answer()
            rung.clear()
            try:
                batch = await _asked(partial(self._replay.read, subscription.channel, position, subscription.rings))
            except PlaceLost as lost:
                anew = await _asked(partial(self._replay.resync, subscription.channel, lost.why))
                position = await self._begin(connection, anew)
                continue
            await self._send(connection, batch.frames)
            position = batch.position
            pause = first_look if was_rung else min(pause * 2, IDLE_SECONDS)
            if not batch.is_full:
                await _wait(rung, pause)

    async def _begin(self, connection: ListenerConnection, opening: Opening) -> Position:
        WEBSOCKET_STARTS.labels(how=opening.how).inc()
        await self._send(connection, opening.frames)
        return opening.position

    async def _send(self, connection: ListenerConnection, frames: Sequence[Frame]) -> None:
        """A listener that reads slowly waits here, alone."""
        for frame in frames:
            reach("notifier.before_send")
            async with asyncio.timeout(self._write_seconds):
                await connection.send(frame.text)
            reach("notifier.after_send")
            FRAMES_SENT.labels(type=frame.type).inc()


async def _asked(ask: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
    """The answer, once the database is there."""
    while True:
        try:
            return await ask()
        except StorageUnavailable:
            log.warning("notifier.database_away")
            await asyncio.sleep(DATABASE_PAUSE_SECONDS)


async def _wait(rung: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await rung.wait()
    except TimeoutError:
        """Time to look all the same."""
