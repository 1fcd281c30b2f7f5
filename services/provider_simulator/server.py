"""Carries the simulators over HTTP/1.1, obeys the faults in their answers, and lets their time pass."""

import ipaddress
import socket
import struct
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import structlog

from shared.provider_kit.simulator import (
    Delay,
    Hang,
    ResetConnection,
    SimulatedRequest,
    SimulatedResponse,
    Simulator,
    TruncateBody,
)

MAX_BODY_BYTES = 1_048_576
IDLE_SECONDS = 60.0
TICK_SECONDS = 0.02

log = structlog.get_logger()


class SimulatorServer:
    """Serves ``simulators`` from threads; port 0 takes a free one. ``stop`` finishes what is at work.

    Raises:
        ValueError: two simulators want the same path prefix.
    """

    def __init__(self, host: str, port: int, simulators: Iterable[Simulator]) -> None:
        self._simulators = tuple(simulators)
        self._stopping = threading.Event()
        self._http = _HttpServer((host, port), mounts_of(self._simulators), self._stopping)
        self._threads = [
            threading.Thread(target=self._http.serve_forever, args=(0.05,), name="http"),
            *(
                threading.Thread(target=self._let_time_pass, args=(simulator,), name=simulator.name)
                for simulator in self._simulators
            ),
        ]

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Accept nothing more, answer what has been asked, close the simulators."""
        self._stopping.set()
        self._http.shutdown()
        self._http.finish()
        for thread in self._threads:
            thread.join()
        for simulator in self._simulators:
            simulator.close()

    def check(self) -> None:
        """For readiness.

        Raises:
            RuntimeError: a thread has died.
        """
        dead = [thread.name for thread in self._threads if not thread.is_alive()]
        if dead:
            raise RuntimeError(", ".join(dead))

    def _let_time_pass(self, simulator: Simulator) -> None:
        while not self._stopping.wait(TICK_SECONDS):
            try:
                simulator.tick()
            except Exception:  # the edge of this thread: what is due stays due
                log.exception("simulator.tick_failed", provider=simulator.name)


def mounts_of(simulators: Iterable[Simulator]) -> dict[str, Simulator]:
    mounts: dict[str, Simulator] = {}
    for simulator in simulators:
        for prefix in simulator.mounts:
            if prefix in mounts:
                raise ValueError(f"{simulator.name} and {mounts[prefix].name} both want {prefix}")
            mounts[prefix] = simulator
    return mounts


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close() waits for the answers at work
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], mounts: dict[str, Simulator], stopping: threading.Event) -> None:
        super().__init__(address, _Handler)
        self.stopping = stopping
        self._mounts = mounts
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def simulator_at(self, path: str) -> Simulator | None:
        """By the longest prefix of whole segments."""
        segments = path.split("/")
        prefixes = ("/".join(segments[:count]) for count in range(len(segments), 0, -1))
        return next((self._mounts[prefix] for prefix in prefixes if prefix in self._mounts), None)

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def finish(self) -> None:
        """Idle connections end at once, the others after their answer."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the base class's names
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError):
            log.error("simulator.answer_failed", exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    server: _HttpServer

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        super().finish()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self._body()
        if body is None:
            return
        path, _, query = self.path.partition("?")
        simulator = self.server.simulator_at(path)
        if simulator is None:
            self._write(SimulatedResponse(status=404))
            return
        response = simulator.respond(self._request(path, query, body))
        log.info(
            "simulator.answered",
            provider=simulator.name,
            method=self.command,
            path=path,
            status=response.status,
            fault=type(response.fault).__name__ if response.fault else None,
        )
        with suppress(ConnectionError):  # the client did not wait
            self._obey(response)

    def version_string(self) -> str:
        return "provider-simulator"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Answers are logged where they are made."""

    def _request(self, path: str, query: str, body: bytes) -> SimulatedRequest:
        return SimulatedRequest(
            method=self.command,
            path=path,
            query=dict(parse_qsl(query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            from_loopback=ipaddress.ip_address(self.client_address[0]).is_loopback,
        )

    def _body(self) -> bytes | None:
        """The whole body; ``None`` once its framing has been refused, or when the client went away before its end."""
        length = self.headers.get("Content-Length", "0")
        refusal = refusal_of_framing(length, is_chunked="Transfer-Encoding" in self.headers)
        if refusal is not None:
            self.close_connection = True
            self._write(SimulatedResponse(status=refusal))
            return None
        try:
            body = self.rfile.read(int(length))
        except ConnectionError:
            body = b""
        if len(body) == int(length):
            return body
        self.close_connection = True
        return None

    def _obey(self, response: SimulatedResponse) -> None:
        match response.fault:
            case None:
                self._write(response)
            case Delay(seconds):
                self.server.stopping.wait(seconds)
                self._write(response)
            case Hang(seconds):
                self.server.stopping.wait(seconds)
                self.close_connection = True
            case ResetConnection():
                self._reset()
            case TruncateBody(kept_bytes):
                self.close_connection = True
                self._write(response, kept_bytes)

    def _write(self, response: SimulatedResponse, kept_bytes: int | None = None) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body[:kept_bytes])

    def _reset(self) -> None:
        # Lingering for no time makes close() send a reset; the reading file would keep the socket open.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.rfile.close()
        self.connection.close()


def refusal_of_framing(length: str, *, is_chunked: bool) -> int | None:
    """The HTTP status for a body whose end cannot be told, or which is too large."""
    if is_chunked:
        return 411
    if not (length.isascii() and length.isdigit() and len(length) <= 9):
        return 400
    return 413 if int(length) > MAX_BODY_BYTES else None
