"""The ids of one request stay with it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from shared.runtime.correlation import (
    CORRELATION_ID,
    REQUEST_ID,
    accept_request_id,
    bind,
    correlation_headers,
    current_request_id,
    ids_of,
    logging_context,
)


@pytest.mark.parametrize("offered", ["a", "req-1", "A.b_c:d-9", "x" * 128])
def test_a_harmless_request_id_is_kept(offered: str) -> None:
    assert accept_request_id(offered) == offered


@pytest.mark.parametrize(
    "offered",
    [
        None,
        "",
        "x" * 129,
        "a b",
        "a\nb",
        "a\r\nX: y",
        "a\x00",
        "ä",
        "<script>",
        "a;b",
        '{"a":1}',
        "%0a",
        "a/b",
        "\u2028",
    ],
)
def test_an_unsafe_request_id_is_replaced_by_a_new_one(offered: str | None) -> None:
    accepted = accept_request_id(offered)

    assert accepted != offered
    assert UUID(accepted).version == 7


def test_no_two_requests_get_the_same_id() -> None:
    assert len({accept_request_id(None) for _ in range(100)}) == 100


def test_a_message_carries_on_the_ids_of_its_request() -> None:
    with logging_context(request_id="r1", correlation_id="c1"):
        assert correlation_headers() == {REQUEST_ID: "r1", CORRELATION_ID: "c1"}


def test_outside_of_a_request_there_are_no_ids() -> None:
    assert correlation_headers() == {}
    assert current_request_id() is None


def test_ids_that_become_known_on_the_way_join() -> None:
    with logging_context(request_id="r1"):
        bind(correlation_id="c1", transaction_id=None)

        assert correlation_headers() == {REQUEST_ID: "r1", CORRELATION_ID: "c1"}


def test_nothing_leaks_out_of_a_context_even_if_it_fails() -> None:
    def fail() -> None:
        with logging_context(request_id="r1"):
            bind(correlation_id="c1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert correlation_headers() == {}


def test_nothing_leaks_into_a_context_from_the_one_before_on_the_same_thread() -> None:
    bind(correlation_id="stale")

    with logging_context(request_id="r2"):
        assert correlation_headers() == {REQUEST_ID: "r2"}


def test_requests_on_different_threads_do_not_see_each_other() -> None:
    together = threading.Barrier(4)

    def serve(number: int) -> str | None:
        with logging_context(request_id=f"r{number}"):
            together.wait(5)
            return current_request_id()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(serve, range(4))) == ["r0", "r1", "r2", "r3"]


def test_the_ids_that_a_message_brought_are_read() -> None:
    assert ids_of({REQUEST_ID: "r1", CORRELATION_ID: "c1", "other": 7}) == {"request_id": "r1", "correlation_id": "c1"}


@pytest.mark.parametrize("value", [None, 7, b"r1", "a\nb", "x" * 200, ["r1"], ""])
def test_unsafe_ids_of_a_message_are_dropped(value: object) -> None:
    assert ids_of({REQUEST_ID: value, CORRELATION_ID: value}) == {"request_id": None, "correlation_id": None}
