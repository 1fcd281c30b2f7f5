"""STK push: what is taken, what customers make of it, and that nothing about it is idempotent."""

from pathlib import Path

import pytest

from shared.providers.mpesa.simulator.scenarios import RESULTS, Customer
from shared.providers.mpesa.tests.simulator.played import BASE, OURS, PHONE, STK_URL, Played, read

LOCKED = "Unable to lock subscriber, a transaction is already in process for the current subscriber"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"BusinessShortCode": "12"}, "BusinessShortCode"),
        ({"Timestamp": "2021-06-28"}, "Timestamp"),
        ({"Timestamp": "20211332092408"}, "Timestamp"),
        ({"TransactionType": "PayMe"}, "TransactionType"),
        ({"Amount": 10.5}, "Amount"),
        ({"Amount": "10.50"}, "Amount"),
        ({"Amount": 10.0}, "Amount"),
        ({"Amount": 0}, "Amount"),
        ({"Amount": "-1"}, "Amount"),
        ({"Amount": True}, "Amount"),
        ({"Amount": None}, "Amount"),
        ({"PartyA": "0708374149"}, "PartyA"),
        ({"PhoneNumber": "+254708374149"}, "PhoneNumber"),
        ({"PhoneNumber": "254208374149"}, "PhoneNumber"),
        ({"PhoneNumber": "25470837414"}, "PhoneNumber"),
        ({"AccountReference": ""}, "AccountReference"),
        ({"TransactionDesc": ""}, "Remarks"),
        ({"TransactionDesc": None}, "Remarks"),
        ({"CallBackURL": ""}, "CallBackURL"),
        ({"CallBackURL": "your-url-here"}, "CallBackURL"),
        ({"CallBackURL": "ftp://pay.example.test/x"}, "CallBackURL"),
        ({"CallBackURL": "https://pay/x"}, "CallBackURL"),
        ({"CallBackURL": "https://pay.example.test:port/x y"}, "CallBackURL"),
        ({"CallBackURL": "https://abc.ngrok.io/x"}, "CallBackURL"),
    ],
)
def test_a_field_that_is_wrong_is_refused_by_its_name(played: Played, changes: dict[str, object], field: str) -> None:
    answer = played.push(**changes)

    assert (answer.status, read(answer)["errorCode"]) == (400, "400.002.02")
    assert read(answer)["errorMessage"] == f"Bad Request - Invalid {field}"


@pytest.mark.parametrize("word", ["mpesa", "M-PESA", "Safaricom", "exe", "exec", "CMD", "sql", "query"])
def test_an_address_with_a_forbidden_word_is_refused(played: Played, word: str) -> None:
    answer = played.push(CallBackURL=f"https://pay.example.test/{word}/x")

    assert read(answer)["errorMessage"] == "Bad Request - Invalid CallBackURL"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]:1/x", STK_URL])
def test_an_address_on_this_machine_is_taken_here(played: Played, url: str) -> None:
    assert played.push(CallBackURL=url).status == 200


def test_a_missing_description_is_called_remarks(played: Played) -> None:
    body = played.stk_body()
    del body["TransactionDesc"]

    answer = played.call("/mpesa/stkpush/v1/processrequest", body)

    assert read(answer)["errorMessage"] == "Bad Request - Invalid Remarks"


def test_a_stranger_is_no_merchant(played: Played) -> None:
    answer = played.push(BusinessShortCode="600000")

    assert (answer.status, read(answer)["errorCode"]) == (500, "500.001.1001")
    assert read(answer)["errorMessage"] == "Merchant does not exist"


@pytest.mark.parametrize(
    "scenario", [each for each in RESULTS if each.ends_as not in set(Customer)], ids=lambda each: each.name
)
def test_each_result_is_told_and_found_by_query(played: Played, scenario: object) -> None:
    ends_as, digits = scenario.ends_as, scenario.digits  # type: ignore[attr-defined]
    checkout_id = read(played.push(int(digits)))["CheckoutRequestID"]
    played.pass_time(seconds=1)

    told = played.organisation.posts[0].stk()
    queried = read(played.query(checkout_id))

    assert told["ResultCode"] == (int(ends_as) if ends_as.isdigit() else ends_as)
    assert queried["ResultCode"] == ends_as
    assert queried["ResultDesc"] == told["ResultDesc"]
    assert "CallbackMetadata" not in told


def test_the_last_digits_of_a_phone_choose_too(played: Played) -> None:
    played.push(10, PhoneNumber="254712999732", PartyA="254712999732")
    played.push(10, PhoneNumber="254712345732", PartyA="254712345732")
    played.pass_time(seconds=1)

    assert [post.stk()["ResultCode"] for post in played.organisation.posts] == [1032, 0]


