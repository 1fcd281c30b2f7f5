"""A CPay that breaks its promises when it is told to: it forgets what it was asked, and is slow to show it."""

import pytest

from shared.providers.cpay.tests.played import Played, read


def set_mode(played: Played, **mode: object) -> int:
    return played.ask("POST", "/_admin/mode", mode).status


def test_a_cpay_that_forgets_takes_the_money_of_a_repeated_request_again(played: Played) -> None:
    set_mode(played, honours_idempotency=False, unique_references=False)

    first, second = played.pay(), played.pay()
    played.pass_time(seconds=1)

    assert [first.status, second.status] == [201, 201]
    assert read(first).id != read(second).id
    truth = read(played.ask("GET", "/_admin/truth"))
    assert truth.member("references_with_several") == {"payment": ["ours"], "capture": [], "refund": [], "payout": []}
    assert truth.member("currencies")["KES"]["captured_minor"] == 200_000
    assert len(read(played.ask("GET", "/v1/payments?merchant_reference=ours")).listed()) == 2


def test_a_cpay_that_only_forgets_keys_still_refuses_a_reference_twice(played: Played) -> None:
    set_mode(played, honours_idempotency=False)

    assert [played.pay().status, read(played.pay()).code()] == [201, "duplicate_reference"]


def test_a_cpay_that_only_forgets_references_still_honours_keys(played: Played) -> None:
    set_mode(played, unique_references=False)

    first, again, other = played.pay(), played.pay(), played.pay(key="k2")

    assert read(first).id == read(again).id
    assert read(other).id not in {"", read(first).id}


def test_a_cpay_that_forgets_gives_a_refund_again(played: Played) -> None:
    payment_id = played.paid()
    set_mode(played, honours_idempotency=False, unique_references=False)
    body = {"amount": 100, "merchant_reference": "refund-1"}

    for _ in range(2):
        played.ask("POST", f"/v1/payments/{payment_id}/refunds", body, key="r")

    assert read(played.ask("GET", "/_admin/truth")).member("references_with_several")["refund"] == ["refund-1"]


def test_slow_books_show_a_payment_only_later_and_by_then_as_it_is(played: Played) -> None:
    set_mode(played, query_lag_ms=5000)
    payment_id = read(played.pay()).id
    by_reference = "/v1/payments?merchant_reference=ours"

    played.pass_time(milliseconds=4999)
    early = played.ask("GET", f"/v1/payments/{payment_id}"), read(played.ask("GET", by_reference)).listed()
    played.pass_time(milliseconds=1)

    assert (early[0].status, early[1]) == (404, [])
    assert read(played.ask("GET", f"/v1/payments/{payment_id}")).status == "succeeded"
    assert len(read(played.ask("GET", by_reference)).listed()) == 1


def test_slow_books_show_a_refund_only_later(played: Played) -> None:
    payment_id = played.paid()
    path = f"/v1/payments/{payment_id}/refunds"
    played.pass_time(seconds=9)
    set_mode(played, query_lag_ms=5000)
    refund_id = read(played.ask("POST", path, {}, key="r")).id

    played.pass_time(seconds=4)

    assert read(played.ask("GET", path)).listed() == []
    assert played.ask("GET", f"/v1/refunds/{refund_id}").status == 404
    played.pass_time(seconds=1)
    assert played.ask("GET", f"/v1/refunds/{refund_id}").status == 200


def test_a_mode_survives_a_restart_and_ends_with_a_reset_or_when_it_is_told_to(played: Played) -> None:
    promised = b'{"honours_idempotency":true,"unique_references":true,"query_lag_ms":0}'
    set_mode(played, honours_idempotency=False)
    played.restart()

    kept = played.ask("GET", "/_admin/mode").body
    played.ask("POST", "/_admin/reset")
    after_reset = played.ask("GET", "/_admin/mode").body
    set_mode(played, query_lag_ms=10)
    set_mode(played)

    assert kept == b'{"honours_idempotency":false,"unique_references":true,"query_lag_ms":0}'
    assert after_reset == promised
    assert played.ask("GET", "/_admin/mode").body == promised


@pytest.mark.parametrize(
    "mode",
    [{"query_lag_ms": 5001}, {"query_lag_ms": -1}, {"honours_idempotency": "no"}, {"forgets": True}],
    ids=repr,
)
def test_a_mode_that_there_is_not_is_refused(played: Played, mode: dict[str, object]) -> None:
    assert set_mode(played, **mode) == 400
