"""Whatever an endpoint does is an answer or a named failure, in time, and in little memory."""

import json
import socket
import subprocess
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from shared.egress.client import Answer, EgressClient, Failed, FailureReason
from shared.egress.policy import EgressPolicy
from tests.integration.shared.egress.certificates import (
    DAY,
    NOW,
    Certificate,
    make_authority,
    make_certificate,
    server_context,
)
from tests.integration.shared.egress.conftest import LIMITS, PUBLIC
from tests.integration.shared.egress.dns_server import DnsServer, always
from tests.integration.shared.egress.endpoints import (
    BLOCK,
    ENOUGH_BYTES,
    Behaviour,
    Endpoint,
    answering,
    dripping,
    dripping_handshake,
    echoing,
    flooding,
    hanging,
    hanging_after_request,
    reading_slowly,
    resetting,
    resetting_at_once,
    saying,
)

ROOT = Path(__file__).parents[4]
NAME = "hooks.example.com"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LONG = OK + b"Content-Length: 10737418240\r\n\r\n"

# Far more than the limits of these tests, far less than these endpoints would take.
LATE_MS = 10_000

BAD: dict[str, tuple[Behaviour, FailureReason]] = {
    "hangs after accepting": (hanging, FailureReason.TIMEOUT),
    "hangs after the request": (hanging_after_request, FailureReason.TIMEOUT),
    "hangs after its status line": (dripping(OK, b""), FailureReason.TOO_SLOW),
    "hangs in its body": (dripping(LONG + b"{}", b""), FailureReason.TOO_SLOW),
    "drips its status line": (dripping(b"", b"H"), FailureReason.TOO_SLOW),
    "drips a header": (dripping(OK + b"X-Slow: ", b"a"), FailureReason.TOO_SLOW),
    "drips headers": (dripping(OK, b"X-Slow: a\r\n"), FailureReason.TOO_SLOW),
    "drips its body": (dripping(LONG, b"x"), FailureReason.TOO_SLOW),
    "drips chunks": (dripping(CHUNKED, b"1\r\nx\r\n"), FailureReason.TOO_SLOW),
    "drips the length of a chunk": (dripping(CHUNKED, b"0"), FailureReason.TOO_SLOW),
    "drips a body without a length": (dripping(OK + b"\r\n", b"x"), FailureReason.TOO_SLOW),
    "says continue again and again": (dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), FailureReason.TOO_SLOW),
    "floods with continue": (flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), FailureReason.INVALID_ANSWER),
    "floods with early hints": (flooding(b"", b"HTTP/1.1 103 Early\r\n\r\n" * 99), FailureReason.INVALID_ANSWER),
    "floods with one header": (flooding(OK + b"X-Long: ", BLOCK), FailureReason.INVALID_ANSWER),
    "floods with headers": (flooding(OK, b"X-Many: a\r\n" * 999), FailureReason.INVALID_ANSWER),
    "sends 1,000 headers": (saying(OK + b"X-1: a\r\n" * 1000 + b"\r\n"), FailureReason.INVALID_ANSWER),
    "floods with its status line": (flooding(b"HTTP/1.1 200 ", BLOCK), FailureReason.INVALID_ANSWER),
    "speaks SSH": (dripping(b"SSH-2.0-OpenSSH_9.6\r\n", b""), FailureReason.TOO_SLOW),
    "wants another protocol": (answering("101 Switching", {"Upgrade": "websocket"}), FailureReason.INVALID_ANSWER),
    "speaks Redis": (saying(b"-ERR wrong number of arguments\r\n\r\n"), FailureReason.INVALID_ANSWER),
    "speaks garbage": (saying(bytes(range(256)) * 9), FailureReason.INVALID_ANSWER),
    "says a status that is none": (saying(b"HTTP/1.1 99999 What\r\n\r\n"), FailureReason.INVALID_ANSWER),
    "says two lengths": (saying(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx"), FailureReason.INVALID_ANSWER),
    "says a negative length": (saying(OK + b"Content-Length: -1\r\n\r\n"), FailureReason.INVALID_ANSWER),
    "breaks a header": (saying(OK + b"X bad\r\n\r\n"), FailureReason.INVALID_ANSWER),
    "breaks a chunk": (saying(CHUNKED + b"zz\r\nx"), FailureReason.INVALID_ANSWER),
    "hangs up without a word": (saying(b""), FailureReason.RESET),
    "hangs up in its head": (saying(OK + b"X-Half: "), FailureReason.RESET),
    "hangs up in its body": (saying(LONG + b"{}"), FailureReason.RESET),
    "hangs up between chunks": (saying(CHUNKED + b"1\r\nx\r\n"), FailureReason.RESET),
    "resets at once": (resetting_at_once, FailureReason.RESET),
    "resets after the request": (resetting(), FailureReason.RESET),
    "resets in its body": (resetting(LONG + b"{}"), FailureReason.RESET),
}

ANSWERS: dict[str, tuple[Behaviour, int, bytes]] = {
    "says yes": (answering("200 OK", {"Content-Length": "2"}, b"ok"), 200, b"ok"),
    "says yes without a length": (answering("200 OK", {}, b"ok"), 200, b"ok"),
    "speaks HTTP/1.0": (saying(b"HTTP/1.0 200 OK\r\n\r\nok"), 200, b"ok"),
    "says nothing more": (answering("204 No Content"), 204, b""),
    "says not modified": (answering("304 Not Modified", {"Content-Length": "99"}), 304, b""),
    "is gone": (answering("410 Gone", {"Content-Length": "4"}, b"gone"), 410, b"gone"),
    "fails": (answering("500 Oops", {"Content-Length": "4"}, b"oops"), 500, b"oops"),
    "says continue first": (saying(b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + OK + b"Content-Length: 0\r\n\r\n"), 200, b""),
    "sends 10 GB": (flooding(LONG, BLOCK), 200, BLOCK[:2048]),
    "sends chunks for ever": (flooding(CHUNKED, b"10000\r\n" + BLOCK + b"\r\n"), 200, BLOCK[:2048]),
    "sends tiny chunks for ever": (flooding(CHUNKED, b"1\r\nx\r\n" * 9_999), 200, BLOCK[:2048]),
    "sends without end": (flooding(OK + b"\r\n", BLOCK), 200, BLOCK[:2048]),
}


def url_of(endpoint: Endpoint, *, scheme: str = "http", name: str = NAME) -> str:
    return f"{scheme}://{name}:{endpoint.port}/"


@pytest.mark.parametrize("what", BAD)
def test_an_endpoint_that_does_not_answer_is_a_named_failure_in_time(what: str, client: EgressClient) -> None:
    behaviour, reason = BAD[what]

    with Endpoint(behaviour, address=PUBLIC) as endpoint:
        result = client.post(url_of(endpoint), b"{}", {})

    assert isinstance(result, Failed)
    assert (result.reason, result.elapsed_ms < LATE_MS) == (reason, True)


@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer_is_told_with_its_first_bytes(what: str, client: EgressClient) -> None:
    behaviour, status, first_bytes = ANSWERS[what]

    with Endpoint(behaviour, address=PUBLIC) as endpoint:
        result = client.post(url_of(endpoint), b"{}", {})

    assert isinstance(result, Answer)
    assert (result.status, result.first_bytes, result.elapsed_ms < LATE_MS) == (status, first_bytes, True)


@pytest.mark.parametrize("status", ["429 Slow Down", "503 Later", "200 OK"])
def test_when_to_come_back_is_the_only_header_that_is_told(status: str, client: EgressClient) -> None:
    headers = {"retry-AFTER": "120", "Set-Cookie": "a=b", "X-Other": "c"}

    with Endpoint(answering(status, headers), address=PUBLIC) as endpoint:
        result = client.post(url_of(endpoint), b"{}", {})

    assert isinstance(result, Answer)
    assert dict(result.headers) == {"retry-after": "120"}


def test_a_compressed_bomb_is_asked_not_to_be_sent_and_is_not_unpacked(client: EgressClient) -> None:
    bomb = zlib.compress(bytes(ENOUGH_BYTES), wbits=31)

    with Endpoint(answering("200 OK", {"Content-Encoding": "gzip"}, bomb), address=PUBLIC) as endpoint:
        result = client.post(url_of(endpoint), b"{}", {})

    assert isinstance(result, Answer)
    assert result.first_bytes == bomb[:2048]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("behaviour", [hanging, reading_slowly])
def test_an_endpoint_that_hardly_reads_is_not_waited_for(
    behaviour: Behaviour, scheme: str, client: EgressClient, authority: Certificate, tmp_path: Path
) -> None:
    tls = server_context(make_certificate(NAME, authority), tmp_path) if scheme == "https" else None

    with Endpoint(behaviour, tls=tls, address=PUBLIC) as endpoint:
        result = client.post(url_of(endpoint, scheme=scheme), b"x" * ENOUGH_BYTES, {})

    assert isinstance(result, Failed)
    assert (result.reason, result.elapsed_ms < LATE_MS) == (FailureReason.TIMEOUT, True)


def test_a_port_that_nobody_listens_at_is_a_failure_to_connect(client: EgressClient) -> None:
    with Endpoint(hanging, address=PUBLIC) as endpoint:
        pass

    result = client.post(url_of(endpoint), b"{}", {})

    assert isinstance(result, Failed)
    assert result.reason is FailureReason.CONNECT


def test_a_server_that_accepts_nothing_is_not_waited_for(client: EgressClient) -> None:
    with full_server() as port:
        result = client.post(f"http://{NAME}:{port}/", b"{}", {})

    assert isinstance(result, Failed)
    assert (result.reason, result.elapsed_ms < LATE_MS) == (FailureReason.TIMEOUT, True)


def test_the_next_address_is_tried_where_one_takes_no_connection(client: EgressClient, dns_server: DnsServer) -> None:
    dns_server.zone["two.example.com"] = always("127.0.0.3", PUBLIC)
    both = EgressPolicy(ports=frozenset(), allow_http=True, allowed_networks=(ip_network("127.0.0.2/31"),))
    client = EgressClient(both, client._resolver, limits=LIMITS)

    with Endpoint(answering("204 No Content"), address=PUBLIC) as endpoint:
        result = client.post(url_of(endpoint, name="two.example.com"), b"{}", {})

    assert isinstance(result, Answer)


@pytest.mark.parametrize("name", [NAME, PUBLIC])
def test_tls_is_verified_against_the_name_that_the_url_has(
    name: str, client: EgressClient, authority: Certificate, tmp_path: Path
) -> None:
    tls = server_context(make_certificate(name, authority), tmp_path)
    names: list[str | None] = []
    tls.sni_callback = lambda _socket, asked, _context: names.append(asked)

    with Endpoint(echoing, tls=tls, address=PUBLIC) as endpoint:
        result = client.post(url_of(endpoint, scheme="https", name=name), b"{}", {})

    assert isinstance(result, Answer)
    assert f"\r\nHost: {name}:{endpoint.port}\r\n".encode() in result.first_bytes
    assert names == [name if name == NAME else None]


CERTIFICATES = {
    "another name": ("other.example.com", NOW - DAY, NOW + DAY, "Hostname mismatch"),
    "only the address": (PUBLIC, NOW - DAY, NOW + DAY, "Hostname mismatch"),
    "expired": (NAME, NOW - 9 * DAY, NOW - DAY, "certificate has expired"),
    "not yet valid": (NAME, NOW + DAY, NOW + 9 * DAY, "certificate is not yet valid"),
}


@pytest.mark.parametrize("what", CERTIFICATES)
def test_a_bad_certificate_is_refused_and_told(
    what: str, client: EgressClient, authority: Certificate, tmp_path: Path
) -> None:
    name, begins, ends, told = CERTIFICATES[what]
    tls = server_context(make_certificate(name, authority, begins=begins, ends=ends), tmp_path)

    with Endpoint(echoing, tls=tls, address=PUBLIC) as endpoint:
        result = client.post(url_of(endpoint, scheme="https"), b"{}", {})

    assert isinstance(result, Failed)
    assert result.reason is FailureReason.TLS
    assert told in result.detail


@pytest.mark.parametrize("signed_by_somebody", [False, True])
def test_a_certificate_of_nobody_we_trust_is_refused(
    signed_by_somebody: bool, client: EgressClient, tmp_path: Path
) -> None:
    issuer = make_authority() if signed_by_somebody else None
    tls = server_context(make_certificate(NAME, issuer), tmp_path)

    with Endpoint(echoing, tls=tls, address=PUBLIC) as endpoint:
        result = client.post(url_of(endpoint, scheme="https"), b"{}", {})

    assert isinstance(result, Failed)
    assert result.reason is FailureReason.TLS


HANDSHAKES: dict[str, tuple[Behaviour, FailureReason]] = {
    "hangs in TLS": (hanging, FailureReason.TIMEOUT),
    "drips in TLS": (dripping_handshake, FailureReason.TIMEOUT),
    "resets in TLS": (resetting_at_once, FailureReason.RESET),
    "speaks no TLS": (lambda sock, _stop: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), FailureReason.TLS),
}


