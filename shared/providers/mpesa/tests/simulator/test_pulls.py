"""Pull Transactions: what customers paid in the last 48 hours."""

import pytest

from shared.provider_kit.simulator import SimulatedResponse
from shared.providers.mpesa.tests.simulator.played import BASE, PHONE, SHORTCODE, Played, read

REGISTER = {"ShortCode": SHORTCODE, "RequestType": "Pull", "NominatedNumber": PHONE, "CallBackURL": f"{BASE}/pull/x"}


def pull(played: Played, **changes: str) -> SimulatedResponse:
    period = {"StartDate": "2026-01-15 8:36:00", "EndDate": "2026-01-20 23:59:59"}
    return played.call("/pulltransactions/v1/query", {"ShortCode": SHORTCODE, **period, "OffSetValue": "0", **changes})


def test_a_shortcode_is_registered_once(played: Played) -> None:
    answers = [read(played.call("/pulltransactions/v1/register", REGISTER)) for _ in range(2)]

    assert [each["ResponseStatus"] for each in answers] == ["1000", "1001"]
    assert {each["ShortCode"] for each in answers} == {SHORTCODE}


def test_what_customers_paid_is_told_whatever_was_lost_of_it(played: Played) -> None:
    played.paid(10)
    played.push(813)
    played.pass_time(seconds=1)
    played.push(732)
    played.pass_time(seconds=1)
    by_hand = played.pay_by_hand(5_000, "INV-7")
    played.send(100)
    played.pass_time(seconds=1)

    told = read(pull(played))

    rows = told["Response"][0]
    assert (told["ResponseCode"], told["ResponseMessage"]) == ("1000", "Success")
    assert [(row["amount"], row["billreference"]) for row in rows] == [
        ("10.00", "0123456789AB"),
        ("813.00", "0123456789AB"),
        ("50.00", "INV-7"),
    ]
    assert rows[2] == {
        "transactionId": by_hand,
        "trxDate": "2026-01-15T10:00:03Z",
        "msisdn": int(PHONE),
        "sender": "MPESA",
        "transactiontype": "c2b-pay-bill-debit",
        "billreference": "INV-7",
        "amount": "50.00",
        "organizationname": "Daraja Simulator",
    }


def test_nothing_is_another_code(played: Played) -> None:
    told = read(pull(played))

    assert (told["ResponseCode"], told["Response"]) == ("1001", [[]])


def test_the_period_is_in_kenyan_time(played: Played) -> None:
    played.pay_by_hand()

    inside = read(pull(played, StartDate="2026-01-15 13:00:00", EndDate="2026-01-15 13:00:01"))
    outside = read(pull(played, StartDate="2026-01-15 10:00:00", EndDate="2026-01-15 10:00:01"))

    assert [inside["ResponseCode"], outside["ResponseCode"]] == ["1000", "1001"]


def test_what_is_older_than_48_hours_is_gone(played: Played) -> None:
    played.pay_by_hand()

    played.clock.pass_time(hours=48)
    still = read(pull(played, StartDate="2026-01-01 00:00:00"))
    played.clock.pass_time(seconds=1)
    gone = read(pull(played, StartDate="2026-01-01 00:00:00"))

    assert [still["ResponseCode"], gone["ResponseCode"]] == ["1000", "1001"]


def test_a_page_holds_a_hundred_and_the_offset_counts_rows(played: Played) -> None:
    receipts = {played.pay_by_hand() for _ in range(103)}

    pages = [read(pull(played, OffSetValue=str(offset)))["Response"][0] for offset in (0, 100, 103)]

    assert [len(page) for page in pages] == [100, 3, 0]
    assert {row["transactionId"] for page in pages for row in page} == receipts


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"StartDate": "2026-01-15T10:00:00Z"}, "StartDate"),
        ({"EndDate": ""}, "EndDate"),
        ({"OffSetValue": "-1"}, "OffSetValue"),
        ({"ShortCode": "600000"}, "ShortCode"),
    ],
)
def test_a_period_that_is_wrong_is_refused(played: Played, changes: dict[str, str], field: str) -> None:
    answer = pull(played, **changes)

    assert (answer.status, read(answer)["errorMessage"]) == (400, f"Bad Request - Invalid {field}")
