"""The ids that tie one customer action together over HTTP, AMQP and logs."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from structlog import contextvars

from shared.runtime.identifiers import new_id

# Headers of messages; the HTTP header is Request-Id.
REQUEST_ID = "x-request-id"
CORRELATION_ID = "x-correlation-id"

# What a stranger may put into our logs and message headers.
_SAFE = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


def accept_request_id(offered: str | None) -> str:
    """The caller's request id if it is harmless, else a new one."""
    return offered if offered and _SAFE.fullmatch(offered) else str(new_id())


@contextmanager
def logging_context(**ids: object) -> Iterator[None]:
    """Every log line inside carries ``ids``; nothing leaks in from, or out to, another request on the same thread."""
    contextvars.clear_contextvars()
    contextvars.bind_contextvars(**{name: str(value) for name, value in ids.items() if value is not None})
    try:
        yield
    finally:
        contextvars.clear_contextvars()


def bind(**ids: object) -> None:
    """Add ids that became known on the way."""
    contextvars.bind_contextvars(**{name: str(value) for name, value in ids.items() if value is not None})


def current_request_id() -> str | None:
    return _current("request_id")


def correlation_headers() -> dict[str, str]:
    """What a message that leaves now carries on."""
    ids = {REQUEST_ID: _current("request_id"), CORRELATION_ID: _current("correlation_id")}
    return {name: value for name, value in ids.items() if value is not None}


def ids_of(headers: Mapping[str, object]) -> dict[str, str | None]:
    """The ids that a message brought."""
    return {"request_id": _text(headers.get(REQUEST_ID)), "correlation_id": _text(headers.get(CORRELATION_ID))}


def _current(name: str) -> str | None:
    return _text(contextvars.get_contextvars().get(name))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and _SAFE.fullmatch(value) else None
