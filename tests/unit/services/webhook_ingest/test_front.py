"""What reaches the application is whole, small and says truly who sent it; what does not end is cut off."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from granian.rsgi import ProtocolClosed, Scope  # type: ignore[attr-defined] # as granian documents them

from services.webhook_ingest.front import Front
from services.webhook_ingest.gate import TOO_MANY_STRANGERS
from services.webhook_ingest.lanes import Lanes

LARGEST = 100
TURNED_AWAY = "198.51.100.66"


class Headers:
    def __init__(self, items: Sequence[tuple[str, str]]) -> None:
        self._items = list(items)

    def items(self) -> list[tuple[str, str]]:
        return self._items

    def get(self, key: str, default: Any = None) -> Any:
        return dict(self._items).get(key, default)

    def __contains__(self, key: str) -> bool:
        return key in dict(self._items)


@dataclass
class Asked:
    headers: Headers
    client: str = "192.0.2.1:4711"
    path: str = "/api/v1/webhooks/cpay/\u00e4"
    query_string: str = "a=1"
    method: str = "POST"
    http_version: str = "1.1"
    server: str = "127.0.0.1:8082"
    scheme: str = "http"


@dataclass
class Connection:
    """``body`` comes at once; ``None``: never; an exception: the sender has gone."""

    body: bytes | Exception | None = b"{}"
    is_read: bool = False
    answer: tuple[int, list[tuple[str, str]], bytes] | None = None

    async def __call__(self) -> bytes:
        self.is_read = True
        if self.body is None:
            await asyncio.sleep(60)
        if isinstance(self.body, Exception):
            raise self.body
        return self.body or b""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.answer = (status, headers, content)


@dataclass
class Application:
    """Remembers what it was asked."""

    status: str = "201 Created"
    asked: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        self.asked.append(environ)
        self.bodies.append(environ["wsgi.input"].read())
        start_response(self.status, [("X-A", "1")])
        return [b"one ", b"two"]


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def _asked(*headers: tuple[str, str], length: str | None = "2") -> Asked:
    return Asked(Headers([*headers, *([] if length is None else [("content-length", length)])]))


def _serve(
    application: Application, threads: Executor, asked: Asked, connection: Connection, *, proxies: int = 0
) -> None:
    front = Front(
        cast("Any", application),
        lambda _sender: threads,
        lambda _path, sender: TOO_MANY_STRANGERS if sender == TURNED_AWAY else None,
        max_body_bytes=LARGEST,
        trusted_proxies=proxies,
        body_seconds=0.05,
    )
    asyncio.run(front.__rsgi__(cast("Scope", asked), cast("Any", connection)))


def test_a_request_is_answered_as_the_application_says(application: Application, threads: Executor) -> None:
    connection = Connection()

    _serve(application, threads, _asked(("content-type", "application/json"), ("x-a", "1"), ("x-a", "2")), connection)

    assert connection.answer == (201, [("X-A", "1")], b"one two")
    (environ,), (body,) = application.asked, application.bodies
    assert body == b"{}"
    assert (environ["REQUEST_METHOD"], environ["QUERY_STRING"], environ["REMOTE_ADDR"]) == ("POST", "a=1", "192.0.2.1")
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/api/v1/webhooks/cpay/\u00e4"
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("application/json", "2")
    assert environ["HTTP_X_A"] == "1,2"


@pytest.mark.parametrize("length", [str(LARGEST + 1), "9" * 30, "0" * 12 + "9" * 9, "", "x", "-1", None])
def test_a_body_that_is_too_large_or_of_no_length_is_not_read(
    application: Application, threads: Executor, length: str | None
) -> None:
    connection = Connection()

    _serve(application, threads, _asked(length=length), connection)

    assert not connection.is_read
    assert application.bodies == [b""]


def test_a_chunked_body_is_not_read(application: Application, threads: Executor) -> None:
    connection = Connection()

    _serve(application, threads, _asked(("transfer-encoding", "chunked")), connection)

    assert not connection.is_read
    assert application.asked[0]["HTTP_TRANSFER_ENCODING"] == "chunked"


def test_a_body_that_does_not_end_is_cut_off(application: Application, threads: Executor) -> None:
    connection = Connection(body=None)

    _serve(application, threads, _asked(), connection)

    assert connection.answer is not None
    assert (connection.answer[0], b"body_too_slow" in connection.answer[2]) == (408, True)
    assert application.asked == []


def test_who_has_gone_gets_no_answer(application: Application, threads: Executor) -> None:
    connection = Connection(body=ProtocolClosed("gone"))

    _serve(application, threads, _asked(), connection)

    assert (connection.answer, application.asked) == (None, [])


@pytest.mark.parametrize(
    ("proxies", "told", "sender"),
    [
        (0, ["198.51.100.1"], "192.0.2.1"),
        (1, ["198.51.100.1"], "198.51.100.1"),
        (1, ["10.0.0.1, 198.51.100.1"], "198.51.100.1"),
        (2, ["10.0.0.1, 198.51.100.1", "203.0.113.1"], "198.51.100.1"),
        (2, ["198.51.100.1"], "192.0.2.1"),
        (1, [], "192.0.2.1"),
        (1, [""], "192.0.2.1"),
    ],
)
def test_only_our_own_proxies_say_who_sends(
    application: Application, threads: Executor, proxies: int, told: list[str], sender: str
) -> None:
    _serve(application, threads, _asked(*(("x-forwarded-for", each) for each in told)), Connection(), proxies=proxies)

    assert application.asked[0]["REMOTE_ADDR"] == sender


def test_a_header_with_an_underscore_passes_for_no_other(application: Application, threads: Executor) -> None:
    _serve(application, threads, _asked(("x_forwarded_for", "203.0.113.1"), ("content_length", "9")), Connection())

    environ = application.asked[0]
    assert "HTTP_X_FORWARDED_FOR" not in environ
    assert environ["CONTENT_LENGTH"] == "2"


@pytest.mark.parametrize("threads_in_all", [1, 2, 8])
def test_who_is_known_does_not_wait_behind_strangers(threads_in_all: int) -> None:
    lanes = Lanes(threads_in_all, lambda sender: sender == "known")

    assert lanes.of("known") is not lanes.of("a stranger")
    assert lanes.of("a stranger") is lanes.of("another")


def test_who_has_no_turn_is_turned_away_unread(application: Application, threads: Executor) -> None:
    asked = Asked(Headers([("content-length", "2")]), client=f"{TURNED_AWAY}:4711")
    connection = Connection()

    _serve(application, threads, asked, connection)

    assert connection.answer is not None
    status, headers, content = connection.answer
    assert (status, dict(headers)["Retry-After"], b"rate_limited" in content) == (429, "1", True)
    assert (connection.is_read, application.asked) == (False, [])


@pytest.mark.parametrize(("status", "is_closed"), [("200 OK", False), ("401 Unauthorized", True), ("503 Away", True)])
def test_who_is_refused_gives_its_connection_back(
    application: Application, threads: Executor, status: str, is_closed: bool
) -> None:
    application.status, connection = status, Connection()

    _serve(application, threads, _asked(), connection)

    assert connection.answer is not None
    assert (("Connection", "close") in connection.answer[1]) is is_closed


@pytest.mark.parametrize(
    ("asked", "body"),
    [(Asked(Headers([("content-length", "2")]), client=f"{TURNED_AWAY}:1"), b"{}"), (_asked(), None)],
    ids=["turned away", "too slow"],
)
def test_who_is_answered_unread_gives_its_connection_back_too(
    application: Application, threads: Executor, asked: Asked, body: bytes | None
) -> None:
    connection = Connection(body=body)

    _serve(application, threads, asked, connection)

    assert connection.answer is not None
    assert ("Connection", "close") in connection.answer[1]
