"""What a handshake asks for."""

from uuid import UUID

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request

from services.notifier.asking import Asked, asked_of
from services.notifier.replay import Position
from shared.domain.channel import Channel, ChannelKind
from shared.domain.errors import NotFound, ValidationFailed

ID = UUID("01900000-0000-7000-8000-000000000001")
PAYMENT, USER = Channel(ChannelKind.TRANSACTION, ID), Channel(ChannelKind.USER, ID)


def _asked(path: str, *headers: tuple[str, str]) -> Asked:
    given = Headers()
    for name, value in headers:
        given[name] = value
    return asked_of(Request(path, given))


@pytest.mark.parametrize(
    ("path", "channel", "place"),
    [
        (f"/ws/transaction/{ID}", PAYMENT, None),
        (f"/ws/user/{ID}", USER, None),
        (f"/ws/transaction/{ID}?after=", PAYMENT, None),
        (f"/ws/transaction/{ID}?after=0", PAYMENT, Position(sequence=0)),
        (f"/ws/transaction/{ID}?after=7", PAYMENT, Position(sequence=7)),
        (f"/ws/transaction/{ID}?after=1&after=2", PAYMENT, Position(sequence=2)),
        (f"/ws/transaction/{ID}?after=7&epoch=0123456789ab", PAYMENT, Position(sequence=7, epoch="0123456789ab")),
        (f"/ws/user/{ID}?after=1.{ID}&x=2", USER, Position(cursor=f"1.{ID}")),
    ],
)
def test_a_path_names_a_channel_and_a_place(path: str, channel: Channel, place: Position | None) -> None:
    assert _asked(path) == Asked(channel, place, None, None)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/ws",
        "/ws/transaction",
        "/ws/transaction/",
        "/ws/transaction/7",
        f"/ws/merchant/{ID}",
        f"/ws/transaction/{ID}/",
        f"/ws/transaction/{ID}/x",
        f"/x/ws/transaction/{ID}",
        f"ws/transaction/{ID}",
        f"/WS/transaction/{ID}",
        "/ws/transaction/%00",
        "/ws/transaction/../user",
        "//[",
        "http://[x/ws",
    ],
)
def test_there_is_nothing_elsewhere(path: str) -> None:
    with pytest.raises(NotFound):
        _asked(path)


@pytest.mark.parametrize("after", ["-1", "1.5", "x", "\u0661", "²", "9999999999", "0x1", " 1", "1_0", f"1.{ID}"])
def test_what_is_no_sequence_is_refused(after: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        _asked(f"/ws/transaction/{ID}?after={after}")

    assert [(each.pointer, "sequence" in each.detail) for each in refused.value.errors] == [("after", True)]


@pytest.mark.parametrize(
    "after",
    [
        *("7", "x", ".", f".{ID}", f"-1.{ID}", f"x.{ID}", "1.x", f"1.{ID}0", f"{'9' * 20}.{ID}"),
        *(f"1.{'x' * 36}", f"1.{'0' * 36}", f"1.{'-' * 36}", f"{2**64}.{ID}"),
    ],
)
def test_what_is_no_cursor_is_refused_before_it_is_used(after: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        _asked(f"/ws/user/{ID}?after={after}")

    assert [(each.pointer, "cursor" in each.detail) for each in refused.value.errors] == [("after", True)]


@pytest.mark.parametrize("epoch", ["x", "0123456789AB", "0123456789ab0", "0123456789a"])
def test_what_is_no_epoch_is_refused(epoch: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        _asked(f"/ws/transaction/{ID}?after=1&epoch={epoch}")

    assert [each.pointer for each in refused.value.errors] == ["epoch"]


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ([], None),
        ([("Authorization", "")], None),
        ([("Authorization", "Bearer")], None),
        ([("Authorization", "Bearer ")], None),
        ([("Authorization", "Basic eHg6eHg=")], None),
        ([("Authorization", "Bearer a.b.c")], "a.b.c"),
        ([("Authorization", "bearer  a.b.c ")], "a.b.c"),
        ([("Sec-WebSocket-Protocol", "gateway.v1")], None),
        ([("Sec-WebSocket-Protocol", "gateway.v1, token.a.b.c")], "a.b.c"),
        ([("Sec-WebSocket-Protocol", "token.a.b.c"), ("Sec-WebSocket-Protocol", "gateway.v1")], "a.b.c"),
        ([("Authorization", "Bearer one"), ("Sec-WebSocket-Protocol", "token.two")], "one"),
    ],
)
def test_a_token_comes_in_the_header_or_as_a_subprotocol(headers: list[tuple[str, str]], token: str | None) -> None:
    assert _asked(f"/ws/user/{ID}", *headers).token == token


def test_a_ticket_comes_in_the_address() -> None:
    assert _asked(f"/ws/user/{ID}?ticket=gwt_x-_y").ticket == "gwt_x-_y"


def test_a_header_that_comes_twice_is_refused() -> None:
    with pytest.raises(ValidationFailed) as refused:
        _asked(f"/ws/user/{ID}", ("Authorization", "Bearer a"), ("Authorization", "Bearer b"))

    assert [each.pointer for each in refused.value.errors] == ["Authorization"]


def test_what_was_brought_is_never_printed() -> None:
    asked = _asked(f"/ws/user/{ID}?ticket=gwt_secret", ("Authorization", "Bearer secret"))

    assert "secret" not in repr(asked)
