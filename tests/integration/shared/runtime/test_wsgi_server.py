"""No connection is held by who says nothing: granian takes so many, and those that are held keep everybody else out."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from shared.runtime.wsgi_server import check_listening

READY_SECONDS = 60.0
# Far longer than a connection may be silent here.
PATIENCE_SECONDS = 30.0

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

# what is said -> how the answer begins
SAID = {
    "nothing": (b"", b""),
    "half a request line": (REQUEST[:6], b""),
    "half a head": (REQUEST[:-2], b""),
    "one request": (REQUEST, b"HTTP/1.1 200"),
}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        chosen: int = free.getsockname()[1]
    served = subprocess.Popen([sys.executable, "-m", "tests.integration.shared.runtime.served", str(chosen)])
    try:
        _wait_for(chosen)
        yield chosen
    finally:
        served.terminate()
        served.wait(PATIENCE_SECONDS)


def _wait_for(port: int) -> None:
    give_up_at = time.monotonic() + READY_SECONDS
    while True:
        try:
            return check_listening("127.0.0.1", port)
        except OSError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.1)


@pytest.mark.parametrize(("said", "answer"), SAID.values(), ids=SAID)
def test_a_connection_that_falls_silent_is_closed(port: int, said: bytes, answer: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(said)

        heard = b"".join(iter(lambda: connection.recv(4096), b""))

        assert heard.startswith(answer)
        assert bool(heard) is bool(answer)


def test_http_2_is_not_spoken(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

        assert connection.recv(4096)[:9] != b"\x00\x00\x18\x04\x00\x00\x00\x00\x00"  # a frame of its settings
