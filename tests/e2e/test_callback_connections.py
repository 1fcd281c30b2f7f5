"""Whoever is refused holds no connection of webhook_ingest: it takes so many, and held ones shut others out."""

import socket
from urllib.parse import urlsplit

import pytest

from tests.e2e.journey import System

# Shorter than a connection may be idle.
PATIENCE_SECONDS = 5.0
JSON = "Content-Type: application/json\r\n"

# head behind the host, body, statuses
REFUSED: dict[str, tuple[str, bytes, set[int]]] = {
    "forged": (f"{JSON}Content-Length: 2\r\n", b"{}", {401, 429}),
    "too large, and not sent": (f"{JSON}Content-Length: 300000\r\n", b"", {413, 429}),
    "no length": (JSON, b"", {411, 429}),
}


@pytest.mark.parametrize(("head", "body", "statuses"), REFUSED.values(), ids=REFUSED)
def test_who_is_refused_is_disconnected_at_once(system: System, head: str, body: bytes, statuses: set[int]) -> None:
    address = urlsplit(system.environment["INGEST_URL"])
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(f"POST /api/v1/webhooks/cpay HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode() + body)

        answer = b"".join(iter(lambda: connection.recv(4096), b""))

    assert int(answer.split()[1]) in statuses
