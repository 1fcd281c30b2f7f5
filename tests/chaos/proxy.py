"""A TCP proxy that can hold everything back or break everything off: a partition without being root."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

HOST = "127.0.0.1"
CHUNK = 65_536


class Proxy:
    """Listens on ``port`` and passes on to ``target_port``, until told otherwise."""

    def __init__(self, target_port: int) -> None:
        self._target = (HOST, target_port)
        self._listening = socket.create_server((HOST, 0), backlog=128)
        self._passing = threading.Event()
        self._passing.set()
        self._refusing = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def stall(self) -> None:
        """Pass nothing on, and say nothing: what is sent arrives when it is over."""
        self._passing.clear()

    def cut(self) -> None:
        """Reset every connection, and refuse new ones in the same way."""
        self._refusing.set()
        self._reset_all()

    def heal(self) -> None:
        self._refusing.clear()
        self._passing.set()

    def close(self) -> None:
        self._listening.close()
        self.cut()
        self._passing.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self._refusing.is_set():
            _reset(client)
            return
        try:
            server = socket.create_connection(self._target, timeout=5)
        except OSError:
            _reset(client)
            return
        server.settimeout(None)
        with self._lock:
            self._open |= {client, server}
        if self._refusing.is_set():  # cut between being let in and being known
            self._reset_all()
        threading.Thread(target=self._pump, args=(client, server), daemon=True).start()
        self._pump(server, client)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(CHUNK):
                self._passing.wait()
                sink.sendall(chunk)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open -= {source}
        source.close()

    def _reset_all(self) -> None:
        with self._lock:
            connections = list(self._open)
        for each in connections:
            _reset(each)


def _reset(connection: socket.socket) -> None:
    # Lingering for no time makes close() send a reset.
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
