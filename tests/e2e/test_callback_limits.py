"""What webhook_ingest takes of the network: sizes, lengths and encodings, as they come over a real socket."""

import gzip
import json
import secrets
import socket
from urllib.parse import urlsplit

import pytest

from tests.e2e.journey import System
from tests.e2e.test_mpesa import prompt

KIB = 1024
JSON = "Content-Type: application/json\r\n"
CHUNKS = b"2\r\n{}\r\n0\r\n\r\n"

# head behind the request line and the host, body -> the status
REQUESTS: dict[str, tuple[str, bytes, int]] = {
    "forged": (f"{JSON}Content-Length: 2\r\n", b"{}", 401),
    "as large as it may be": (f"{JSON}Content-Length: {256 * KIB}\r\n", b" " * 256 * KIB, 401),
    "one byte too large": (f"{JSON}Content-Length: {256 * KIB + 1}\r\n", b" " * (256 * KIB + 1), 413),
    "says that it is too large": (f"{JSON}Content-Length: 10000000000\r\n", b"{}", 413),
    "says so behind zeros": (f"{JSON}Content-Length: 000000000000262145\r\n", b"{}", 413),
    "no length": (JSON, b"", 411),
    "chunked": (f"{JSON}Transfer-Encoding: chunked\r\n", CHUNKS, 411),
    "chunked, a line feed in an extension": (
        f"{JSON}Transfer-Encoding: chunked\r\n",
        b"2;a\nb\r\n{}\r\n0\r\n\r\n",
        411,
    ),
    "chunked, and a length": (f"{JSON}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", CHUNKS, 411),
    "chunked twice": (f"{JSON}Transfer-Encoding: chunked, chunked\r\n", CHUNKS, 411),
    "two lengths": (f"{JSON}Content-Length: 2\r\nContent-Length: 3\r\n", b"{}", 400),
    "a length with a sign": (f"{JSON}Content-Length: +2\r\n", b"{}", 400),
    "a negative length": (f"{JSON}Content-Length: -2\r\n", b"{}", 400),
    "packed": (
        f"{JSON}Content-Encoding: gzip\r\nContent-Length: {len(gzip.compress(b'{}', mtime=0))}\r\n",
        gzip.compress(b"{}", mtime=0),
        415,
    ),
    "a form": ("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n", b"a=1", 415),
    "no type": ("Content-Length: 2\r\n", b"{}", 415),
    "a byte order mark": (f"{JSON}Content-Length: 5\r\n", b"\xef\xbb\xbf{}", 401),
    "UTF-16": (f"{JSON}Content-Length: 6\r\n", "{}".encode("utf-16"), 401),
    "a header that is not ASCII": (
        f"{JSON}webhook-signature: v1,\u00e4\r\nContent-Length: 2\r\n",
        b"{}",
        401,
    ),
}


def _status(system: System, head: str, body: bytes, path: str = "cpay") -> int:
    address = urlsplit(system.environment["INGEST_URL"])
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port), timeout=15) as connection:
        start = f"POST /api/v1/webhooks/{path} HTTP/1.1\r\nHost: x\r\n{head}\r\n"
        connection.sendall(start.encode() + body)
        return int(connection.recv(12).split()[1])


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_a_request_gets_the_status_that_says_what_is_wrong(system: System, request_: tuple[str, bytes, int]) -> None:
    head, body, status = request_

    assert _status(system, head, body) == status


def test_bodies_that_never_end_keep_nobody_else_waiting(system: System) -> None:
    address = urlsplit(system.environment["INGEST_URL"])
    assert address.hostname is not None
    half = f"POST /api/v1/webhooks/cpay HTTP/1.1\r\nHost: x\r\n{JSON}Content-Length: 100\r\n\r\n{{".encode()
    slow = [socket.create_connection((address.hostname, address.port), timeout=30) for _ in range(300)]
    try:
        for connection in slow:
            connection.sendall(half)

        assert _status(system, f"{JSON}Content-Length: 2\r\n", b"{}") in {401, 429}
        assert slow[0].recv(12) == b"HTTP/1.1 408"
    finally:
        for connection in slow:
            connection.close()


def test_forged_successes_complete_no_payment(system: System) -> None:
    payment_id = prompt(system, "1748")  # waits for its customer
    waiting = system.merchant.payment(payment_id)
    success = {"MerchantRequestID": "1", "CheckoutRequestID": waiting["provider_transaction_id"] or "ws_CO_1"}
    success |= {"ResultCode": 0, "ResultDesc": "The service request is processed successfully."}
    forged = json.dumps({"Body": {"stkCallback": success}}).encode()

    statuses = {
        _status(
            system,
            f"{JSON}Content-Length: {len(forged)}\r\n",
            forged,
            f"mm/stk/{payment_id}/{amount}{secrets.token_hex(16)}",
        )
        for amount in ("", "174800.", "100.", "174800.00000000.")
        for _ in range(50)
    }

    assert statuses <= {401, 429}
    assert system.merchant.payment(payment_id)["status"] not in {"completed", "failed"}
