"""What the load programs send with tells truly what became of each request, and how long it waited."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.load.wire import Plan, post, sending

SLOW_SECONDS = 0.2
REQUESTS = [post(f"/{number}", {}, "{}") for number in range(3)]


class Server(ThreadingHTTPServer):
    """Refuses what is sent to ``/1``, and then closes; ``seconds`` is how long an answer takes."""

    daemon_threads = True

    def __init__(self, seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seconds, self.paths, self.connections = seconds, list[str](), set[object]()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.paths.append(self.path)
        self.server.connections.add(self.client_address)
        time.sleep(self.server.seconds)
        is_refused = self.path == "/1"
        self.send_response(429 if is_refused else 200)
        self.send_header("Content-Length", "0")
        if is_refused:
            self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@contextmanager
def _server(seconds: float = 0.0) -> Iterator[Server]:
    with Server(seconds) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _wait_for(server: Server, requests: int) -> None:
    give_up_at = time.monotonic() + 30
    while len(server.paths) < requests:
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def test_requests_are_sent_in_turn_and_each_is_told_with_its_status() -> None:
    with _server() as server:
        plan = Plan(port=server.server_port, requests=REQUESTS, per_second=50, lines=1)
        with sending(plan) as told:
            _wait_for(server, 7)

    assert server.paths[:7] == ["/0", "/1", "/2", "/0", "/1", "/2", "/0"]
    assert {status for number, status, _ in told.answers if number % 3 == 1} == {429}
    assert {status for number, status, _ in told.answers if number % 3 != 1} == {200}
    assert told.statuses.keys() == {200, 429}


def test_a_connection_is_kept_until_the_server_closes_it() -> None:
    with _server() as server:
        plan = Plan(port=server.server_port, requests=REQUESTS, per_second=50, lines=1)
        with sending(plan):
            _wait_for(server, 6)

    assert len(server.connections) == 1 + server.paths[:-1].count("/1")


def test_what_waits_for_a_free_line_counts() -> None:
    with _server(SLOW_SECONDS) as server:
        plan = Plan(port=server.server_port, requests=REQUESTS[:1], per_second=100, lines=1)
        with sending(plan) as told:
            _wait_for(server, 4)

    waits = [seconds for _, _, seconds in told.answers]
    assert waits == sorted(waits)
    assert waits[2] > 2 * SLOW_SECONDS
    assert told.unsent > 0


def test_who_does_not_answer_is_no_answer() -> None:
    plan = Plan(port=1, requests=REQUESTS, per_second=100, lines=1)
    with sending(plan) as told:
        time.sleep(0.2)

    assert set(told.statuses) == {0}
    assert told.per_second == 0


def test_without_a_rate_the_next_is_sent_when_one_is_answered() -> None:
    with (
        _server() as server,
        sending(Plan(port=server.server_port, requests=REQUESTS, per_second=None, lines=2)) as told,
    ):
        _wait_for(server, 50)

    assert told.unsent == 0
    assert len({number for number, _, _ in told.answers}) == len(told.answers) >= 48
    assert set(told.statuses) == {200, 429}