@pytest.mark.parametrize("variant", ["500.001.1001", "4999"])
def test_a_live_prompt_is_queried_as_told_to(tmp_path: Path, variant: str) -> None:
    played = Played(tmp_path, pending_variant=variant)
    checkout_id = read(played.push(749))["CheckoutRequestID"]
    played.pass_time(minutes=10)

    answer = played.query(checkout_id)

    told = read(answer)
    if variant == "4999":
        assert (answer.status, told["ResultCode"]) == (200, "4999")
        assert told["ResultDesc"] == "The transaction is still under processing"
    else:
        assert (answer.status, told["errorCode"]) == (500, "500.001.1001")
    assert played.organisation.posts == []
    played.simulator.close()


def test_a_query_about_nothing_says_so(played: Played) -> None:
    answer = played.query("ws_CO_15012026130000708374149")

    assert (answer.status, read(answer)["errorCode"]) == (500, "500.001.1001")
    assert read(answer)["errorMessage"] == "The transaction does not exist"


def test_a_query_needs_the_right_password(played: Played) -> None:
    asked = {"BusinessShortCode": "174379", **played.password(), "CheckoutRequestID": "x", "Password": "bm8="}

    assert played.call("/mpesa/stkpushquery/v1/query", asked).status == 500


def test_a_second_push_while_one_is_live_is_refused_for_that_phone_only(played: Played) -> None:
    played.push(748)

    again = played.push(20)
    other = played.push(20, PhoneNumber="254711000000", PartyA="254711000000")

    assert (again.status, read(again)["errorCode"], read(again)["errorMessage"]) == (500, "500.001.1001", LOCKED)
    assert other.status == 200
    assert len(played.control("GET", "ledger")["payments"]) == 2


def test_a_prompt_that_nobody_answers_dies_and_sets_the_phone_free(played: Played) -> None:
    played.push(748)
    played.pass_time(seconds=60)

    assert played.organisation.posts[0].stk()["ResultCode"] == 1037
    assert played.push(20).status == 200


def test_the_same_amount_from_the_same_phone_within_two_minutes_is_refused_by_callback(played: Played) -> None:
    played.paid(10)

    played.push(10)
    played.push(10, PhoneNumber="254711000000", PartyA="254711000000")
    played.pass_time(seconds=2)
    played.push(20)
    played.pass_time(seconds=120)
    played.push(10)
    played.pass_time(seconds=1)

    codes = [post.stk()["ResultCode"] for post in played.organisation.posts]
    assert codes[0] == 0
    assert sorted(codes[1:3]) == [0, 17]
    assert codes[3:] == [0, 0]


def test_a_customer_who_cancelled_may_pay_the_same_at_once(played: Played) -> None:
    checkout_id = read(played.push(10))["CheckoutRequestID"]
    played.control("POST", f"payments/{checkout_id}/transition", {"action": "cancels"})
    played.settle()

    played.push(10)
    played.pass_time(seconds=1)

    assert [post.stk()["ResultCode"] for post in played.organisation.posts] == [1032, 0]


def test_the_time_scale_shortens_the_two_minutes(tmp_path: Path) -> None:
    played = Played(tmp_path, time_scale="1000")
    played.paid(10)
    played.push(10)
    played.pass_time(seconds=1)

    assert [post.stk()["ResultCode"] for post in played.organisation.posts] == [0, 0]
    played.simulator.close()


def test_nothing_is_idempotent(played: Played) -> None:
    first = read(played.push(10))
    played.clock.pass_time(minutes=3)
    second = read(played.push(10))
    played.pass_time(seconds=1)

    truth = played.control("GET", "ledger")["by_reference"][OURS]

    assert first["CheckoutRequestID"] != second["CheckoutRequestID"]
    assert (truth["payments"], truth["captured_minor"]) == (2, 2000)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Amount": 250_001}, 3),
        ({"PartyB": "600000"}, 2028),
        ({"AccountReference": "x" * 150}, 1025),
        ({"PartyB": "600000", "TransactionType": "CustomerBuyGoodsOnline"}, 0),
        ({"Amount": 250_000}, 0),
    ],
)
def test_the_rules_of_the_network_decide_after_the_acceptance(
    played: Played, changes: dict[str, object], code: int
) -> None:
    answer = played.push(**changes)
    played.pass_time(seconds=1)

    assert answer.status == 200
    assert played.organisation.posts[0].stk()["ResultCode"] == code


def test_a_paid_push_moves_the_money_once(played: Played) -> None:
    receipt = played.paid(10)

    books = played.control("GET", "ledger")

    assert books["accounts"] == {"174379": 1000, PHONE: -1000}
    assert [each["receipt"] for each in books["receipts"]] == [receipt]
    assert len(receipt) == 10
    assert receipt.isupper()


def test_our_id_is_read_from_any_address_that_has_one(played: Played) -> None:
    played.push(10, CallBackURL=f"http://127.0.0.1:9/anything/{OURS.upper()}")
    played.clock.pass_time(minutes=3)
    played.push(20, CallBackURL=f"{BASE}/no-id-in-it")

    references = [each["merchant_reference"] for each in played.control("GET", "ledger")["payments"]]

    assert references == [OURS, None]
