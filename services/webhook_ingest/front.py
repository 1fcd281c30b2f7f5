"""Takes a request off the network, in bounded time and size, and has the WSGI application answer it in a thread.

In granian's WSGI mode a body of any size is in memory before the application is asked, and one that never ends keeps
its connection for ever: 256 of those, and nobody else is heard. Here the application sees only what is whole and small.
"""

import asyncio
import io
import json
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from http import HTTPStatus
from wsgiref.types import WSGIApplication, WSGIEnvironment

from granian.rsgi import HTTPProtocol, ProtocolClosed, Scope  # type: ignore[attr-defined] # as granian documents them

from shared.runtime.problems import PROBLEM_JSON, Problem

BODY_SECONDS = 5.0

Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, bytes]


class Front:
    """``trusted_proxies``: how many proxies of ours set ``X-Forwarded-For``. ``lane_of``: the threads for a sender.

    ``refusal``: what a request to this path from this sender is answered unread, where it is refused.
    """

    def __init__(
        self,
        application: WSGIApplication,
        lane_of: Callable[[str], Executor],
        refusal: Callable[[str, str], Problem | None],
        *,
        max_body_bytes: int,
        trusted_proxies: int = 0,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._application, self._lane_of, self._refusal = application, lane_of, refusal
        self._max_body_bytes, self._trusted_proxies = max_body_bytes, trusted_proxies
        self._body_seconds = body_seconds

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        sender = _sender(scope, self._trusted_proxies)
        refusal = self._refusal(scope.path, sender)
        if refusal is not None:
            protocol.response_bytes(*_told(refusal))
            return
        try:
            async with asyncio.timeout(self._body_seconds):
                body = await protocol() if self._is_wanted(scope) else b""
        except ProtocolClosed:
            return
        except TimeoutError:
            protocol.response_bytes(*_told(_too_slow(self._body_seconds)))
            return
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._lane_of(sender), self._answer, _environ(scope, sender, body))
        protocol.response_bytes(*_closing(answer))

    def _is_wanted(self, scope: Scope) -> bool:
        """Whether the body is read at all: what is too large, or without a length, the application refuses unread."""
        length = scope.headers.get("content-length", "")
        is_chunked = "transfer-encoding" in scope.headers
        # int() takes only so many digits; zeros in front would hide the others from a look at the first ones.
        digits = length.lstrip("0")[:12] or "0"
        return not is_chunked and length.isdecimal() and int(digits) <= self._max_body_bytes

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        begun: list[tuple[int, Headers]] = []

        def start_response(status: str, headers: Headers, _exception: object = None) -> Callable[[bytes], object]:
            begun.append((int(status.partition(" ")[0]), headers))
            return lambda _content: None

        content: Iterable[bytes] = self._application(environ, start_response)
        status, headers = begun[-1]
        return status, headers, b"".join(content)


def _environ(scope: Scope, sender: str, body: bytes) -> WSGIEnvironment:
    """As PEP 3333 has it."""
    host, _, port = scope.server.rpartition(":")
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": sender,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        key = _key_of(name)
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def _key_of(name: str) -> str:
    # With an underscore it would pass for another header, such as X_Forwarded_For.
    plain = "UNREAD_" + name if "_" in name else name.upper().replace("-", "_")
    return plain if plain in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{plain}"


def _sender(scope: Scope, trusted_proxies: int) -> str:
    """Who sends it, as far as our own proxies can tell: each adds one address at the end."""
    told = [value for name, value in scope.headers.items() if name == "x-forwarded-for"]
    addresses = [each.strip() for each in ",".join(told).split(",")]
    if trusted_proxies and len(addresses) >= trusted_proxies and addresses[-trusted_proxies]:
        return addresses[-trusted_proxies]
    return scope.client.rpartition(":")[0].strip("[]")


def _too_slow(seconds: float) -> Problem:
    return Problem(
        status=HTTPStatus.REQUEST_TIMEOUT, code="body_too_slow", detail=f"Send the whole body within {seconds:g} s."
    )


def _told(problem: Problem) -> Answer:
    headers = [("Content-Type", PROBLEM_JSON), ("Cache-Control", "no-store")]
    if problem.retry_after_seconds is not None:
        headers.append(("Retry-After", str(problem.retry_after_seconds)))
    return _closing((problem.status, headers, json.dumps(problem.body(None)).encode()))


def _closing(answer: Answer) -> Answer:
    """Whoever is refused gives its connection back: granian takes so many, and those in use keep everybody else out."""
    status, headers, content = answer
    refused = status >= HTTPStatus.BAD_REQUEST
    return status, [*headers, ("Connection", "close")] if refused else headers, content
