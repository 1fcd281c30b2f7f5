"""WebSockets through every process: tickets, restarts, and the clients of the documentation."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.documented import CLIENTS, python_client
from tests.e2e.journey import Json, System
from tests.notifiers import NotifierInstance

REFUNDED = "refund.completed"
PAGE = """<!doctype html><script type="module">
import { watch } from "/watch.js";
const { url } = await (await fetch("/start")).json();
watch({
  url,
  credential: async () => (await fetch("/ticket")).json(),
  onFrame: (frame) => fetch("/frame", { method: "POST", body: JSON.stringify(frame) }),
});
</script>"""
IN_NODE = """import { watch } from "%s/watch.js";
const { url } = await (await fetch("%s/start")).json();
watch({
  url,
  credential: async () => (await fetch("%s/ticket")).json(),
  onFrame: (frame) => fetch("%s/frame", { method: "POST", body: JSON.stringify(frame) }),
});"""


@pytest.fixture
def instance(system: System, tmp_path: Path) -> Iterator[NotifierInstance]:
    """A notifier of the test's own, to be stopped and killed."""
    variables = system.local.variables("notifier") | {"RECONNECT_SECONDS": "0.5", "ALLOWED_ORIGINS": "*"}
    with NotifierInstance(variables, tmp_path / "notifier.log") as instance:
        yield instance


def _ticket(system: System, **channel: str) -> Json:
    system.merchant.sign_in()
    ticket: Json = system.merchant.http.post("/ws-tickets", json=channel).raise_for_status().json()
    return ticket


def _token(system: System) -> str:
    return str(system.merchant.sign_in()["access_token"])


def test_a_ticket_opens_its_channel_once_and_no_other(system: System) -> None:
    payment, other = system.merchant.pay(), system.merchant.pay()
    ticket = _ticket(system, transaction_id=payment["id"])
    base = system.environment["WS_URL"]

    with connect(f"{base}{ticket['channel']}?ticket={ticket['ticket']}", proxy=None) as socket:
        assert json.loads(socket.recv(timeout=20))["type"] == "payment.snapshot"
    again = _status(f"{base}{ticket['channel']}?ticket={ticket['ticket']}")
    second = _ticket(system, transaction_id=payment["id"])["ticket"]

    assert again == 401
    assert _status(f"{base}/ws/transaction/{other['id']}?ticket={second}") == 404
    assert _status(f"{base}{ticket['channel']}?ticket={second}") == 401


def _status(url: str) -> int:
    with pytest.raises(InvalidStatus) as refused, connect(url, proxy=None):
        raise AssertionError("let in")
    return refused.value.response.status_code


def test_no_log_of_ours_has_a_ticket(system: System, instance: NotifierInstance, tmp_path: Path) -> None:
    ticket = _ticket(system, transaction_id=system.merchant.pay()["id"])
    url = f"{instance.ws_url}{ticket['channel']}?ticket={ticket['ticket']}"
    with connect(url, proxy=None):
        pass
    assert _status(url) == 401

    logs = [(tmp_path / "notifier.log"), *system.local.state.path.glob("**/*.log")]
    written = "".join(log.read_text(errors="replace") for log in logs)

    assert "socket.refused" in written
    assert ticket["ticket"] not in written


def test_a_notifier_that_stops_says_when_to_come_back_and_ends_well(system: System, instance: NotifierInstance) -> None:
    url = f"{instance.ws_url}/ws/user/{system.merchant.sign_in()['user_id']}"
    headers = {"Authorization": str(system.merchant.http.headers["Authorization"])}

    with connect(url, additional_headers=headers, proxy=None) as socket:
        socket.recv(timeout=20)
        status = instance.stop()
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=20)

    assert closed.value.rcvd is not None
    reason = json.loads(closed.value.rcvd.reason)
    assert (status, closed.value.rcvd.code, reason["reason"]) == (0, 1012, "restarting")
    assert 0 <= reason["reconnect_ms"] <= 500


def test_the_python_client_of_the_documentation_goes_on_over_a_crash_and_a_restart(
    system: System, instance: NotifierInstance
) -> None:
    payment_id = _paid(system)
    frames = python_client().watch(f"{instance.ws_url}/ws/transaction/{payment_id}", lambda: _token(system))

    seen = [next(frames)]
    for end in (instance.kill, instance.stop):
        end()
        instance.start()
        system.merchant.refund(payment_id, "1.00")
        seen.append(next(frames))
        while seen[-1]["type"] != REFUNDED:
            seen.append(next(frames))

    assert seen[0]["type"] == "payment.snapshot"
    assert _has_no_gap_and_no_repetition(seen)


