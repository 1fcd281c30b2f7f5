"""The server that carries simulators: HTTP/1.1, faults on the wire, and a clean end."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from services.provider_simulator.callbacks import HttpCallbackPost, callback_client
from services.provider_simulator.server import SimulatorServer
from shared.provider_kit.simulator import (
    CallbackAnswer,
    Delay,
    Fault,
    Hang,
    ResetConnection,
    SimulatedRequest,
    SimulatedResponse,
    TruncateBody,
)

BODY = b'{"status":"pending"}'


@dataclass(slots=True)
class Stub:
    """A simulator that answers by the last segment of the path, and remembers what it was asked."""

    name: str = "stub"
    mounts: tuple[str, ...] = ("/stub",)
    asked: list[SimulatedRequest] = field(default_factory=list)
    ticks: int = 0
    is_closed: bool = False

    def respond(self, request: SimulatedRequest) -> SimulatedResponse:
        self.asked.append(request)
        faults: Mapping[str, Fault] = {
            "hang": Hang(30.0),
            "short-hang": Hang(0.05),
            "delay": Delay(0.05),
            "reset": ResetConnection(),
            "truncate": TruncateBody(kept_bytes=5),
        }
        fault = faults.get(request.path.rpartition("/")[2])
        return SimulatedResponse(status=201, headers={"X-Stub": "yes"}, body=BODY, fault=fault)

    def tick(self) -> None:
        self.ticks += 1
        if self.ticks == 1:
            raise RuntimeError("the first tick fails")

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def stub() -> Stub:
    return Stub()


@pytest.fixture
def server(stub: Stub) -> Iterator[SimulatorServer]:
    one = SimulatorServer("127.0.0.1", 0, [stub])
    one.start()
    yield one
    if not stub.is_closed:
        one.stop()


def url(server: SimulatorServer, path: str) -> str:
    return f"http://127.0.0.1:{server.port}{path}"


def test_an_answer_is_carried_whole(server: SimulatorServer) -> None:
    with httpx2.Client() as client:
        response = client.post(url(server, "/stub/x"), json={})

    assert (response.status_code, response.headers["x-stub"], response.content) == (201, "yes", BODY)


def test_a_request_reaches_the_simulator_whole(server: SimulatorServer, stub: Stub) -> None:
    with httpx2.Client() as client:
        client.post(url(server, "/stub/x?a=b"), content=b"body", headers={"Some-Header": "value"})

    asked = stub.asked[0]
    assert (asked.method, asked.path, asked.query, asked.body) == ("POST", "/stub/x", {"a": "b"}, b"body")
    assert asked.headers["some-header"] == "value"
    assert asked.from_loopback


def test_one_connection_carries_many_requests(server: SimulatorServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.connect()
    socket_of_the_first = connection.sock

    for _ in range(3):
        connection.request("POST", "/stub/x", b"{}")
        assert connection.getresponse().read() == BODY

    assert connection.sock is socket_of_the_first
    connection.close()


def test_a_path_that_nobody_serves_is_not_found(server: SimulatorServer) -> None:
    with httpx2.Client() as client:
        assert client.get(url(server, "/stubborn")).status_code == 404
        assert client.get(url(server, "/")).status_code == 404


def test_two_simulators_cannot_have_one_path() -> None:
    with pytest.raises(ValueError, match="both want /stub"):
        SimulatorServer("127.0.0.1", 0, [Stub(), Stub(name="other")])


def test_the_longest_prefix_wins() -> None:
    outer, inner = Stub(mounts=("/stub",)), Stub(name="inner", mounts=("/stub/inner",))
    server = SimulatorServer("127.0.0.1", 0, [outer, inner])
    server.start()

    with httpx2.Client() as client:
        client.get(url(server, "/stub/inner/x"))
    server.stop()

    assert (len(outer.asked), len(inner.asked)) == (0, 1)


def test_a_reset_is_a_tcp_reset(server: SimulatorServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"GET /stub/reset HTTP/1.1\r\nHost: x\r\n\r\n")

        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_a_truncated_body_ends_before_its_declared_length(server: SimulatorServer) -> None:
    with httpx2.Client() as client, pytest.raises(httpx2.RemoteProtocolError):
        client.get(url(server, "/stub/truncate"))


def test_a_hang_ends_without_an_answer(server: SimulatorServer) -> None:
    with httpx2.Client() as client, pytest.raises(httpx2.RemoteProtocolError):
        client.get(url(server, "/stub/short-hang"))


def test_a_hang_outlasts_a_client_that_does_not_wait(server: SimulatorServer) -> None:
    with httpx2.Client(timeout=0.1) as client, pytest.raises(httpx2.ReadTimeout):
        client.get(url(server, "/stub/hang"))


def test_a_delayed_answer_comes(server: SimulatorServer) -> None:
    with httpx2.Client() as client:
        assert client.get(url(server, "/stub/delay")).content == BODY


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Transfer-Encoding: chunked", b"411"),
        (b"Content-Length: many", b"400"),
        (b"Content-Length: -1", b"400"),
        (b"Content-Length: 1048577", b"413"),
        (b"Content-Length: 99999999999", b"400"),
    ],
)
def test_a_body_whose_end_cannot_be_told_is_refused(server: SimulatorServer, headers: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"POST /stub/x HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n\r\n")

        assert connection.recv(100).startswith(b"HTTP/1.1 " + status)


def test_a_request_that_ends_before_its_body_is_obeyed_by_nobody(server: SimulatorServer, stub: Stub) -> None:
    """A killed client's half a request once came to a refund of everything: an empty body names no amount."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(b'POST /stub/x HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{"amount"')
        client.shutdown(socket.SHUT_WR)

        assert client.recv(100) == b""
    assert stub.asked == []


def test_time_passes_for_a_simulator_even_after_a_tick_that_failed(server: SimulatorServer, stub: Stub) -> None:
    deadline = time.monotonic() + 3
    while stub.ticks < 3 and time.monotonic() < deadline:
        time.sleep(0.01)

    assert stub.ticks >= 3
    server.check()


def test_a_server_that_has_stopped_is_not_ready(server: SimulatorServer) -> None:
    server.stop()

    with pytest.raises(RuntimeError):
        server.check()


def test_stopping_ends_hangs_and_idle_connections_and_closes_the_simulators(
    server: SimulatorServer, stub: Stub
) -> None:
    idle = socket.create_connection(("127.0.0.1", server.port))
    hanging = socket.create_connection(("127.0.0.1", server.port))
    hanging.sendall(b"GET /stub/hang HTTP/1.1\r\nHost: x\r\n\r\n")
    time.sleep(0.1)
    started = time.monotonic()

    server.stop()

    assert time.monotonic() - started < 2
    assert stub.is_closed
    assert idle.recv(1) == b""
    idle.close()
    hanging.close()


def answers_with(status: int, headers: Mapping[str, str]) -> tuple[ThreadingHTTPServer, list[str]]:
    """A merchant's endpoint and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,)).start()
    return server, asked


@pytest.mark.parametrize(
    ("status", "headers", "answer"),
    [
        (204, {}, CallbackAnswer(status=204)),
        (302, {"Location": "/elsewhere"}, CallbackAnswer(status=302)),
        (503, {"Retry-After": "7"}, CallbackAnswer(status=503, retry_after_seconds=7)),
        (503, {"Retry-After": "soon"}, CallbackAnswer(status=503)),
    ],
)
def test_a_callback_is_posted_once_and_follows_no_redirect(
    status: int, headers: Mapping[str, str], answer: CallbackAnswer
) -> None:
    merchant, asked = answers_with(status, headers)

    with callback_client() as client:
        seen = HttpCallbackPost(client)(f"http://127.0.0.1:{merchant.server_address[1]}/callbacks", {}, b"{}")
    merchant.shutdown()
    merchant.server_close()

    assert seen == answer
    assert asked == ["/callbacks"]


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/", "http://[::bad", "nonsense"])
def test_a_callback_that_cannot_be_delivered_has_no_answer(address: str) -> None:
    with callback_client() as client:
        assert HttpCallbackPost(client)(address, {}, b"{}") is None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def environment(state_dir: Path, **changes: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "ENVIRONMENT": "sandbox",
        "SIMULATOR_PORT": str(free_port()),
        "HEALTH_PORT": str(free_port()),
        "STATE_DIR": str(state_dir),
        "SANDBOX_SECRET": "sekret",
        "SIMULATOR_URL": "http://127.0.0.1:1",
        "CALLBACKS_URL": "http://127.0.0.1:2/api/v1/webhooks",
        "CPAY_API_KEY": "cpk_test_000102030405060708090a0b0c0d0e0f",
        "CPAY_WEBHOOK_SECRETS": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        **changes,
    }


def test_the_process_serves_and_leaves_with_0_on_sigterm(tmp_path: Path) -> None:
    variables = environment(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "services.provider_simulator"], env=variables, stdout=subprocess.PIPE
    )
    with process, httpx2.Client() as client:
        wait_until_ready(client, f"http://127.0.0.1:{variables['HEALTH_PORT']}/readyz")
        served = client.get(f"http://127.0.0.1:{variables['SIMULATOR_PORT']}/v1/events").status_code
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=10)

    assert (served, process.returncode) == (401, 0)
    assert b"cpk_test" not in output


def wait_until_ready(client: httpx2.Client, address: str) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            client.get(address).raise_for_status()
        except httpx2.HTTPError:
            time.sleep(0.05)
        else:
            return


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"ENVIRONMENT": "production"}, "does not run in production"),
        ({"SIMULATOR_PORT": "http"}, "SIMULATOR_PORT"),
        ({"CPAY_API_KEY": "sekret"}, "CPAY_API_KEY"),
        ({"CPAY_WEBHOOK_SECRETS": "whsec_c2VrcmV0"}, "CPAY_WEBHOOK_SECRETS"),
    ],
    ids=repr,
)
def test_a_wrong_setting_ends_the_process_with_a_line_that_repeats_no_value(
    tmp_path: Path, changes: dict[str, str], line: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "services.provider_simulator"],
        env=environment(tmp_path, **changes),
        capture_output=True,
        check=False,
        timeout=15,
        text=True,
    )

    assert ended.returncode == 78
    assert line in ended.stderr
    assert "sekret" not in ended.stderr
    assert "c2VrcmV0" not in ended.stderr
