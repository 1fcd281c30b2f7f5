"""B2C, reversal, status and balance: what is taken, what is carried out, and how the results come."""

from pathlib import Path

import pytest

from shared.providers.mpesa.tests.simulator.played import BASE, OURS, PASSWORD, PHONE, SHORTCODE, Played, read

REFUND = f"{OURS[:-1]}c"


def result_codes(played: Played) -> list[object]:
    return [post.result()["ResultCode"] for post in played.organisation.posts if "Result" in post.told()]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"OriginatorConversationID": ""}, "OriginatorConversationID"),
        ({"InitiatorName": ""}, "InitiatorName"),
        ({"SecurityCredential": ""}, "SecurityCredential"),
        ({"CommandID": "BusinessPayBill"}, "CommandID"),
        ({"Amount": "10.50"}, "Amount"),
        ({"PartyA": "600000"}, "PartyA"),
        ({"PartyB": "0708374149"}, "PartyB"),
        ({"Remarks": "x"}, "Remarks"),
        ({"Remarks": "x" * 101}, "Remarks"),
        ({"QueueTimeOutURL": "nowhere"}, "QueueTimeOutURL"),
        ({"ResultURL": "https://pay.example.test/mpesa"}, "ResultURL"),
        ({"Occassion": "x" * 101}, "Occassion"),
    ],
)
def test_a_field_of_a_payout_that_is_wrong_is_refused_by_its_name(
    played: Played, changes: dict[str, object], field: str
) -> None:
    answer = played.call("/mpesa/b2c/v3/paymentrequest", {**played.b2c_body(), **changes})

    assert (answer.status, read(answer)["errorMessage"]) == (400, f"Bad Request - Invalid {field}")


def test_reversals_and_questions_are_known_by_their_own_spellings(played: Played) -> None:
    right = played.reversal_body("SKC82PACB8", 10)
    spelt_well = {**right, "ReceiverIdentifierType": "11"}
    del spelt_well["RecieverIdentifierType"]
    with_spaces = {**played.status_body(), "Transaction ID": "SKC82PACB8"}

    refused = [
        played.call("/mpesa/reversal/v1/request", spelt_well),
        played.call("/mpesa/transactionstatus/v1/query", with_spaces),
    ]

    assert [read(answer)["errorMessage"] for answer in refused] == [
        "Bad Request - Invalid RecieverIdentifierType",
        "Bad Request - Invalid TransactionID",
    ]


def test_a_payout_is_told_and_moves_the_money_once(played: Played) -> None:
    played.send(100)
    again = played.send(100)
    played.pass_time(seconds=1)

    books = played.control("GET", "ledger")

    assert (again.status, read(again)["errorCode"]) == (500, "500.002.1001")
    assert len(played.organisation.posts) == 1
    assert books["accounts"] == {SHORTCODE: -10_000, PHONE: 10_000}
    truth = books["by_reference"][OURS]
    assert (truth["payouts"], truth["paid_out_minor"], truth["idempotency_keys"]) == (1, 10_000, [OURS])


def test_the_first_version_of_b2c_knows_no_repetition(played: Played) -> None:
    body = played.b2c_body()
    del body["OriginatorConversationID"]

    for _ in range(2):
        assert played.call("/mpesa/b2c/v1/paymentrequest", body).status == 200
    played.pass_time(seconds=1)

    truth = played.control("GET", "ledger")["by_reference"][OURS]
    assert (truth["payouts"], truth["paid_out_minor"], truth["idempotency_keys"]) == (2, 20_000, [])


@pytest.mark.parametrize(
    ("credential", "initiator"),
    [("wrong password", "testapi"), (PASSWORD, "somebody"), (None, "testapi")],
)
def test_a_wrong_credential_is_found_out_only_in_the_result(
    played: Played, credential: str | None, initiator: str
) -> None:
    sent = played.credential(credential) if credential else "not base64 !"

    answer = played.send(SecurityCredential=sent, InitiatorName=initiator)
    played.pass_time(seconds=1)

    assert (answer.status, read(answer)["ResponseCode"]) == (200, "0")
    assert result_codes(played) == [2001]
    assert played.control("GET", "ledger")["receipts"] == []


def test_a_credential_of_bytes_that_open_to_nothing_is_wrong(played: Played) -> None:
    body = played.b2c_body(SecurityCredential="A" * 342 + "==")

    assert played.call("/mpesa/b2c/v3/paymentrequest", body).status == 200
    played.pass_time(seconds=1)

    assert result_codes(played) == [2001]


