"""Stands between a provider and webhook_ingest, and makes of each callback what the worst network would."""

import heapq
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

COPIES = 5
SHUFFLED_SECONDS = 2.0
LATE_SECONDS = 30.0
NEVER, LATE = 0.10, 0.05
REPEAT_SECONDS = 1.0
CARRIERS = 16


@dataclass(order=True)
class Delivery:
    """One copy that is on its way."""

    due: float
    number: int
    path: str = field(compare=False)
    headers: Mapping[str, str] = field(compare=False)
    body: bytes = field(compare=False)


class Multiplier:
    """Sends each callback ``COPIES`` times, in any order; those of some payments late, of some never.

    What is not acknowledged is sent again. ``told`` counts payments by what became of their callbacks.
    """

    def __init__(self, seed: int) -> None:
        self._seed, self._address = seed, ""
        self._chosen = random.Random(f"{seed} multiplier")
        self._changed = threading.Condition()
        self._waiting: list[Delivery] = []
        self._under_way, self._number, self._is_over = 0, 0, False
        self.fates: dict[str, str] = {}
        self.acknowledged = 0
        self._pool = ThreadPoolExecutor(CARRIERS)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._threads = [threading.Thread(target=run) for run in (self._server.serve_forever, self._carry)]

    @property
    def url(self) -> str:
        """Where the provider is to send its callbacks; its name follows."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/api/v1/webhooks"

    @property
    def told(self) -> Counter[str]:
        return Counter(self.fates.values())

    def start(self, ingest_url: str) -> None:
        self._address = urlsplit(ingest_url).netloc
        for thread in self._threads:
            thread.start()

    def wait(self, longest_seconds: float) -> bool:
        """Until every copy has been acknowledged."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._under_way, longest_seconds)

    def stop(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _take(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        fate = self._fate(str(json.loads(body)["data"].get("merchant_reference")))
        if fate == "never":
            return
        later = LATE_SECONDS if fate == "late" else 0.0
        with self._changed:
            for _ in range(COPIES):
                self._number += 1
                due = time.monotonic() + later + self._chosen.uniform(0, SHUFFLED_SECONDS)
                heapq.heappush(self._waiting, Delivery(due, self._number, path, headers, body))
            self._changed.notify_all()

    def _fate(self, payment: str) -> str:
        """The same for all callbacks of a payment, whenever they come."""
        drawn = random.Random(f"{self._seed} {payment}").random()
        fate = "never" if drawn < NEVER else "late" if drawn < NEVER + LATE else "five times"
        self.fates[payment] = fate
        return fate

    def _carry(self) -> None:
        while (delivery := self._next()) is not None:
            self._pool.submit(self._deliver, delivery)

    def _next(self) -> Delivery | None:
        with self._changed:
            while not self._is_over:
                if self._waiting and self._waiting[0].due <= time.monotonic():
                    self._under_way += 1
                    return heapq.heappop(self._waiting)
                self._changed.wait(max(0.0, self._waiting[0].due - time.monotonic()) if self._waiting else None)
            return None

    def _deliver(self, delivery: Delivery) -> None:
        is_acknowledged = self._post(delivery) == 200
        with self._changed:
            self._under_way -= 1
            self.acknowledged += is_acknowledged
            if not is_acknowledged:
                delivery.due = time.monotonic() + REPEAT_SECONDS
                heapq.heappush(self._waiting, delivery)
            self._changed.notify_all()

    def _post(self, delivery: Delivery) -> int:
        connection = HTTPConnection(self._address, timeout=10)
        with suppress(OSError, HTTPException):
            connection.request("POST", delivery.path, delivery.body, dict(delivery.headers))
            status = connection.getresponse().status
            connection.close()
            return status
        return 0

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        multiplier = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kept = {
                    name: value for name, value in self.headers.items() if name.lower() not in {"host", "connection"}
                }
                multiplier._take(self.path, kept, body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        return Handler
