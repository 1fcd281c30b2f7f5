"""The notifier as clients meet it: a real server and real sockets, over a database in memory."""

import json
import socket
import time
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from shared.domain.channel import Channel
from shared.domain.outcome import InDoubt, Pending, Succeeded
from shared.runtime.identifiers import new_id
from tests.fakes.makers import OTHER_MERCHANT, a_payment
from tests.fakes.notifier import OF_USER, Json, NotifierOnFakes, next_frame, of_payment
from tests.fakes.sockets import counted, payment_at, ticket_for, until

PAGE = ("Origin", "https://shop.example")


def _refused(notifier: NotifierOnFakes, channel: Channel, query: str = "", **how: Any) -> tuple[int, Json]:
    """The status and the problem of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as refused, notifier.listening(channel, query, **how):
        raise AssertionError("let in")
    response = refused.value.response
    assert response.headers["Content-Type"] == "application/problem+json"
    problem: Json = json.loads(response.body or b"")
    assert problem["request_id"] == response.headers["Request-Id"]
    return response.status_code, problem


def test_a_late_listener_sees_the_payment_as_it_is_and_then_what_happens() -> None:
    with NotifierOnFakes() as notifier:
        payment = payment_at(notifier)
        notifier.apply(payment, InDoubt(reason="x"))
        with notifier.listening(of_payment(payment)) as socket:
            snapshot = next_frame(socket)
            notifier.apply(payment, Succeeded(reference="P1"))
            event = next_frame(socket)

    assert (snapshot["type"], snapshot["sequence"], snapshot["data"]["status"]) == ("payment.snapshot", 2, "in_doubt")
    assert (event["type"], event["sequence"]) == ("payment.completed", 3)


def test_who_comes_back_gets_what_it_missed_and_then_what_happens() -> None:
    with NotifierOnFakes() as notifier:
        payment = payment_at(notifier)
        notifier.apply(payment, InDoubt(reason="x"), Pending(reference="P1"))
        with notifier.listening(of_payment(payment), "?after=1") as socket:
            missed = [next_frame(socket), next_frame(socket)]
            notifier.apply(payment, Succeeded(reference="P1"))
            event = next_frame(socket)

    assert [each["sequence"] for each in [*missed, event]] == [2, 3, 4]
    assert missed[0]["epoch"] == event["epoch"]


def test_who_comes_from_another_log_is_told_and_begins_anew_on_the_same_connection() -> None:
    with NotifierOnFakes() as notifier:
        payment = payment_at(notifier)
        with notifier.listening(of_payment(payment), "?after=9") as socket:
            frames = [next_frame(socket), next_frame(socket)]
            notifier.apply(payment, Succeeded(reference="P1"))
            frames.append(next_frame(socket))

    assert [each["type"] for each in frames] == ["resync_required", "payment.snapshot", "payment.completed"]


def test_a_users_feed_says_where_it_begins_and_goes_on_from_there() -> None:
    with NotifierOnFakes() as notifier:
        payment = payment_at(notifier)
        with notifier.listening(OF_USER) as socket:
            opened = next_frame(socket)
        notifier.apply(payment, Succeeded(reference="P1"))
        with notifier.listening(OF_USER, f"?after={opened['cursor']}&epoch={opened['epoch']}") as socket:
            event = next_frame(socket)

    assert (opened["type"], event["type"]) == ("feed.opened", "payment.completed")


def test_another_merchants_payment_is_refused_exactly_like_one_that_does_not_exist() -> None:
    with NotifierOnFakes() as notifier:
        foreign = _refused(notifier, of_payment(payment_at(notifier, merchant_id=OTHER_MERCHANT)))
        missing = _refused(notifier, of_payment(a_payment(id=new_id())))

    assert foreign[0] == missing[0] == 404
    assert [{**problem, "request_id": ""} for _, problem in (foreign,)] == [{**missing[1], "request_id": ""}]


def test_a_ticket_opens_one_connection() -> None:
    with NotifierOnFakes() as notifier:
        payment = payment_at(notifier)
        ticket = ticket_for(notifier, of_payment(payment))
        with notifier.listening(of_payment(payment), ticket) as socket:
            assert next_frame(socket)["type"] == "payment.snapshot"
        status, problem = _refused(notifier, of_payment(payment), ticket)

    assert (status, problem["code"]) == (401, "not_authenticated")
    assert "ticket" in problem["errors"][0]["detail"]


def test_a_ticket_is_never_logged(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with NotifierOnFakes() as notifier:
        channel = of_payment(payment_at(notifier))
        ticket = ticket_for(notifier, channel)
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
        channel = of_payment(payment_at(notifier))
        ticket = ticket_for(notifier, channel)
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
        channel = of_payment(payment_at(notifier))
        ticket = ticket_for(notifier, channel)
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
        payment = payment_at(notifier, merchant_id=OTHER_MERCHANT)
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
    with NotifierOnFakes(max_handshakes=3, trusted_proxies=1) as notifier:
        silent = [socket.create_connection(("127.0.0.1", notifier.server.port)) for _ in range(4)]
        silent[-1].settimeout(10)
        answer = silent[-1].recv(4096).decode()
        for each in silent:
            each.close()
        until(lambda: _may_listen(notifier))

    assert answer.startswith("HTTP/1.1 503 ")
    assert json.loads(answer.partition("\r\n\r\n")[2])["code"] == "too_many_connections"


def test_who_says_nothing_keeps_nobody_out_but_its_own_address() -> None:
    with NotifierOnFakes(max_handshakes=8) as notifier:
        silent = [_connection_from("127.0.0.2", notifier) for _ in range(3)]
        answer = silent[-1].recv(4096).decode()
        with notifier.listening(OF_USER) as elsewhere:
            next_frame(elsewhere)
        for each in silent:
            each.close()
        until(lambda: _is_heard("127.0.0.2", notifier))

    assert answer.startswith("HTTP/1.1 429 ")
    assert json.loads(answer.partition("\r\n\r\n")[2])["code"] == "too_many_connections"


def _connection_from(address: str, notifier: NotifierOnFakes) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", notifier.server.port), source_address=(address, 0))
    made.settimeout(10)
    return made


def _is_heard(address: str, notifier: NotifierOnFakes) -> bool:
    with _connection_from(address, notifier) as made:
        made.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        return not made.recv(4096).startswith(b"HTTP/1.1 429")


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


def test_a_listener_outlives_a_database_that_goes_away() -> None:
    with NotifierOnFakes() as notifier:
        payment = payment_at(notifier)
        with notifier.listening(of_payment(payment)) as socket:
            next_frame(socket)
            notifier.books.database.is_away = True
            notifier.loop.call_soon_threadsafe(notifier.hub.ring_all)
            time.sleep(0.1)
            notifier.books.database.is_away = False
            notifier.apply(payment, Succeeded(reference="P1"))
            assert next_frame(socket)["type"] == "payment.completed"


def test_how_connections_begin_is_counted() -> None:
    before = {how: counted("gateway_websocket_starts_total", how=how) for how in ("snapshot", "replay", "resync")}
    with NotifierOnFakes() as notifier:
        payment = payment_at(notifier)
        notifier.apply(payment, InDoubt(reason="x"))
        for query in ("", "?after=1", "?after=9"):
            with notifier.listening(of_payment(payment), query) as socket:
                next_frame(socket)

    assert {how: counted("gateway_websocket_starts_total", how=how) - was for how, was in before.items()} == {
        "snapshot": 1,
        "replay": 1,
        "resync": 1,
    }
