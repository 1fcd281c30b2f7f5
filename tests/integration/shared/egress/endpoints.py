"""Endpoints that behave badly, each on a real socket."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping

# What an endpoint does with one connection, until it is done or ``stop`` is set.
Behaviour = Callable[[socket.socket, threading.Event], None]

DRIP_SECONDS = 0.2
ENOUGH_BYTES = 200 * 1024 * 1024
TEN_GIGABYTES = 10 * 1024**3
BLOCK = b"x" * 65_536


class Endpoint:
    """Serves every connection with ``behaviour`` in a thread of its own; ``connections`` counts them."""

    def __init__(
        self, behaviour: Behaviour, *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._behaviour, self._tls, self._stop = behaviour, tls, threading.Event()
        self._listener = _listening(address, port)
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> "Endpoint":
        self._threads[0].start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._threads[0].join()
        self._listener.close()
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        self._listener.settimeout(0.05)
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(30)
        # The client hangs up on most of them: that is what is tested.
        with contextlib.suppress(OSError):
            spoken = connection if self._tls is None else self._tls.wrap_socket(connection, server_side=True)
            with spoken:
                self._behaviour(spoken, self._stop)
        connection.close()


def _listening(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if address == "::":
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind((address, port))
    listener.listen(128)
    return listener


def read_request(sock: socket.socket) -> tuple[bytes, bytes]:
    """Its head and its body."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += sock.recv(65_536) or _hung_up()
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += sock.recv(65_536) or _hung_up()
    return head, body


def _hung_up() -> bytes:
    raise ConnectionResetError


def answering(status: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Behaviour:
    """A whole answer, as it should be; the body ends where the connection does."""
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return saying("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def saying(answer: bytes) -> Behaviour:
    """These bytes, whatever they are, and the end."""

    def behave(sock: socket.socket, _stop: threading.Event) -> None:
        read_request(sock)
        sock.sendall(answer)

    return behave


def dripping(first: bytes, each: bytes) -> Behaviour:
    """``first``, then ``each`` again and again, slowly, for ever."""

    def behave(sock: socket.socket, stop: threading.Event) -> None:
        read_request(sock)
        sock.sendall(first)
        while not stop.wait(DRIP_SECONDS):
            sock.sendall(each)

    return behave


def flooding(first: bytes, each: bytes, most: int = TEN_GIGABYTES) -> Behaviour:
    """``first``, then ``each`` again and again, as fast as it is taken, up to ``most`` bytes."""

    def behave(sock: socket.socket, stop: threading.Event) -> None:
        read_request(sock)
        sock.sendall(first)
        sent = 0
        while sent < most and not stop.is_set():
            sock.sendall(each)
            sent += len(each)

    return behave


def hanging(sock: socket.socket, stop: threading.Event) -> None:
    """Takes the connection, and nothing else."""
    del sock
    stop.wait()


def reading_slowly(sock: socket.socket, stop: threading.Event) -> None:
    """Takes what it is sent, about a megabyte at a time: so much that a sender always gets on a little."""
    while not stop.wait(DRIP_SECONDS):
        for _ in range(64):
            sock.recv(16_384)


def hanging_after_request(sock: socket.socket, stop: threading.Event) -> None:
    read_request(sock)
    stop.wait()


def echoing(sock: socket.socket, _stop: threading.Event) -> None:
    """What was sent, head and body."""
    head, body = read_request(sock)
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(head + body) + head + body)


def resetting(first: bytes = b"") -> Behaviour:
    """``first``, then the connection is broken off (RST)."""

    def behave(sock: socket.socket, _stop: threading.Event) -> None:
        read_request(sock)
        sock.sendall(first)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return behave


def resetting_at_once(sock: socket.socket, _stop: threading.Event) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def dripping_handshake(sock: socket.socket, stop: threading.Event) -> None:
    """The head of a TLS record that says it is long, then a byte at a time: for an endpoint without TLS of its own."""
    sock.sendall(b"\x16\x03\x03\x40\x00")
    while not stop.wait(DRIP_SECONDS):
        sock.sendall(b"\x02")
