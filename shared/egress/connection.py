"""A connection to an address that was checked, within a time and a number of bytes that are kept."""

import errno
import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address

import httpcore2

from shared.egress.addresses import refusal
from shared.egress.policy import Address, EgressLimits, EgressPolicy
from shared.egress.resolver import NotResolved, Resolver

# Of a connection that was there: one that is not taken at all is refused (``ECONNREFUSED``).
HUNG_UP = frozenset({errno.ECONNRESET, errno.ENOTCONN})


class AddressRefused(httpcore2.ConnectError):
    """The name has an address that nothing may be sent to."""


class NameNotResolved(httpcore2.ConnectError):
    """The name has no address, too many, or nobody could say in time."""


class TlsFailed(httpcore2.ConnectError):
    """They do not speak TLS as we do, or their certificate is not that of the name."""


class AnswerTooLong(httpcore2.RemoteProtocolError):
    """They send more than is read."""


class Deadline:
    """A moment by a clock that nobody sets."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left(self, most: float = float("inf")) -> float:
        """Seconds, at most ``most``.

        Raises:
            TimeoutError: it is over.
        """
        seconds = min(self._at - time.monotonic(), most)
        if seconds <= 0:
            raise TimeoutError
        return seconds


class BoundedStream(httpcore2.NetworkStream):
    """A socket that ends at a deadline, however slowly the other side drips, and after ``bytes_left``.

    ``has_begun``: something came from the other side. ``has_ended``: it will send no more.
    """

    def __init__(self, sock: socket.socket, tls: ssl.SSLContext, deadline: Deadline, limits: EgressLimits) -> None:
        self._sock, self._tls, self._deadline, self._limits = sock, tls, deadline, limits
        self.bytes_left = limits.head_bytes
        self.has_begun = self.has_ended = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        del timeout  # the deadline is stricter
        if self.bytes_left <= 0:
            raise AnswerTooLong("more than is read")
        with _named(httpcore2.ReadTimeout, httpcore2.ReadError):
            self._sock.settimeout(self._deadline.left())
            received = self._sock.recv(min(max_bytes, self.bytes_left))
        self.bytes_left -= len(received)
        self.has_begun, self.has_ended = self.has_begun or bool(received), not received
        return received

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        del timeout
        unsent = memoryview(buffer)
        with _named(httpcore2.WriteTimeout, httpcore2.WriteError):
            while unsent:
                self._sock.settimeout(self._deadline.left())
                unsent = unsent[self._sock.send(unsent) :]

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        # The library changes the context that it was given for each connection, while other threads may be reading it.
        del ssl_context, timeout
        try:
            with _named(httpcore2.ConnectTimeout, httpcore2.ReadError):
                self._sock.settimeout(self._deadline.left(self._limits.connect_seconds))
                self._sock = self._tls.wrap_socket(self._sock, server_hostname=server_hostname)
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        self._sock.close()


class GuardedBackend(httpcore2.NetworkBackend):
    """Connects once: it asks for the name's addresses, checks all of them, and connects to one that it has checked."""

    def __init__(
        self, policy: EgressPolicy, resolver: Resolver, limits: EgressLimits, tls: ssl.SSLContext, deadline: Deadline
    ) -> None:
        self._policy, self._resolver, self._limits, self._tls, self._deadline = policy, resolver, limits, tls, deadline
        self.stream: BoundedStream | None = None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        del timeout, local_address, socket_options
        with _named(httpcore2.ConnectTimeout, httpcore2.ConnectError):
            addresses = self._checked(self._addresses(host))
            sock = self._connect(addresses[: self._limits.tries], port)
        self.stream = BoundedStream(sock, self._tls, self._deadline, self._limits)
        return self.stream

    def _addresses(self, host: str) -> Sequence[Address]:
        try:
            return [ip_address(host)]
        except ValueError:
            pass
        try:
            return self._resolver(host, self._deadline.left(self._limits.dns_seconds))
        except NotResolved as error:
            raise NameNotResolved(str(error)) from None

    def _checked(self, addresses: Sequence[Address]) -> Sequence[Address]:
        """All of them, if each may be sent to: who answers with a bad one beside a good one is trying something."""
        if not 1 <= len(addresses) <= self._limits.addresses:
            raise NameNotResolved(f"it has {len(addresses)} addresses")
        if any(refusal(address, self._policy) for address in addresses):
            raise AddressRefused("it has an address that is not public")
        return addresses

    def _connect(self, addresses: Sequence[Address], port: int) -> socket.socket:
        """To the first that answers; each gets an equal share of what is left of the time."""
        connecting = Deadline(self._deadline.left(self._limits.connect_seconds))
        for others, address in zip(range(len(addresses) - 1, -1, -1), addresses, strict=True):
            try:
                return _connected(address, port, connecting.left() / (others + 1))
            except OSError as error:
                if error.errno in HUNG_UP:
                    raise httpcore2.ReadError(str(error)) from error
                if not others:
                    raise
        raise NameNotResolved("it has no address")


def _connected(address: Address, port: int, seconds: float) -> socket.socket:
    sock = socket.create_connection((str(address), port), timeout=seconds)
    try:
        _check_peer(sock, address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


def _check_peer(sock: socket.socket, address: Address) -> None:
    if ip_address(sock.getpeername()[0].partition("%")[0]) != address:
        raise AddressRefused("something on the way led elsewhere")


@contextmanager
def _named(timeout: type[Exception], broken: type[Exception]) -> Iterator[None]:
    """The library's names for what sockets raise."""
    try:
        yield
    except TimeoutError as error:
        raise timeout(str(error)) from error
    except ssl.SSLError as error:
        raise TlsFailed(getattr(error, "verify_message", "") or error.reason or "") from error
    except OSError as error:
        raise broken(str(error)) from error