def _paid(system: System) -> str:
    """A payment that is completed: what happens to it from now on is what a test has happen."""
    payment_id: str = system.merchant.pay()["id"]
    system.merchant.finished(payment_id)
    return payment_id


def _has_no_gap_and_no_repetition(frames: list[Json]) -> bool:
    sequences = [frame["sequence"] for frame in frames]
    return sequences == list(range(sequences[0], sequences[0] + len(sequences)))


def test_the_python_client_does_not_ask_again_where_that_would_not_help(
    system: System, instance: NotifierInstance
) -> None:
    frames = python_client().watch(f"{instance.ws_url}/ws/transaction/{system.merchant.pay()['id']}", lambda: "x")

    with pytest.raises(InvalidStatus):
        next(frames)


class Shop:
    """A merchant's own web server: its page, and tickets for it; keeps the frames that the page has seen."""

    def __init__(self, system: System, instance: NotifierInstance, payment_id: str) -> None:
        self._system, self._instance, self._payment_id = system, instance, payment_id
        self.frames: list[Json] = []
        self.came = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def seen(self, event_type: str, times: int) -> list[Json]:
        """The page's frames, once there are so many of that type."""
        with self.came:
            found = self.came.wait_for(lambda: self._count(event_type) == times, 60)
            assert found, [each["type"] for each in self.frames]
            return list(self.frames)

    def _count(self, event_type: str) -> int:
        return sum(each["type"] == event_type for each in self.frames)

    def answer(self, path: str) -> tuple[str, bytes]:
        """Content type and body."""
        if path == "/start":
            url = f"{self._instance.ws_url}/ws/transaction/{self._payment_id}"
            return "application/json", json.dumps({"url": url}).encode()
        if path == "/ticket":
            return "application/json", json.dumps(_ticket(self._system, transaction_id=self._payment_id)).encode()
        if path == "/watch.js":
            return "text/javascript", (CLIENTS / "watch.js").read_bytes()
        return "text/html", PAGE.encode()

    def take(self, body: bytes) -> None:
        with self.came:
            self.frames.append(json.loads(body))
            self.came.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(*shop.answer(self.path))

            def do_POST(self) -> None:
                shop.take(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer("text/plain", b"")

            def _answer(self, content_type: str, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                """Nothing that a test's output needs."""

        return Handler


def _chromium(shop: Shop, folder: Path) -> list[str]:
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server")
    return ["chromium", *options, f"--user-data-dir={folder}", f"{shop.url}/"]


def _node(shop: Shop, folder: Path) -> list[str]:
    (folder / "watch.js").write_bytes((CLIENTS / "watch.js").read_bytes())
    (folder / "package.json").write_text('{"type": "module"}')
    program = folder / "page.js"
    program.write_text(IN_NODE % (folder, shop.url, shop.url, shop.url))
    return ["node", "--experimental-websocket", str(program)]


@pytest.mark.parametrize(("program", "command"), [("chromium", _chromium), ("node", _node)])
def test_the_browser_client_of_the_documentation_goes_on_over_a_crash_and_a_restart(
    program: str, command: Any, system: System, instance: NotifierInstance, tmp_path: Path
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed here")
    payment_id = _paid(system)
    shop = Shop(system, instance, payment_id)
    running = subprocess.Popen(command(shop, tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        shop.seen("payment.snapshot", 1)
        for number, end in enumerate((instance.kill, instance.stop), start=1):
            end()
            instance.start()
            system.merchant.refund(payment_id, "1.00")
            frames = shop.seen(REFUNDED, number)
    finally:
        running.terminate()
        running.wait(20)
        shop.close()

    # The page's requests may overtake one another.
    assert _has_no_gap_and_no_repetition(sorted(frames, key=lambda frame: frame["sequence"]))


def test_the_browser_client_is_short_and_needs_nothing() -> None:
    text = (CLIENTS / "watch.js").read_text()

    assert len(text.splitlines()) <= 60
    assert "import " not in text