@pytest.mark.parametrize(
    ("amount", "code"),
    [(9, 2), (10, 0), (250_000, 0), (250_001, 3), (701, 1), (704, 4), (715, 2040), (710, "SFC_IC0003"), (718, 7777)],
)
def test_a_payout_ends_by_its_amount(played: Played, amount: int, code: object) -> None:
    played.send(amount)
    played.pass_time(seconds=1)

    assert result_codes(played) == [code]
    assert ("ResultParameters" in played.organisation.posts[0].result()) is (code == 0)


def test_an_organisation_cannot_send_what_it_has_not(tmp_path: Path) -> None:
    played = Played(tmp_path, float_shillings="150")
    played.send(100)
    played.pass_time(seconds=1)
    played.send(100, key="second")
    played.pass_time(seconds=1)
    played.paid(60)
    played.send(100, key="third")
    played.pass_time(seconds=1)

    assert result_codes(played) == [0, 1, 0]
    played.simulator.close()


@pytest.mark.parametrize(
    ("amount", "posts", "ending"),
    [
        (811, 2, "/r"),
        (813, 0, "/r"),
        (827, 1, "/t"),
        (828, 1, "/t"),
    ],
)
def test_the_result_of_a_payout_goes_wrong_by_its_amount(played: Played, amount: int, posts: int, ending: str) -> None:
    played.send(amount)
    played.pass_time(seconds=1)

    assert [post.url[-2:] for post in played.organisation.posts] == [ending] * posts
    has_moved = played.control("GET", "ledger")["by_reference"][OURS]["paid_out_minor"]
    assert has_moved == (0 if amount == 827 else amount * 100)
    if ending == "/t":
        assert result_codes(played) == [26]


def test_a_late_result_comes_minutes_late(played: Played) -> None:
    played.send(815)
    played.pass_time(seconds=1)
    before = len(played.organisation.posts)
    played.pass_time(minutes=3)

    assert [before, len(played.organisation.posts)] == [0, 1]


def test_an_early_result_is_sent_before_the_answer(played: Played) -> None:
    answer = read(played.send(814))

    assert played.organisation.posts[0].result()["ConversationID"] == answer["ConversationID"]


def test_a_result_may_carry_another_originator_than_the_acknowledgement(played: Played) -> None:
    answer = read(played.send(830))
    played.pass_time(seconds=1)

    told = played.organisation.posts[0].result()

    assert answer["OriginatorConversationID"] == OURS != told["OriginatorConversationID"]
    assert told["ConversationID"] == answer["ConversationID"]


def test_a_reversal_gives_the_money_back_once(played: Played) -> None:
    receipt = played.paid(10)

    played.reverse(receipt)
    played.pass_time(seconds=1)
    played.reverse(receipt)
    played.pass_time(seconds=1)

    books = played.control("GET", "ledger")
    assert result_codes(played) == [0, "R000001"]
    assert books["accounts"] == {SHORTCODE: 0, PHONE: 0}
    assert books["refunds"][0]["phone"] == PHONE
    assert books["by_reference"][OURS]["refunded_minor"] == 1000
    assert (books["by_reference"][REFUND]["refunds"], books["by_reference"][REFUND]["refunded_minor"]) == (2, 1000)


@pytest.mark.parametrize(
    ("changes", "amount"),
    [({"TransactionID": "SKC82PACB8"}, 10), ({"ReceiverParty": "600000"}, 10), ({}, 11)],
)
def test_what_was_not_received_cannot_be_reversed(played: Played, changes: dict[str, object], amount: int) -> None:
    receipt = played.paid(10)

    played.reverse(receipt, amount, **changes)
    played.pass_time(seconds=1)

    assert result_codes(played) == ["R000002"]


def test_a_payout_cannot_be_reversed(played: Played) -> None:
    played.send(100)
    played.pass_time(seconds=1)
    receipt = played.organisation.posts[0].result()["TransactionID"]

    played.reverse(receipt, 100)
    played.pass_time(seconds=1)

    assert result_codes(played) == [0, "R000002"]


def test_an_empty_account_cannot_give_back(tmp_path: Path) -> None:
    played = Played(tmp_path, float_shillings="0")
    receipt = played.paid(60)
    played.send(50)
    played.pass_time(seconds=1)

    played.reverse(receipt, 60)
    played.pass_time(seconds=1)

    assert result_codes(played) == [0, 1]
    played.simulator.close()