@pytest.mark.parametrize("what", HANDSHAKES)
def test_an_endpoint_without_a_handshake_is_a_named_failure_in_time(what: str, client: EgressClient) -> None:
    behaviour, reason = HANDSHAKES[what]

    with Endpoint(behaviour, address=PUBLIC) as endpoint:
        result = client.post(url_of(endpoint, scheme="https"), b"{}", {})

    assert isinstance(result, Failed)
    assert (result.reason, result.elapsed_ms < LATE_MS) == (reason, True)


@pytest.mark.parametrize("what", ["drips its body", "drips headers", "hangs up in its body", "floods with one header"])
def test_the_limits_hold_inside_tls_too(
    what: str, client: EgressClient, authority: Certificate, tmp_path: Path
) -> None:
    behaviour, reason = BAD[what]
    tls = server_context(make_certificate(NAME, authority), tmp_path)

    with Endpoint(behaviour, tls=tls, address=PUBLIC) as endpoint:
        result = client.post(url_of(endpoint, scheme="https"), b"{}", {})

    assert isinstance(result, Failed)
    assert (result.reason, result.elapsed_ms < LATE_MS) == (reason, True)


def test_what_is_sent_is_ours_and_nothing_a_caller_can_bend(client: EgressClient) -> None:
    bent = {"Host": "evil", "content-length": "999", "Transfer-Encoding": "chunked", "CONNECTION": "keep-alive"}
    with Endpoint(echoing, address=PUBLIC) as endpoint:
        result = client.post(url_of(endpoint), b'{"a":1}', {"Webhook-Id": "evt_1", **bent})

    assert isinstance(result, Answer)
    assert result.first_bytes == (
        b"POST / HTTP/1.1\r\nHost: hooks.example.com:%d\r\nContent-Length: 7\r\nAccept-Encoding: identity\r\n"
        b'Connection: close\r\nWebhook-Id: evt_1\r\n\r\n{"a":1}' % endpoint.port
    ).replace(b"\r\n\r\n", b"")


