"""C2B: where the news of customers' own payments is registered, its validation, and its confirmation."""

import hashlib
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.provider_kit.simulator import CallbackAnswer
from shared.providers.mpesa.tests.simulator.played import BASE, PHONE, SHORTCODE, Played, read

KEYS = {
    *("TransactionType", "TransID", "TransTime", "TransAmount", "BusinessShortCode", "BillRefNumber"),
    *("InvoiceNumber", "OrgAccountBalance", "ThirdPartyTransID", "MSISDN", "FirstName", "MiddleName", "LastName"),
}


def accepting(body: bytes) -> CallbackAnswer:
    return CallbackAnswer(status=200, body=body)


ACCEPTED = b'{"ResultCode":"0","ResultDesc":"Accepted"}'
REJECTED = b'{"ResultCode":"C2B00012","ResultDesc":"Rejected"}'


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ResponseType": "completed"}, "ResponseType"),
        ({"ConfirmationURL": f"{BASE}/mpesa"}, "ConfirmationURL"),
        ({"ValidationURL": "x"}, "ValidationURL"),
        ({"ShortCode": "600000"}, "ShortCode"),
    ],
)
def test_a_registration_that_is_wrong_is_refused(played: Played, changes: Mapping[str, str], field: str) -> None:
    answer = played.register(2, **changes)

    assert (answer.status, read(answer)["errorCode"]) == (400, "400.003.02")
    assert read(answer)["errorMessage"] == f"Bad Request - Invalid {field}"


def test_addresses_are_registered_once(played: Played) -> None:
    played.register()

    again = played.register()

    assert (again.status, read(again)["errorCode"]) == (500, "500.003.1001")
    assert read(again)["errorMessage"] == "Urls are already registered."


def test_a_sandbox_lets_addresses_be_replaced(tmp_path: Path) -> None:
    played = Played(tmp_path, registers_urls_once="0")
    played.register()
    played.register(ConfirmationURL=f"{BASE}/confirmation/k2/new")
    played.pay_by_hand()
    played.settle()

    assert len(played.organisation.at("/new")) == 1
    played.simulator.close()


def test_a_payment_by_hand_is_asked_about_and_then_told(played: Played) -> None:
    played.register()
    played.organisation.answers["validate"] = lambda: accepting(
        b'{"ResultCode":"0","ResultDesc":"Accepted","ThirdPartyTransID":"ours-7"}'
    )

    receipt = played.pay_by_hand(50_000, "INV-7")
    played.settle()

    asked, told = (post.told() for post in played.organisation.posts)
    assert set(asked) == set(told) == KEYS
    assert all(isinstance(value, str) for value in (*asked.values(), *told.values()))
    assert (asked["OrgAccountBalance"], asked["ThirdPartyTransID"]) == ("", "")
    assert (told["OrgAccountBalance"], told["ThirdPartyTransID"]) == ("10000500.00", "ours-7")
    assert (told["TransID"], told["TransAmount"], told["BillRefNumber"]) == (receipt, "500.00", "INV-7")
    assert (told["TransactionType"], told["BusinessShortCode"]) == ("Pay Bill", SHORTCODE)
    assert told["TransTime"] == "20260115130000"


@pytest.mark.parametrize(
    ("version", "expected"), [(1, hashlib.sha256(PHONE.encode()).hexdigest()), (2, "2547 ***** 149")]
)
def test_each_version_hides_the_payer_in_its_own_way(played: Played, version: int, expected: str) -> None:
    played.register(version)
    played.pay_by_hand()
    played.settle()

    assert {post.told()["MSISDN"] for post in played.organisation.posts} == {expected}


def test_a_payment_without_an_account_is_for_goods(played: Played) -> None:
    played.register()
    played.pay_by_hand(account="")
    played.settle()

    assert played.organisation.posts[0].told()["TransactionType"] == "Buy Goods"


SILENT = [
    None,
    CallbackAnswer(status=503),
    CallbackAnswer(status=200, body=b""),
    CallbackAnswer(status=200, body=b"<html>"),
    CallbackAnswer(status=200, body=b"[]"),
    CallbackAnswer(status=200, body=b"{}"),
    CallbackAnswer(status=500, body=ACCEPTED),
]


@pytest.mark.parametrize(
    ("response_type", "answer", "is_taken"),
    [
        ("Completed", accepting(ACCEPTED), True),
        ("Cancelled", accepting(ACCEPTED), True),
        ("Cancelled", accepting(b'{"ResultCode":0}'), True),
        ("Completed", accepting(REJECTED), False),
        ("Cancelled", accepting(REJECTED), False),
        *(("Completed", silence, True) for silence in SILENT),
        *(("Cancelled", silence, False) for silence in SILENT),
    ],
)
def test_the_answer_decides_and_in_silence_the_registration(
    played: Played, response_type: str, answer: CallbackAnswer | None, *, is_taken: bool
) -> None:
    played.register(ResponseType=response_type)
    played.organisation.answers["validate"] = lambda: answer
    played.pay_by_hand()
    played.settle()

    books = played.control("GET", "ledger")

    assert len(played.organisation.at("/confirm")) == int(is_taken)
    assert books["till_payments"][0]["status"] == ("completed" if is_taken else "declined")
    assert bool(books["receipts"]) is is_taken


