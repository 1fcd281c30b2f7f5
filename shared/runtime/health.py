"""The private port of a process: ``/livez`` (it runs), ``/readyz`` (it can work), ``/metrics`` (Prometheus)."""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import structlog

from shared.runtime.metrics import render_metrics

# A check returns when all is well and raises when not.
Check = Callable[[], None]

log = structlog.get_logger()


class Readiness:
    """``required`` checks make a process unready; ``degrading`` ones are only shown: a process whose broker or cache
    is away still accepts work, and a load balancer must not remove it.
    """

    def __init__(self, required: Mapping[str, Check], degrading: Mapping[str, Check] | None = None) -> None:
        self._required, self._degrading = required, degrading or {}
        self._draining = False

    def drain(self) -> None:
        """From now on, unready: no new work is wanted."""
        self._draining = True

    def __call__(self) -> tuple[int, dict[str, object]]:
        """The HTTP status (200 or 503) and the verdict of each check."""
        checks = {name: _verdict(name, check) for name, check in {**self._required, **self._degrading}.items()}
        ready = not self._draining and all(checks[name] == "ok" for name in self._required)
        degraded = any(verdict != "ok" for verdict in checks.values())
        status = "draining" if self._draining else "unready" if not ready else "degraded" if degraded else "ready"
        return (200 if ready else 503), {"status": status, "checks": checks}


class HealthServer:
    """Serves from a daemon thread."""

    def __init__(
        self,
        host: str,
        port: int,
        required: Mapping[str, Check],
        degrading: Mapping[str, Check] | None = None,
        metrics: Callable[[], tuple[str, bytes]] = render_metrics,
    ) -> None:
        self.readiness, self.metrics = Readiness(required, degrading), metrics
        self._server = ThreadingHTTPServer((host, port), self._handler_class())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def drain(self) -> None:
        """From now on ``/readyz`` says 503."""
        self.readiness.drain()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        health = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/livez":
                    self._answer(200, "application/json", b'{"status":"alive"}')
                elif self.path == "/readyz":
                    status, body = health.readiness()
                    self._answer(status, "application/json", json.dumps(body).encode())
                elif self.path == "/metrics":
                    content_type, metrics = health.metrics()
                    self._answer(200, content_type, metrics)
                else:
                    self._answer(404, "application/json", b'{"status":"not found"}')

            def _answer(self, status: int, content_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Probes every few seconds are not worth a line."""

        return Handler


def _verdict(name: str, check: Check) -> str:
    try:
        check()
    except Exception as error:  # noqa: BLE001 - whatever a check raises is its verdict
        log.warning("health.check_failed", check=name, reason=type(error).__name__)
        return type(error).__name__
    return "ok"
