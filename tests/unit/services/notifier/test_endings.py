"""How connections end: with their session, with who does not read, and with the notifier itself."""

import asyncio
import select
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from services.notifier import server
from services.notifier.closing import SESSION_OVER, TOO_MANY_MESSAGES, Close
from services.notifier.replay import Opening, Position
from shared.domain.channel import Channel
from shared.domain.outcome import InDoubt, Pending
from tests.fakes.notifier import OF_USER, NotifierOnFakes, next_frame, of_payment
from tests.fakes.sockets import closed, code, counted, payment_at, ticket_for


def _ends_with(socket: ClientConnection, close: Close) -> None:
    code, reason = closed(socket)
    assert (code, reason["reason"]) == (close.code, close.reason)


def test_a_connection_ends_with_the_token_that_opened_it() -> None:
    with NotifierOnFakes() as notifier:
        token = notifier.token()
        notifier.clock.advance(15 * 60 - 0.3)
        with notifier.listening(OF_USER, token=token) as socket:
            _ends_with(socket, SESSION_OVER)


def test_a_connection_that_a_ticket_opened_ends_after_a_while() -> None:
    with NotifierOnFakes(ticket_session_seconds=1) as notifier:
        channel = of_payment(payment_at(notifier))
        with notifier.listening(channel, ticket_for(notifier, channel)) as socket:
            _ends_with(socket, SESSION_OVER)


def test_who_talks_too_much_is_sent_away() -> None:
    with NotifierOnFakes() as notifier, notifier.listening(OF_USER) as socket:
        for _ in range(20):
            socket.send("hello")
        assert next_frame(socket)["type"] == "feed.opened"
        # It is closed somewhere among these.
        with suppress(ConnectionClosed):
            for _ in range(40):
                socket.send("hello")
        _ends_with(socket, TOO_MANY_MESSAGES)


def test_what_a_client_sends_is_bounded() -> None:
    with NotifierOnFakes() as notifier, notifier.listening(OF_USER) as socket:
        socket.send("x" * 4097)
        assert code(socket) == 1009


def test_who_does_not_read_is_cut_off_and_others_go_on() -> None:
    closes = counted("gateway_websocket_closes_total", reason="too_slow")
    with NotifierOnFakes(write_seconds=0.3) as notifier:
        payment = payment_at(notifier, metadata={f"m{number}": "x" * 500 for number in range(50)})
        with notifier.listening(of_payment(payment), "?after=1") as reader:
            deaf = _deaf(notifier, f"{of_payment(payment).path}?after=1")
            sent = 0
            while counted("gateway_websocket_closes_total", reason="too_slow") == closes:
                notifier.apply(payment, InDoubt(reason="x"), Pending(reference="P1"))
                sent += 2
                assert [next_frame(reader)["sequence"], next_frame(reader)["sequence"]] == [sent, sent + 1]
                assert sent < 5000
            assert _is_reset(deaf)


def _history(notifier: NotifierOnFakes) -> Channel:
    """More than a socket takes that nobody reads."""
    payment = payment_at(notifier, metadata={f"m{number}": "x" * 500 for number in range(50)})
    for _ in range(20):
        notifier.apply(payment, InDoubt(reason="x"), Pending(reference="P1"))
    return of_payment(payment)


def test_who_does_not_read_is_cut_off_when_its_session_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CLOSE_SECONDS", 0.2)
    with NotifierOnFakes(write_seconds=60) as notifier:
        channel, token = _history(notifier), notifier.token()
        notifier.clock.advance(15 * 60 - 0.5)
        assert _is_reset(_deaf(notifier, f"{channel.path}?after=1", token))


def test_who_does_not_read_does_not_keep_a_notifier_from_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CLOSE_SECONDS", 0.2)
    with NotifierOnFakes(write_seconds=60) as notifier:
        deaf = _deaf(notifier, f"{_history(notifier).path}?after=1")
        time.sleep(0.5)
        notifier.do(notifier.server.stop())
        assert _is_reset(deaf)


def _is_reset(deaf: socket.socket) -> bool:
    """Whether the connection's end is heard without reading."""
    poll = select.poll()
    poll.register(deaf, 0)
    heard = poll.poll(10_000)
    deaf.close()
    return bool(heard)


def _deaf(notifier: NotifierOnFakes, path: str, token: str | None = None) -> socket.socket:
    """A client that has let in all that its kernel takes, and reads nothing."""
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", notifier.server.port))
    request = (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Authorization: Bearer {token or notifier.token()}\r\n\r\n"
    )
    deaf.sendall(request.encode())
    assert b" 101 " in deaf.recv(64)
    return deaf


def test_who_pings_and_does_not_read_the_answers_is_cut_off() -> None:
    closes = counted("gateway_websocket_closes_total", reason="too_slow")
    ping = bytes([0x89, 0x80 | 125, 0, 0, 0, 0]) + b"x" * 125
    with NotifierOnFakes() as notifier:
        deaf = _deaf(notifier, OF_USER.path)
        deaf.settimeout(15)
        with pytest.raises(ConnectionError):
            _pour(deaf, ping * 100)
        deaf.close()

    assert counted("gateway_websocket_closes_total", reason="too_slow") == closes + 1


def _pour(deaf: socket.socket, data: bytes) -> None:
    for _ in range(2000):
        deaf.sendall(data)


def test_who_is_let_in_just_as_the_notifier_stops_is_sent_away_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the notifier would wait until that session is over, and be killed instead."""
    arrived, go_on = threading.Event(), asyncio.Event()
    with NotifierOnFakes() as notifier, ThreadPoolExecutor(1) as pool:
        opens = notifier.replay.open

        async def open_late(channel: Channel, place: Position | None) -> Opening:
            opening = await opens(channel, place)
            arrived.set()
            await go_on.wait()
            return opening

        async def stop() -> None:
            go_on.set()
            await notifier.server.stop()

        monkeypatch.setattr(notifier.replay, "open", open_late)
        end = pool.submit(_end_of_a_visit, notifier)
        assert arrived.wait(10)
        notifier.do(stop())

        assert end.result(20) == 1012


def _end_of_a_visit(notifier: NotifierOnFakes) -> int:
    with notifier.listening(OF_USER) as socket:
        return closed(socket)[0]


def test_a_notifier_that_stops_asks_everybody_to_come_back_each_at_its_own_time() -> None:
    with NotifierOnFakes(reconnect_seconds=300) as notifier:
        sockets = [notifier.listening(OF_USER) for _ in range(5)]
        opened = [each.__enter__() for each in sockets]
        for each in opened:
            next_frame(each)
        notifier.do(notifier.server.stop())
        ends = [closed(each) for each in opened]

    assert {(code, reason["reason"]) for code, reason in ends} == {(1012, "restarting")}
    pauses = {reason["reconnect_ms"] for _, reason in ends}
    assert len(pauses) > 1
    assert all(0 <= pause <= 300_000 for pause in pauses)