def test_a_reason_for_a_rejection_is_kept(played: Played) -> None:
    played.register()
    played.organisation.answers["validate"] = lambda: accepting(REJECTED)
    played.pay_by_hand()
    played.settle()

    assert played.control("GET", "ledger")["till_payments"][0]["reason"] == "C2B00012"


def test_an_answer_after_the_limit_is_silence(tmp_path: Path) -> None:
    played = Played(tmp_path, validation_seconds="0.05")
    released = threading.Event()

    def late() -> CallbackAnswer:
        released.wait(5)
        return accepting(REJECTED)

    played.organisation.answers["validate"] = late
    played.register(ResponseType="Completed")
    played.pay_by_hand()
    played.simulator.tick()
    while played.control("GET", "ledger")["till_payments"][0]["status"] == "validating":
        released.wait(0.01)
    released.set()
    played.settle()

    assert played.control("GET", "ledger")["till_payments"][0]["reason"] == "no answer in time"
    assert len(played.organisation.at("/confirm")) == 1
    played.simulator.close()


def test_a_till_that_is_not_registered_takes_money_and_tells_nobody(played: Played) -> None:
    played.pay_by_hand()
    played.settle()

    assert played.organisation.posts == []
    assert played.control("GET", "ledger")["accounts"] == {SHORTCODE: 50_000, PHONE: -50_000}


@pytest.mark.parametrize(("amount_minor", "copies"), [(81_100, 2), (81_300, 0), (81_900, 1)])
def test_a_confirmation_goes_wrong_by_its_amount(played: Played, amount_minor: int, copies: int) -> None:
    played.register()
    played.pay_by_hand(amount_minor)
    played.settle()

    told = played.organisation.at("/confirm")

    assert len(told) == copies
    assert {post.told()["TransAmount"] for post in told} <= {"811.00", "820.00"}


def test_a_paid_push_is_confirmed_as_a_payment_by_hand_with_the_same_receipt(played: Played) -> None:
    played.register()
    receipt = played.paid(10)

    told = played.organisation.at("/confirm")[0].told()

    assert (told["TransID"], told["BillRefNumber"], told["TransAmount"]) == (receipt, "0123456789AB", "10.00")
    assert played.organisation.at("/validate") == []
    assert played.control("GET", "ledger")["accounts"] == {SHORTCODE: 1000, PHONE: -1000}


@pytest.mark.parametrize(("setting", "amount"), [("0", 10), ("1", 813), ("1", 732)])
def test_a_push_is_not_confirmed_when_told_not_to_or_lost_or_unpaid(tmp_path: Path, setting: str, amount: int) -> None:
    played = Played(tmp_path, confirms_stk_payments=setting)
    played.register()
    played.push(amount)
    played.pass_time(seconds=1)

    assert played.organisation.at("/confirm") == []
    played.simulator.close()


def test_a_sandbox_payment_can_be_simulated(played: Played) -> None:
    played.register()
    asked = {"ShortCode": SHORTCODE, "CommandID": "CustomerPayBillOnline", "Amount": "5", "Msisdn": PHONE}

    answer = played.call("/mpesa/c2b/v2/simulate", {**asked, "BillRefNumber": "A-1"})
    goods = played.call(
        "/mpesa/c2b/v2/simulate", {**asked, "CommandID": "CustomerBuyGoodsOnline", "BillRefNumber": None}
    )
    played.settle()

    assert (answer.status, goods.status, read(answer)["ResponseCode"]) == (200, 200, "0")
    told = {post.told()["BillRefNumber"]: post.told() for post in played.organisation.at("/confirm")}
    assert told["A-1"]["TransAmount"] == "5.00"
    assert told[""]["TransactionType"] == "Buy Goods"


@pytest.mark.parametrize("changes", [{"Amount": "5.5"}, {"Msisdn": "07"}, {"BillRefNumber": "x" * 21}])
def test_a_simulation_that_is_wrong_is_refused(played: Played, changes: dict[str, str]) -> None:
    asked = {"ShortCode": SHORTCODE, "CommandID": "CustomerPayBillOnline", "Amount": "5", "Msisdn": PHONE}

    assert played.call("/mpesa/c2b/v2/simulate", {**asked, **changes}).status == 400
