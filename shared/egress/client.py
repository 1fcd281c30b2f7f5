"""Sends one POST to an address that a stranger chose. Whatever happens there is a value, never an exception."""

import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import httpcore2

from shared.egress.connection import (
    AddressRefused,
    AnswerTooLong,
    BoundedStream,
    Deadline,
    GuardedBackend,
    NameNotResolved,
    TlsFailed,
)
from shared.egress.policy import EgressLimits, EgressPolicy
from shared.egress.resolver import Resolver
from shared.egress.urls import Target, UrlRefused, check_url

MAX_DETAIL_CHARACTERS = 200
RETRY_AFTER = "retry-after"

# In how many parts a body is sent that is sent slowly.
PARTS = 20

# How a message is framed and what becomes of the connection is said here, and by no caller.
OURS_ALONE = frozenset(
    {
        *("host", "content-length", "transfer-encoding", "te", "trailer", "expect"),
        *("connection", "keep-alive", "proxy-connection", "upgrade", "accept-encoding"),
    }
)


class FailureReason(StrEnum):
    """Why there is no answer."""

    REFUSED_URL = "refused_url"  # the URL breaks a rule; its detail says which
    REFUSED_ADDRESS = "refused_address"  # its name leads where nothing may be sent
    DNS = "dns"  # its name has no address
    CONNECT = "connect"  # nobody takes connections there
    TLS = "tls"  # no TLS, or not the certificate of that name
    TIMEOUT = "timeout"  # nothing came in time
    TOO_SLOW = "too_slow"  # something came, but not all of it in time
    RESET = "reset"  # they hung up before their answer was whole
    INVALID_ANSWER = "invalid_answer"  # not HTTP, or its head is too large


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What they said, a redirect too: it is not followed. ``headers`` has ``retry-after``, if they sent it.

    ``first_bytes`` are as they were sent: at most 2 KiB, in whatever encoding.
    """

    status: int
    first_bytes: bytes
    elapsed_ms: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """No whole answer; whether they acted is not known. ``detail`` may be shown to whoever chose the address."""

    reason: FailureReason
    elapsed_ms: int
    detail: str = ""


# The first that fits.
REASONS: tuple[tuple[type[Exception], FailureReason], ...] = (
    (AddressRefused, FailureReason.REFUSED_ADDRESS),
    (NameNotResolved, FailureReason.DNS),
    (TlsFailed, FailureReason.TLS),
    (httpcore2.TimeoutException, FailureReason.TIMEOUT),
    (httpcore2.ConnectError, FailureReason.CONNECT),
    (httpcore2.NetworkError, FailureReason.RESET),
    (httpcore2.RemoteProtocolError, FailureReason.INVALID_ANSWER),
)
CAUGHT = tuple(kind for kind, _ in REASONS)
TOLD = frozenset({FailureReason.TLS, FailureReason.INVALID_ANSWER, FailureReason.DNS})


class EgressClient:
    """One for a process: safe for threads, which share nothing but the TLS context. Each call connects anew.

    A call ends ``limits.total_seconds`` after it began, whatever the other side does. No redirects, proxies, cookies.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        resolver: Resolver,
        *,
        limits: EgressLimits | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._policy, self._resolver, self._limits = policy, resolver, limits or EgressLimits()
        self._tls = ssl_context or ssl.create_default_context()
        self._tls.set_alpn_protocols(["http/1.1"])
        # For the library to change as it likes; no connection is made with it.
        self._unused_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, over_seconds: float = 0) -> Answer | Failed:
        """Send ``body`` once. Of ``headers``, those that frame a message are left out: they are said here.

        ``over_seconds``: in small parts, so slowly; for whoever wants to see how their server takes it.

        Raises:
            httpcore2.LocalProtocolError: ``headers`` are not HTTP, such as one with a line break.
        """
        started = time.monotonic()
        try:
            target = check_url(url, self._policy)
        except UrlRefused as error:
            return Failed(
                reason=FailureReason.REFUSED_URL, elapsed_ms=_since(started), detail=f"The URL {error.reason}."
            )
        deadline = Deadline(self._limits.total_seconds)
        backend = GuardedBackend(self._policy, self._resolver, self._limits, self._tls, deadline)
        try:
            return self._exchange(backend, _request(target, body, headers, over_seconds), started)
        except CAUGHT as error:
            return _failure(error, backend.stream, started)

    def _exchange(self, backend: GuardedBackend, request: httpcore2.Request, started: float) -> Answer:
        connection = httpcore2.HTTPConnection(request.url.origin, ssl_context=self._unused_tls, network_backend=backend)
        try:
            response = connection.handle_request(request)
            if len(response.headers) > self._limits.headers:
                raise AnswerTooLong(f"more than {self._limits.headers} headers")
            first_bytes = self._beginning(response, backend.stream)
        finally:
            connection.close()
        return Answer(
            status=response.status,
            first_bytes=first_bytes,
            elapsed_ms=_since(started),
            headers=_told_headers(response),
        )

    def _beginning(self, response: httpcore2.Response, stream: BoundedStream | None) -> bytes:
        """What is kept of the body. So much of the rest is read that a usual answer can be sent whole."""
        assert stream is not None
        stream.bytes_left = self._limits.read_bytes
        kept = bytearray()
        try:
            for part in response.iter_stream():
                kept += part[: self._limits.kept_bytes - len(kept)]
        except AnswerTooLong:
            pass
        return bytes(kept)


def _request(target: Target, body: bytes, headers: Mapping[str, str], over_seconds: float) -> httpcore2.Request:
    ours = {
        "Host": target.authority,
        "Content-Length": str(len(body)),
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    given = {name: value for name, value in headers.items() if name.lower() not in OURS_ALONE}
    url = httpcore2.URL(
        scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
    )
    content = _in_parts(body, over_seconds) if over_seconds else body
    return httpcore2.Request("POST", url, headers=[*ours.items(), *given.items()], content=content)


def _in_parts(body: bytes, over_seconds: float) -> Iterator[bytes]:
    size = -(-len(body) // PARTS)
    for start in range(0, len(body), size):
        yield body[start : start + size]
        time.sleep(over_seconds / PARTS)


def _failure(error: Exception, stream: BoundedStream | None, started: float) -> Failed:
    reason = next(reason for kind, reason in REASONS if isinstance(error, kind))
    if stream is not None and reason is FailureReason.TIMEOUT and stream.has_begun:
        reason = FailureReason.TOO_SLOW
    if stream is not None and reason is FailureReason.INVALID_ANSWER and stream.has_ended:
        reason = FailureReason.RESET
    detail = str(error)[:MAX_DETAIL_CHARACTERS] if reason in TOLD else ""
    return Failed(reason=reason, elapsed_ms=_since(started), detail=detail)


def _told_headers(response: httpcore2.Response) -> Mapping[str, str]:
    for name, value in response.headers:
        if name.lower() == RETRY_AFTER.encode():
            return {RETRY_AFTER: value.decode("latin-1")}
    return {}


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
