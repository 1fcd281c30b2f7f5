"""How news of a push goes wrong: early, twice, never, late, out of order, misshapen, misleading."""

from pathlib import Path

import pytest

from shared.provider_kit.simulator import CallbackAnswer
from shared.providers.mpesa.tests.simulator.played import OURS, PHONE, STK_URL, Played, read


def test_a_callback_comes_after_the_delay_and_not_before(played: Played) -> None:
    played.push()

    played.pass_time(seconds=0.9)
    before = len(played.organisation.posts)
    played.pass_time(seconds=0.1)

    assert [before, len(played.organisation.posts)] == [0, 1]
    assert played.organisation.posts[0].url == STK_URL


@pytest.mark.parametrize("answer", [None, CallbackAnswer(status=500), CallbackAnswer(status=503)])
def test_a_callback_that_is_not_taken_is_lost(played: Played, answer: CallbackAnswer | None) -> None:
    played.organisation.answer = answer
    played.push()
    played.pass_time(seconds=1)

    played.pass_time(days=1)

    assert len(played.organisation.posts) == 1
    assert [each["state"] for each in played.control("GET", "deliveries")["deliveries"]] == ["given_up"]


def test_an_early_callback_is_sent_before_the_answer(played: Played) -> None:
    answer = played.push(814)

    assert played.organisation.posts[0].stk()["CheckoutRequestID"] == read(answer)["CheckoutRequestID"]
    played.pass_time(minutes=1)
    assert len(played.organisation.posts) == 1


@pytest.mark.parametrize(("amount", "copies"), [(811, 2), (812, 5), (813, 0)])
def test_a_callback_is_told_so_many_times(played: Played, amount: int, copies: int) -> None:
    checkout_id = read(played.push(amount))["CheckoutRequestID"]
    played.pass_time(minutes=10)

    assert len(played.organisation.posts) == copies
    assert len({post.body for post in played.organisation.posts}) == min(copies, 1)
    assert read(played.query(checkout_id))["ResultCode"] == "0"


def test_a_lost_callback_may_be_of_a_cancellation(played: Played) -> None:
    checkout_id = read(played.push(829))["CheckoutRequestID"]
    played.pass_time(minutes=10)

    assert played.organisation.posts == []
    assert read(played.query(checkout_id))["ResultCode"] == "1032"


def test_a_late_callback_comes_minutes_late(played: Played) -> None:
    played.push(815)

    played.pass_time(seconds=1)
    played.pass_time(seconds=179)
    before = len(played.organisation.posts)
    played.pass_time(seconds=2)

    assert [before, len(played.organisation.posts)] == [0, 1]


def test_a_callback_out_of_order_comes_after_the_next_ones(played: Played) -> None:
    played.push(816)
    played.pass_time(seconds=1)
    played.push(20)
    played.pass_time(seconds=1)
    played.pass_time(seconds=2)

    amounts = [post.items()["Amount"] for post in played.organisation.posts]

    assert amounts == [20.0, 816.0]


def test_a_balance_may_come_without_its_value(played: Played) -> None:
    played.push(817)
    played.pass_time(seconds=1)

    items = played.organisation.posts[0].stk()["CallbackMetadata"]["Item"]

    assert items[2] == {"Name": "Balance"}


def test_items_come_in_any_order(played: Played) -> None:
    played.push(823)
    played.pass_time(seconds=1)

    items = played.organisation.posts[0].stk()["CallbackMetadata"]["Item"]

    assert [item["Name"] for item in items] == ["PhoneNumber", "TransactionDate", "MpesaReceiptNumber", "Amount"]


def test_a_code_may_be_a_string(played: Played) -> None:
    played.push(818)
    played.push(708, PhoneNumber="254711000000", PartyA="254711000000")
    played.pass_time(seconds=1)

    assert {post.stk()["ResultCode"] for post in played.organisation.posts} == {"0", "E3008"}


@pytest.mark.parametrize(
    ("amount", "name", "told", "true"),
    [(819, "Amount", 820, 819), (822, "PhoneNumber", int(PHONE) - 9, int(PHONE))],
)
def test_a_callback_may_mislead(played: Played, amount: int, name: str, told: int, true: int) -> None:
    played.push(amount)
    played.pass_time(seconds=1)

    assert played.organisation.posts[0].items()[name] == told != true
    assert played.control("GET", "ledger")["payments"][0]["captured_minor"] == amount * 100


def test_a_callback_may_come_to_a_path_that_nobody_gave_out(played: Played) -> None:
    played.push(820)
    played.pass_time(seconds=1)

    post = played.organisation.posts[0]

    assert post.url != STK_URL
    assert post.url.startswith(STK_URL.rpartition("/")[0])


def test_a_callback_may_be_about_nothing_that_is_known(played: Played) -> None:
    answer = read(played.push(821))
    played.pass_time(seconds=1)

    told = played.organisation.posts[0].stk()

    assert told["CheckoutRequestID"] != answer["CheckoutRequestID"]
    assert told["MerchantRequestID"] != answer["MerchantRequestID"]


@pytest.mark.parametrize(("amount", "codes"), [(824, [1037, 0]), (825, [0, 1037])])
def test_two_callbacks_may_contradict_each_other_and_the_money_has_moved(
    played: Played, amount: int, codes: list[int]
) -> None:
    checkout_id = read(played.push(amount))["CheckoutRequestID"]
    played.pass_time(seconds=1)
    played.pass_time(seconds=1)

    assert [post.stk()["ResultCode"] for post in played.organisation.posts] == codes
    assert read(played.query(checkout_id))["ResultCode"] == "0"
    assert played.control("GET", "ledger")["by_reference"][OURS]["captured_minor"] == amount * 100


def test_a_query_may_call_a_paid_push_failed(played: Played) -> None:
    checkout_id = read(played.push(826))["CheckoutRequestID"]
    played.pass_time(seconds=1)

    assert played.organisation.posts[0].stk()["ResultCode"] == 0
    assert read(played.query(checkout_id))["ResultCode"] == "1037"


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("http://127.0.0.1:8001", "http://127.0.0.1:8001/api/v1/webhooks/mm/payment"),
        ("http://127.0.0.1:8001/", "http://127.0.0.1:8001/api/v1/webhooks/mm/payment"),
        ("http://127.0.0.1:8001/callbacks", "http://127.0.0.1:8001/callbacks/payment"),
    ],
)
def test_callbacks_may_be_led_elsewhere(tmp_path: Path, override: str, expected: str) -> None:
    played = Played(tmp_path, callback_url=override)
    played.push()
    played.pass_time(seconds=1)

    base, _, tail = expected.rpartition("/payment")
    assert played.organisation.posts[0].url == f"{base}/payment{tail}/{OURS}/5e0f"
    played.simulator.close()


def test_an_armed_telling_wins_over_the_scenario(played: Played) -> None:
    played.control("POST", "faults", {"rule": "callback_twice", "api": "stk"})
    played.push(732)
    played.pass_time(seconds=1)

    assert [post.stk()["ResultCode"] for post in played.organisation.posts] == [1032, 1032]
