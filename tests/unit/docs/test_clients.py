"""The clients of docs/clients where a connection does not go as planned; tests/e2e has them beside real notifiers."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from tests.documented import CLIENTS, python_client

# Plays the server to watch.js, and prints what the page saw and what the client asked for.
PLAYED = """
import { watch } from "%s/watch.js";
const sockets = [], seen = [], errors = [];
globalThis.WebSocket = class {
  constructor(url) { this.url = url; sockets.push(this); }
  close() { this.onclose({ reason: "" }); }
};
const until = async (is) => { while (!is()) await new Promise((go) => setTimeout(go, 5)); };
const say = (socket, sequence) => {
  try { socket.onmessage({ data: JSON.stringify({ type: "payment.x", sequence, epoch: "e" }) }); }
  catch (error) { errors.push(error.message); }
};
const stop = watch({
  url: "ws://x/ws/transaction/1",
  credential: async () => ({ token: "t" }),
  onFrame: ({ sequence }) => {
    seen.push(sequence);
    if (sequence === 2 && !errors.length) throw new Error("the page");
  },
});
await until(() => sockets.length === 1);
say(sockets[0], 1); say(sockets[0], 2); say(sockets[0], 3);
await until(() => sockets.length === 2);
say(sockets[1], 2);
stop();
say(sockets[1], 3);
console.log(JSON.stringify({ seen, errors, asked: new URL(sockets[1].url).searchParams.get("after") }));
"""


def test_a_frame_that_the_page_could_not_deal_with_comes_again_before_what_follows(tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed here")
    (tmp_path / "watch.js").write_bytes((CLIENTS / "watch.js").read_bytes())
    (tmp_path / "package.json").write_text('{"type": "module"}')
    program = tmp_path / "played.js"
    program.write_text(PLAYED % tmp_path)

    done = subprocess.run(["node", str(program)], capture_output=True, text=True, timeout=60, check=True)

    assert json.loads(done.stdout) == {"seen": [1, 2, 2], "errors": ["the page"], "asked": "1"}


class Notifier:
    """Says one frame a connection, then closes with a text of the library's; ``refusals`` come first."""

    def __init__(self, *refusals: tuple[int, str]) -> None:
        self._refusals, self._sequence = list(refusals), 0

    def refuse(self, connection: ServerConnection, _request: Request) -> Response | None:
        if not self._refusals:
            return None
        status, retry_after = self._refusals.pop(0)
        response = connection.respond(HTTPStatus(status), "")
        response.headers["Retry-After"] = retry_after
        return response

    def serve(self, connection: ServerConnection) -> None:
        self._sequence += 1
        connection.send(json.dumps({"type": "payment.x", "sequence": self._sequence, "epoch": "e"}))
        connection.close(1011, "keepalive ping timeout")

    @contextmanager
    def watched(self) -> Iterator[Iterator[dict[str, Any]]]:
        with serve(self.serve, "127.0.0.1", 0, process_request=self.refuse) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            port = server.socket.getsockname()[1]
            yield python_client().watch(f"ws://127.0.0.1:{port}/ws/transaction/1", lambda: "token")


def test_the_python_client_goes_on_after_an_end_whose_reason_is_no_json() -> None:
    with Notifier().watched() as frames:
        assert [next(frames)["sequence"], next(frames)["sequence"]] == [1, 2]


@pytest.mark.parametrize("status", [502, 503, 504, 429])
def test_the_python_client_goes_on_when_a_proxy_finds_no_notifier_for_a_while(status: int) -> None:
    with Notifier((status, "Wed, 21 Oct 2026 07:28:00 GMT"), (status, "0")).watched() as frames:
        assert next(frames)["sequence"] == 1
