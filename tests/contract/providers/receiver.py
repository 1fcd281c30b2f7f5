"""Receives callbacks over HTTP, as webhook_ingest would."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shared.provider_kit.provider import WebhookRequest


class Receiver:
    """Keeps every callback; answers as webhook_ingest would: 200, and what the adapter wants its provider to read."""

    def __init__(self) -> None:
        self.answer: Callable[[WebhookRequest], bytes] = lambda _request: b"{}"
        self._received: list[WebhookRequest] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/callbacks"

    def about(self, reference: object) -> list[WebhookRequest]:
        """Everything so far that names one of our ids, in its body or in its address."""
        named = str(reference)
        return [each for each in self._received if named.encode() in each.body or named in each.path]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        received, receiver = self._received, self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                path = self.path.removeprefix("/callbacks").removeprefix("/")
                sender = str(self.client_address[0])
                request = WebhookRequest(
                    headers=headers, body=body, received_at=datetime.now(UTC), path=path, sender=sender
                )
                received.append(request)
                answer = receiver.answer(request)
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        return Handler