def test_many_threads_share_a_client_and_get_each_their_own_answer(
    client: EgressClient, authority: Certificate, tmp_path: Path
) -> None:
    tls = server_context(make_certificate(NAME, authority), tmp_path)
    bodies = [f"body {number};".encode() for number in range(200)]

    with Endpoint(echoing, tls=tls, address=PUBLIC) as endpoint, ThreadPoolExecutor(max_workers=16) as threads:
        url = url_of(endpoint, scheme="https")
        results = list(threads.map(lambda body: client.post(url, body, {}), bodies))

    echoed = [result.first_bytes for result in results if isinstance(result, Answer)]
    assert [body for body, echo in zip(bodies, echoed, strict=True) if not echo.endswith(body)] == []


def test_a_process_under_attack_stays_small_and_no_thread_of_it_hangs() -> None:
    told = {
        **{what: reason.value for what, (_, reason) in BAD.items()},
        **{what: str(a[1]) for what, a in ANSWERS.items()},
    }
    behaviours = {**{what: bad[0] for what, bad in BAD.items()}, **{what: good[0] for what, good in ANSWERS.items()}}
    times = 3

    with ExitStack() as stack:
        urls = [
            f"http://127.0.0.1:{stack.enter_context(Endpoint(behaviour)).port}/" for behaviour in behaviours.values()
        ]
        result = subprocess.run(
            [sys.executable, "-m", "tests.integration.shared.egress.sender"],
            input=json.dumps({"urls": urls, "times": times}),
            cwd=ROOT, capture_output=True, text=True, timeout=90, check=True,
        )  # fmt: skip

    seen = json.loads(result.stdout)
    assert seen["outcomes"] == {name: times * list(told.values()).count(name) for name in told.values()}
    assert seen["rss_mb"] < 256
    # 15 s, and what 100 threads on a busy machine may be late.
    assert seen["longest_ms"] < 25_000


@contextmanager
def full_server() -> Iterator[int]:
    """A port whose server has more connections waiting than it has places for: the next one is never taken."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((PUBLIC, 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