@pytest.mark.parametrize(
    ("amount", "codes", "given_back"),
    [
        (761, ["R000001"], 0),
        (762, ["R000002"], 0),
        (763, [1], 0),
        (764, [2001], 0),
        (765, [], 761),
        (767, [0, 0], 767),
        (768, [26], 0),
        (769, [26], 769),
        (770, [7777], 0),
        (775, [8006], 0),
    ],
)
def test_the_reversal_of_a_payment_that_went_well_ends_by_its_amount(
    played: Played, amount: int, codes: list[object], given_back: int
) -> None:
    receipt = played.paid(amount)

    played.reverse(receipt, amount)
    played.pass_time(seconds=1)

    assert result_codes(played) == codes
    refunded = played.control("GET", "ledger")["by_reference"][OURS]["refunded_minor"]
    assert bool(refunded) is bool(given_back)


def test_a_payout_whose_address_says_refund_is_one_and_finds_its_payment(played: Played) -> None:
    played.paid(100)

    played.send(40, key=REFUND, ResultURL=f"{BASE}/refund/{REFUND}/r", Occassion="0123456789AB")
    played.pass_time(seconds=1)

    books = played.control("GET", "ledger")["by_reference"]
    assert (books[REFUND]["refunds"], books[REFUND]["payouts"], books[REFUND]["refunded_minor"]) == (1, 0, 4000)
    assert books[OURS]["refunded_minor"] == 4000


def test_a_status_has_one_key_twice_and_a_reason_without_a_value(played: Played) -> None:
    receipt = played.paid(10)
    played.ask_status(TransactionID=receipt, Occasion="")
    played.pass_time(seconds=1)
    post = played.organisation.posts[-1]

    told = post.parameters()

    assert [value for key, value in told if key == "DebitPartyName"] == [
        f"{PHONE} - TEST CUSTOMER",
        f"{SHORTCODE} - Daraja Simulator",
    ]
    listed = post.result()["ResultParameters"]["ResultParameter"]
    assert {"Key": "TransactionReason"} in listed
    assert post.result()["ReferenceData"] == {"ReferenceItem": {"Key": "Occasion"}}
    values = dict(told)
    assert (values["ReceiptNo"], values["Amount"], values["TransactionStatus"]) == (receipt, "10", "Completed")


@pytest.mark.parametrize(
    ("amount", "status"), [(100, "Completed"), (701, "Declined"), (749, "Initiated"), (827, "Expired")]
)
def test_a_payout_is_found_by_its_originator_whatever_became_of_it(played: Played, amount: int, status: str) -> None:
    ack = read(played.send(amount))
    played.pass_time(seconds=1)
    before = len(played.organisation.posts)

    for name in (OURS, ack["ConversationID"]):
        played.ask_status(OriginalConversationID=name)
        played.pass_time(seconds=1)

    told = [dict(post.parameters()) for post in played.organisation.posts[before:]]
    assert [each["TransactionStatus"] for each in told] == [status] * 2
    assert {each["OriginatorConversationID"] for each in told} == {OURS}
    assert {bool(each["ReceiptNo"]) for each in told} == {status == "Completed"}


def test_the_status_of_what_nobody_knows_is_an_error_in_the_result(played: Played) -> None:
    answer = played.ask_status(OriginalConversationID="never sent")
    played.pass_time(seconds=1)

    assert answer.status == 200
    assert result_codes(played) == ["R000002"]


def test_a_status_is_asked_for_with_the_right_credential_only(played: Played) -> None:
    played.ask_status(TransactionID=played.paid(), SecurityCredential=played.credential("wrong"))
    played.pass_time(seconds=1)

    assert result_codes(played) == [2001]


def test_the_balance_follows_the_money(tmp_path: Path) -> None:
    played = Played(tmp_path, float_shillings="1000")
    played.paid(250)
    played.call("/mpesa/accountbalance/v1/query", {**played.status_body(), "CommandID": "AccountBalance"})
    played.pass_time(seconds=1)

    told = dict(played.organisation.posts[-1].parameters())["AccountBalance"]

    assert "Utility Account|KES|1250.00|1250.00|0.00|0.00" in told.split("&")
    played.simulator.close()


def test_the_sending_shortcode_has_its_own_money(tmp_path: Path) -> None:
    played = Played(tmp_path, float_shillings="100", b2c_shortcode="600992")
    played.paid(50)
    played.send(100, PartyA="600992")
    played.pass_time(seconds=1)

    assert played.control("GET", "ledger")["accounts"] == {"174379": 5000, "600992": -10_000, PHONE: 5000}
    played.simulator.close()
