"""A merchant's own server, real sockets and all: it keeps what it gets, and answers as a test says."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from standardwebhooks.webhooks import Webhook


@dataclass(frozen=True, kw_only=True)
class Received:
    """One POST; ``at`` is by the monotonic clock."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the server says: ``hang_seconds`` before it, and ``pause_seconds`` before every byte of the body.

    ``hangs_up``: it says nothing, and resets the connection.
    """

    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_seconds: float = 0
    pause_seconds: float = 0
    repeat: int = 1
    hangs_up: bool = False


class MerchantServer:
    """``reply`` says what is answered to each; it may be replaced at any time."""

    def __init__(self, reply: Callable[[Received], Reply] = lambda _received: Reply()) -> None:
        self.reply = reply
        self.received: list[Received] = []
        self._stopping = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler_class(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hooks"

    def __enter__(self) -> "MerchantServer":
        self.open()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def wait_for(self, count: int, *, within_seconds: float = 60) -> list[Received]:
        """All that came, once there are so many."""
        give_up_at = time.monotonic() + within_seconds
        while len(self.received) < count:
            assert time.monotonic() < give_up_at, f"{len(self.received)} of {count} came"
            time.sleep(0.01)
        return list(self.received)

    def answer(self, received: Received) -> Reply:
        self.received.append(received)
        return self.reply(received)

    def rest(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()


def verify(secret: str, received: Received) -> object:
    """With the reference library; raises what that raises."""
    return Webhook(secret).verify(received.body, dict(received.headers))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever hangs up on a server that drips or hangs is right."""


def _handler_class(merchant: MerchantServer) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - a class made of short methods
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = merchant.answer(Received(path=self.path, headers=headers, body=body, at=time.monotonic()))
            merchant.rest(reply.hang_seconds)
            with suppress(OSError):
                (self._reset if reply.hangs_up else self._send)(reply)

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body) * reply.repeat))
            self.end_headers()
            for _ in range(reply.repeat):
                if merchant.is_stopping:
                    return
                self._send_part(reply)

        def _reset(self, _reply: Reply) -> None:
            self.close_connection = True
            # Lingering for no time makes close() send a reset. What reads from it keeps it open.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.connection.close()

        def _send_part(self, reply: Reply) -> None:
            if not reply.pause_seconds:
                self.wfile.write(reply.body)
                return
            for byte in reply.body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                merchant.rest(reply.pause_seconds)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Nothing to say."""

    return Handler
