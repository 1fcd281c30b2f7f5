"""What a handshake asks for: the channel, from where on, and by what right."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from websockets.datastructures import Headers
from websockets.http11 import Request

from services.notifier.replay import Position
from shared.domain.channel import Channel, ChannelKind
from shared.domain.errors import FieldError, NotFound, ValidationFailed
from shared.persistence.event_log import is_cursor

# A browser cannot set headers on a WebSocket: it offers this subprotocol and, as another, its token.
SUBPROTOCOL = "gateway.v1"
TOKEN_PREFIX = "token."  # noqa: S105 - what stands in front of one

_SEQUENCE = re.compile(r"[0-9]{1,9}", re.ASCII)
_EPOCH = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Asked:
    """``place`` is ``None`` for who begins with the state as it is now; ``ticket`` and ``token`` as they came."""

    channel: Channel
    place: Position | None
    ticket: str | None = field(repr=False)
    token: str | None = field(repr=False)


def asked_of(request: Request) -> Asked:
    """Raises ``NotFound`` for what is no channel's path, ``ValidationFailed`` naming what is wrong with the rest."""
    try:
        url = urlsplit(request.path)
    except ValueError:  # such as half an IPv6 address
        raise NotFound("there is nothing here") from None
    channel = _channel(url.path)
    query = {name: values[-1] for name, values in parse_qs(url.query).items()}
    place = _place(channel, query.get("after"), query.get("epoch"))
    return Asked(channel, place, query.get("ticket"), _token(request.headers))


def only(headers: Headers, name: str) -> str | None:
    """The header's value. Raises ``ValidationFailed`` where it stands twice: two parties could read it in two ways."""
    values = headers.get_all(name)
    if len(values) > 1:
        raise ValidationFailed("A header came twice.", FieldError(name, "send it once"))
    return values[0] if values else None


def _channel(path: str) -> Channel:
    parts = path.split("/")
    if len(parts) != 4 or parts[:2] != ["", "ws"] or parts[2] not in set(ChannelKind):
        raise NotFound("there is nothing here")
    try:
        return Channel(ChannelKind(parts[2]), UUID(parts[3]))
    except ValueError:
        raise NotFound("there is no such channel") from None


def _place(channel: Channel, after: str | None, epoch: str | None) -> Position | None:
    if epoch is not None and not _EPOCH.fullmatch(epoch):
        raise _wrong("epoch", "must be the epoch of a frame")
    if after is None:
        return None
    if channel.kind is ChannelKind.TRANSACTION:
        if not _SEQUENCE.fullmatch(after):
            raise _wrong("after", "must be the sequence of a frame: a whole number")
        return Position(sequence=int(after), epoch=epoch)
    if not is_cursor(after):
        raise _wrong("after", "must be the cursor of a frame")
    return Position(cursor=after, epoch=epoch)


def _wrong(name: str, what_is_right: str) -> ValidationFailed:
    return ValidationFailed("Some fields are not acceptable.", FieldError(name, what_is_right))


def _token(headers: Headers) -> str | None:
    scheme, _, token = (only(headers, "Authorization") or "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    offered = (each.removeprefix(TOKEN_PREFIX) for each in _subprotocols(headers) if each.startswith(TOKEN_PREFIX))
    return next(offered, None)


def _subprotocols(headers: Headers) -> Sequence[str]:
    return [each.strip() for line in headers.get_all("Sec-WebSocket-Protocol") for each in line.split(",")]
