"""The WebSocket server: serves each listener until one of both sides ends it."""

import asyncio
import random
from contextlib import suppress

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from services.notifier.closing import INTERNAL_ERROR, RESTARTING, SESSION_OVER, TOO_MANY_MESSAGES, Close
from services.notifier.connection import ListenerConnection, Visit, connections_in
from services.notifier.handshake import Handshake, select_subprotocol
from services.notifier.hub import Hub
from services.notifier.places import Limit, Places
from services.notifier.pump import Pump
from services.notifier.settings import NotifierSettings
from shared.runtime.allowance import Allowance
from shared.runtime.clock import Clock
from shared.runtime.metrics import WEBSOCKET_CLOSES, WEBSOCKETS_OPEN

# How long a client may take to answer our close frame; all of them are given that time at once.
CLOSE_SECONDS = 5

# How soon a notifier that stops looks whether somebody is left.
LOOK_SECONDS = 0.1

# Some clients say something now and then to keep connections open. More than that is a flood.
MESSAGES_PER_SECOND, MESSAGES_AT_ONCE = 1, 20

# Of the connections that have not said who they are, one address has so many-th a part.
SHARE_OF_AN_ADDRESS = 4

log = structlog.get_logger()


class NotifierServer:
    def __init__(self, settings: NotifierSettings, hub: Hub, handshake: Handshake, pump: Pump, clock: Clock) -> None:
        self._settings, self._hub, self._handshake, self._pump = settings, hub, handshake, pump
        self._clock = clock
        self._server: Server | None = None

    async def start(self) -> None:
        self._server = await serve(
            self._listen,
            self._settings.notifier_host,
            self._settings.notifier_port,
            process_request=self._handshake,
            select_subprotocol=select_subprotocol,
            create_connection=connections_in(
                Places(_limits(self._settings)), are_a_proxys=self._settings.trusted_proxies > 0
            ),
            compression=None,
            max_size=4096,
            max_queue=4,
            write_limit=16_384,
            ping_interval=20,
            ping_timeout=20,
            open_timeout=10,
            close_timeout=CLOSE_SECONDS,
            server_header=None,
            backlog=4096,
        )

    @property
    def port(self) -> int:
        """Where it listens, once it has started."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Let nobody in any more, and ask everybody to come back, each after a pause of its own."""
        assert self._server is not None
        self._server.close(close_connections=False)
        closed = asyncio.ensure_future(self._server.wait_closed())
        # More than one look: a handshake may have ended between two.
        while not closed.done():
            await asyncio.gather(*(self._send_away(connection) for connection in self._server.connections))
            await asyncio.wait({closed}, timeout=LOOK_SECONDS)

    async def _send_away(self, connection: ServerConnection) -> None:
        assert isinstance(connection, ListenerConnection)
        longest_ms = round(self._settings.reconnect_seconds * 1000)
        await _close(connection, RESTARTING, reconnect_ms=random.randint(0, longest_ms))  # noqa: S311 - no secret

    async def _listen(self, connection: ServerConnection) -> None:
        assert isinstance(connection, ListenerConnection)
        visit = connection.visit
        assert visit is not None, "the handshake let it in"
        connection.is_known()
        WEBSOCKETS_OPEN.inc()
        try:
            ending = await self._serve(connection, visit)
        finally:
            WEBSOCKETS_OPEN.dec()
        if ending is not None:
            await _close(connection, ending)

    async def _serve(self, connection: ListenerConnection, visit: Visit) -> Close | None:
        """Until one of both sides ends it; ``None`` when there is nothing left to say."""
        subscription = self._hub.subscribe(visit.channel)
        pump = asyncio.create_task(self._pump.run(connection, subscription, visit.opening))
        hearing = asyncio.create_task(_hear(connection))
        try:
            await asyncio.wait({pump, hearing}, timeout=self._left(visit), return_when=asyncio.FIRST_COMPLETED)
            return _ending(pump, hearing)
        finally:
            self._hub.unsubscribe(subscription)
            await _cancel(pump, hearing)

    def _left(self, visit: Visit) -> float:
        return max(0.0, (visit.admitted.ends_at - self._clock.now()).total_seconds())


def _limits(settings: NotifierSettings) -> dict[Limit, int]:
    return {
        Limit.HANDSHAKES: settings.max_handshakes,
        Limit.HANDSHAKES_OF_ADDRESS: max(1, settings.max_handshakes // SHARE_OF_AN_ADDRESS),
        Limit.NOTIFIER: settings.max_connections,
        Limit.ADDRESS: settings.max_connections_per_address,
        Limit.MERCHANT: settings.max_connections_per_merchant,
    }


async def _hear(connection: ServerConnection) -> Close | None:
    """Until the client goes, or says too much: it has nothing to say here."""
    allowance = Allowance(per_second=MESSAGES_PER_SECOND, burst=MESSAGES_AT_ONCE)
    with suppress(ConnectionClosed):
        async for _message in connection:
            if not allowance.take():
                return TOO_MANY_MESSAGES
    return None


def _ending(pump: asyncio.Task[None], hearing: asyncio.Task[Close | None]) -> Close | None:
    if hearing.done():
        return hearing.result()
    if not pump.done():
        return SESSION_OVER
    error = pump.exception()
    if error is None:
        return None
    log.error("socket.failed", error=type(error).__name__, exc_info=error)
    return INTERNAL_ERROR


async def _cancel(*tasks: asyncio.Task[object]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _close(connection: ListenerConnection, close: Close, reconnect_ms: int | None = None) -> None:
    """Say it and wait for the answer; who does not even read it is cut off."""
    WEBSOCKET_CLOSES.labels(reason=close.reason).inc()
    try:
        # The library waits without end for a client to make room for the close frame.
        async with asyncio.timeout(CLOSE_SECONDS + 1):
            await connection.close(close.code, close.text(reconnect_ms))
    except TimeoutError:
        connection.cut()
