"""One client's connection, from the moment it is made: it takes up a place, and what waits for it is bounded."""

import asyncio
import socket
import struct
from dataclasses import dataclass

from websockets.asyncio.server import ServerConnection

from services.notifier.addresses import address_of
from services.notifier.admission import Admitted
from services.notifier.closing import TOO_SLOW
from services.notifier.places import Limit, NoPlace, Places, Seat
from services.notifier.refusals import problem_of, response_of
from services.notifier.replay import Opening
from shared.domain.channel import Channel
from shared.runtime.identifiers import new_id
from shared.runtime.metrics import WEBSOCKET_CLOSES, WEBSOCKET_REFUSALS

# Above the limit at which sending waits: only answers to pings of a client that does not read come here.
MOST_BUFFERED_BYTES = 65_536

# Left alone, the kernel keeps megabytes for each client that does not read.
KERNEL_BUFFER_BYTES = 65_536

# Closing resets the connection: else the kernel goes on offering what nobody reads, and the client hears of no end.
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Visit:
    """What the handshake has found out."""

    channel: Channel
    admitted: Admitted
    opening: Opening


class ListenerConnection(ServerConnection):
    """``visit`` is there once the handshake has succeeded. ``is_a_proxys``: whose address it is says nothing."""

    places: Places
    is_a_proxys: bool
    seat: Seat
    visit: Visit | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.seat = self.places.seat()
        self._socket = transport.get_extra_info("socket")
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)
        super().connection_made(transport)
        try:
            self.seat.take(Limit.HANDSHAKES)
            if not self.is_a_proxys:
                self.seat.take(Limit.HANDSHAKES_OF_ADDRESS, self._peer())
        except NoPlace as full:
            self._turn_away(full)

    def is_known(self) -> None:
        """It has said who it is."""
        self.seat.give_back(Limit.HANDSHAKES)
        self.seat.give_back(Limit.HANDSHAKES_OF_ADDRESS, self._peer())

    def connection_lost(self, exc: Exception | None) -> None:
        self.seat.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.get_write_buffer_size() > MOST_BUFFERED_BYTES:
            self.cut()

    def cut(self) -> None:
        """End the connection of a client that does not read: it could not read why."""
        if not self.transport.is_closing():
            WEBSOCKET_CLOSES.labels(reason=TOO_SLOW).inc()
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    def _peer(self) -> str:
        peer = self.transport.get_extra_info("peername")
        return address_of(peer[0] if peer else "", (), 0)

    def _turn_away(self, full: NoPlace) -> None:
        """Answer before anything was asked: who waits for the question keeps the connection."""
        problem = problem_of(full)
        WEBSOCKET_REFUSALS.labels(code=problem.code).inc()
        self.transport.write(response_of(problem, str(new_id())).serialize())
        self.transport.close()


def connections_in(places: Places, *, are_a_proxys: bool) -> type[ListenerConnection]:
    """The class of those connections that take up a place there; the server makes them itself."""

    class Connection(ListenerConnection):
        pass

    Connection.places, Connection.is_a_proxys = places, are_a_proxys
    return Connection
