"""Answers that say nothing: whatever the provider, none of them is a yes or a no."""

from collections.abc import Callable, Mapping

import httpx2

Handler = Callable[[httpx2.Request], httpx2.Response]


def answering(status: int, body: bytes = b"") -> Handler:
    return lambda _request: httpx2.Response(status, content=body)


def failing(error: type[httpx2.TransportError]) -> Handler:
    def fail(request: httpx2.Request) -> httpx2.Response:
        raise error("no answer", request=request)

    return fail


UNCLEAR: Mapping[str, Handler] = {
    "500": answering(500),
    "502 in HTML": answering(502, b"<h1>Bad gateway</h1>"),
    "empty": answering(200),
    "HTML": answering(200, b"<!doctype html>It works!"),
    "another shape": answering(200, b"{}"),
    "cut off": answering(200, b'{"object": "li'),
    "timeout": failing(httpx2.ReadTimeout),
    "reset": failing(httpx2.RemoteProtocolError),
}
