"""The notifier as clients meet it: a real server and real sockets, over a database in memory."""

import json
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from prometheus_client import REGISTRY
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from services.notifier import server
from services.notifier.closing import SESSION_OVER, TOO_MANY_MESSAGES, Close
from shared.coordination.ws_tickets import TicketGrant
from shared.domain.channel import Channel
from shared.domain.outcome import InDoubt, Pending, Succeeded
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.runtime.identifiers import new_id
from tests.fakes.makers import MERCHANT, OTHER_MERCHANT, a_payment
from tests.fakes.notifier import OF_USER, Json, NotifierOnFakes, next_frame, of_payment

PAGE = ("Origin", "https://shop.example")


def _a_payment(notifier: NotifierOnFakes, **facts: Any) -> Transaction:
    payment = a_payment(status=TransactionStatus.PROCESSING, **facts)
    notifier.books.put(payment)
    return payment


def _ticket(notifier: NotifierOnFakes, channel: Channel) -> str:
    return f"?ticket={notifier.tickets.issue(TicketGrant(channel, MERCHANT))}"


def _refused(notifier: NotifierOnFakes, channel: Channel, query: str = "", **how: Any) -> tuple[int, Json]:
    """The status and the problem of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as refused, notifier.listening(channel, query, **how):
        raise AssertionError("let in")
    response = refused.value.response
    assert response.headers["Content-Type"] == "application/problem+json"
    problem: Json = json.loads(response.body or b"")
    assert problem["request_id"] == response.headers["Request-Id"]
    return response.status_code, problem


def _closed(socket: ClientConnection) -> tuple[int, Json]:
    """The code and the reason with which the server ends it."""
    code = _code(socket)
    return code, json.loads(socket.close_reason or "")


def _code(socket: ClientConnection) -> int:
    with suppress(ConnectionClosed):
        while True:
            socket.recv(timeout=15)
    code = socket.close_code
    assert code is not None
    return code


def _counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def _until(happened: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 15
    while not happened():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def test_a_late_listener_sees_the_payment_as_it_is_and_then_what_happens() -> None:
    with NotifierOnFakes() as notifier:
        payment = _a_payment(notifier)
        notifier.apply(payment, InDoubt(reason="x"))
        with notifier.listening(of_payment(payment)) as socket:
            snapshot = next_frame(socket)
            notifier.apply(payment, Succeeded(reference="P1"))
            event = next_frame(socket)

    assert (snapshot["type"], snapshot["sequence"], snapshot["data"]["status"]) == ("payment.snapshot", 2, "in_doubt")
    assert (event["type"], event["sequence"]) == ("payment.completed", 3)


def test_who_comes_back_gets_what_it_missed_and_then_what_happens() -> None:
    with NotifierOnFakes() as notifier:
        payment = _a_payment(notifier)
        notifier.apply(payment, InDoubt(reason="x"), Pending(reference="P1"))
        with notifier.listening(of_payment(payment), "?after=1") as socket:
            missed = [next_frame(socket), next_frame(socket)]
            notifier.apply(payment, Succeeded(reference="P1"))
            event = next_frame(socket)

    assert [each["sequence"] for each in [*missed, event]] == [2, 3, 4]
    assert missed[0]["epoch"] == event["epoch"]


def test_who_comes_from_another_log_is_told_and_begins_anew_on_the_same_connection() -> None:
    with NotifierOnFakes() as notifier:
        payment = _a_payment(notifier)
        with notifier.listening(of_payment(payment), "?after=9") as socket:
            frames = [next_frame(socket), next_frame(socket)]
            notifier.apply(payment, Succeeded(reference="P1"))
            frames.append(next_frame(socket))

    assert [each["type"] for each in frames] == ["resync_required", "payment.snapshot", "payment.completed"]


def test_a_users_feed_says_where_it_begins_and_goes_on_from_there() -> None:
    with NotifierOnFakes() as notifier:
        payment = _a_payment(notifier)
        with notifier.listening(OF_USER) as socket:
            opened = next_frame(socket)
        notifier.apply(payment, Succeeded(reference="P1"))
        with notifier.listening(OF_USER, f"?after={opened['cursor']}&epoch={opened['epoch']}") as socket:
            event = next_frame(socket)

    assert (opened["type"], event["type"]) == ("feed.opened", "payment.completed")


def test_another_merchants_payment_is_refused_exactly_like_one_that_does_not_exist() -> None:
    with NotifierOnFakes() as notifier:
        foreign = _refused(notifier, of_payment(_a_payment(notifier, merchant_id=OTHER_MERCHANT)))
        missing = _refused(notifier, of_payment(a_payment(id=new_id())))

    assert foreign[0] == missing[0] == 404
    assert [{**problem, "request_id": ""} for _, problem in (foreign,)] == [{**missing[1], "request_id": ""}]


def test_a_ticket_opens_one_connection() -> None:
    with NotifierOnFakes() as notifier:
        payment = _a_payment(notifier)
        ticket = _ticket(notifier, of_payment(payment))
        with notifier.listening(of_payment(payment), ticket) as socket:
            assert next_frame(socket)["type"] == "payment.snapshot"
        status, problem = _refused(notifier, of_payment(payment), ticket)

    assert (status, problem["code"]) == (401, "not_authenticated")
    assert "ticket" in problem["errors"][0]["detail"]


def test_a_ticket_is_never_logged(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with NotifierOnFakes() as notifier:
        channel = of_payment(_a_payment(notifier))
        ticket = _ticket(notifier, channel)
        with notifier.listening(channel, ticket):
            pass
        _refused(notifier, channel, ticket)
        _refused(notifier, OF_USER, f"{ticket}&after=x")

    printed = "".join(capfd.readouterr())
    ours = "".join(record.getMessage() for record in caplog.records if record.name != "websockets.client")
    assert "socket.refused" in printed + ours
    assert "gwt_" not in printed


def test_without_redis_a_ticket_is_answered_that_it_may_be_tried_again() -> None:
    with NotifierOnFakes() as notifier:
        channel = of_payment(_a_payment(notifier))
        ticket = _ticket(notifier, channel)
        notifier.tickets.is_away = True
        status, problem = _refused(notifier, channel, ticket)

    assert (status, problem["code"], problem["retryable"]) == (503, "unavailable", True)


def test_without_the_database_a_handshake_is_answered_that_it_may_be_tried_again() -> None:
    with NotifierOnFakes() as notifier:
        notifier.books.database.is_away = True
        status, problem = _refused(notifier, OF_USER)

    assert (status, problem["code"], problem["retryable"]) == (503, "unavailable", True)


@pytest.mark.parametrize("allowed", ["", "https://other.example", "http://shop.example"])
def test_a_page_whose_origin_is_not_listed_may_not_connect(allowed: str) -> None:
    with NotifierOnFakes(allowed_origins=allowed) as notifier:
        channel = of_payment(_a_payment(notifier))
        ticket = _ticket(notifier, channel)
        status, problem = _refused(notifier, channel, ticket, headers=[PAGE])
        with notifier.listening(channel, ticket):  # which was not used up
            pass

    assert (status, problem["code"]) == (403, "origin_not_allowed")


@pytest.mark.parametrize("allowed", ["https://shop.example,https://other.example", "*"])
def test_a_page_whose_origin_is_listed_may_connect(allowed: str) -> None:
    with NotifierOnFakes(allowed_origins=allowed) as notifier, notifier.listening(OF_USER, headers=[PAGE]) as socket:
        assert next_frame(socket)["type"] == "feed.opened"


def test_a_token_may_come_as_a_subprotocol_and_is_not_sent_back() -> None:
    with NotifierOnFakes() as notifier:
        offered = ["gateway.v1", f"token.{notifier.token()}"]
        with notifier.listening(OF_USER, offered=offered) as socket:
            assert socket.subprotocol == "gateway.v1"


@pytest.mark.parametrize(
    ("limit", "status"),
    [("max_connections", 503), ("max_connections_per_address", 429), ("max_connections_per_merchant", 429)],
)
def test_one_connection_too_many_is_refused_until_another_ends(limit: str, status: int) -> None:
    with NotifierOnFakes(**{limit: 1}) as notifier:
        with notifier.listening(OF_USER) as socket:
            next_frame(socket)
            refused = _refused(notifier, OF_USER)
        with notifier.listening(OF_USER) as socket:
            next_frame(socket)

    assert (refused[0], refused[1]["code"], refused[1]["retryable"]) == (status, "too_many_connections", True)


def test_a_merchants_limit_is_no_other_merchants() -> None:
    with NotifierOnFakes(max_connections_per_merchant=1) as notifier:
        payment = _a_payment(notifier, merchant_id=OTHER_MERCHANT)
        with (
            notifier.listening(OF_USER),
            notifier.listening(of_payment(payment), token=notifier.token(merchant_id=OTHER_MERCHANT)) as socket,
        ):
            assert next_frame(socket)["type"] == "payment.snapshot"


def test_the_address_is_the_one_that_our_proxy_tells() -> None:
    told, same, other = ([("X-Forwarded-For", each)] for each in ("9.9.9.9, 1.1.1.1", "8.8.8.8, 1.1.1.1", "2.2.2.2"))
    with (
        NotifierOnFakes(max_connections_per_address=1, trusted_proxies=1) as notifier,
        notifier.listening(OF_USER, headers=told),
    ):
        refused = _refused(notifier, OF_USER, headers=same)
        with notifier.listening(OF_USER, headers=other):
            pass

    assert refused[0] == 429


def test_who_says_nothing_cannot_keep_the_others_out_for_free() -> None:
    with NotifierOnFakes(max_handshakes=3) as notifier:
        silent = [socket.create_connection(("127.0.0.1", notifier.server.port)) for _ in range(4)]
        silent[-1].settimeout(10)
        answer = silent[-1].recv(4096).decode()
        for each in silent:
            each.close()
        _until(lambda: _may_listen(notifier))

    assert answer.startswith("HTTP/1.1 503 ")
    assert json.loads(answer.partition("\r\n\r\n")[2])["code"] == "too_many_connections"


def _may_listen(notifier: NotifierOnFakes) -> bool:
    try:
        with notifier.listening(OF_USER) as socket:
            return bool(next_frame(socket))
    except (InvalidStatus, OSError, EOFError):
        return False


def test_who_listens_is_no_stranger_any_more() -> None:
    with NotifierOnFakes(max_handshakes=1) as notifier, notifier.listening(OF_USER) as one:
        next_frame(one)
        with notifier.listening(OF_USER) as other:
            next_frame(other)


def _ends_with(socket: ClientConnection, close: Close) -> None:
    code, reason = _closed(socket)
    assert (code, reason["reason"]) == (close.code, close.reason)


def test_a_connection_ends_with_the_token_that_opened_it() -> None:
    with NotifierOnFakes() as notifier:
        token = notifier.token()
        notifier.clock.advance(15 * 60 - 0.3)
        with notifier.listening(OF_USER, token=token) as socket:
            _ends_with(socket, SESSION_OVER)


def test_a_connection_that_a_ticket_opened_ends_after_a_while() -> None:
    with NotifierOnFakes(ticket_session_seconds=1) as notifier:
        channel = of_payment(_a_payment(notifier))
        with notifier.listening(channel, _ticket(notifier, channel)) as socket:
            _ends_with(socket, SESSION_OVER)


def test_who_talks_too_much_is_sent_away() -> None:
    with NotifierOnFakes() as notifier, notifier.listening(OF_USER) as socket:
        for _ in range(20):
            socket.send("hello")
        assert next_frame(socket)["type"] == "feed.opened"
        socket.send("hello")
        socket.send("hello")
        _ends_with(socket, TOO_MANY_MESSAGES)


def test_what_a_client_sends_is_bounded() -> None:
    with NotifierOnFakes() as notifier, notifier.listening(OF_USER) as socket:
        socket.send("x" * 4097)
        assert _code(socket) == 1009


def test_who_does_not_read_is_cut_off_and_others_go_on() -> None:
    closes = _counted("gateway_websocket_closes_total", reason="too_slow")
    with NotifierOnFakes(write_seconds=0.3) as notifier:
        payment = _a_payment(notifier, metadata={f"m{number}": "x" * 500 for number in range(50)})
        with notifier.listening(of_payment(payment), "?after=1") as reader:
            deaf = _deaf(notifier, f"{of_payment(payment).path}?after=1")
            sent = 0
            while _counted("gateway_websocket_closes_total", reason="too_slow") == closes:
                notifier.apply(payment, InDoubt(reason="x"), Pending(reference="P1"))
                sent += 2
                assert [next_frame(reader)["sequence"], next_frame(reader)["sequence"]] == [sent, sent + 1]
                assert sent < 5000
            assert _is_reset(deaf)


def _history(notifier: NotifierOnFakes) -> Channel:
    """More than a socket takes that nobody reads."""
    payment = _a_payment(notifier, metadata={f"m{number}": "x" * 500 for number in range(50)})
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
    closes = _counted("gateway_websocket_closes_total", reason="too_slow")
    ping = bytes([0x89, 0x80 | 125, 0, 0, 0, 0]) + b"x" * 125
    with NotifierOnFakes() as notifier:
        deaf = _deaf(notifier, OF_USER.path)
        deaf.settimeout(15)
        with pytest.raises(ConnectionError):
            _pour(deaf, ping * 100)
        deaf.close()

    assert _counted("gateway_websocket_closes_total", reason="too_slow") == closes + 1


def _pour(deaf: socket.socket, data: bytes) -> None:
    for _ in range(2000):
        deaf.sendall(data)


def test_a_notifier_that_stops_asks_everybody_to_come_back_each_at_its_own_time() -> None:
    with NotifierOnFakes(reconnect_seconds=300) as notifier:
        sockets = [notifier.listening(OF_USER) for _ in range(5)]
        opened = [each.__enter__() for each in sockets]
        for each in opened:
            next_frame(each)
        notifier.do(notifier.server.stop())
        ends = [_closed(each) for each in opened]

    assert {(code, reason["reason"]) for code, reason in ends} == {(1012, "restarting")}
    pauses = {reason["reconnect_ms"] for _, reason in ends}
    assert len(pauses) > 1
    assert all(0 <= pause <= 300_000 for pause in pauses)


def test_a_listener_outlives_a_database_that_goes_away() -> None:
    with NotifierOnFakes() as notifier:
        payment = _a_payment(notifier)
        with notifier.listening(of_payment(payment)) as socket:
            next_frame(socket)
            notifier.books.database.is_away = True
            notifier.loop.call_soon_threadsafe(notifier.hub.ring_all)
            time.sleep(0.1)
            notifier.books.database.is_away = False
            notifier.apply(payment, Succeeded(reference="P1"))
            assert next_frame(socket)["type"] == "payment.completed"


def test_how_connections_begin_is_counted() -> None:
    before = {how: _counted("gateway_websocket_starts_total", how=how) for how in ("snapshot", "replay", "resync")}
    with NotifierOnFakes() as notifier:
        payment = _a_payment(notifier)
        notifier.apply(payment, InDoubt(reason="x"))
        for query in ("", "?after=1", "?after=9"):
            with notifier.listening(of_payment(payment), query) as socket:
                next_frame(socket)

    assert {how: _counted("gateway_websocket_starts_total", how=how) - was for how, was in before.items()} == {
        "snapshot": 1,
        "replay": 1,
        "resync": 1,
    }
