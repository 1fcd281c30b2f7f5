"""What is answered and posted has the keys and types that Safaricom's documentation shows."""

import base64
import json
from typing import Any

import pytest

from shared.providers.mpesa.tests.simulator.played import (
    BASE,
    FIXTURES,
    OURS,
    PHONE,
    SHORTCODE,
    Played,
    fixture,
    read,
    shape,
)


def parameters_by_key(result: dict[str, Any]) -> dict[str, object]:
    listed = result["Result"]["ResultParameters"]["ResultParameter"]
    return {each["Key"]: shape(each.get("Value")) for each in listed}


def envelope_of(result: dict[str, Any]) -> object:
    """A result without its parameters."""
    return shape({key: value for key, value in result["Result"].items() if key != "ResultParameters"})


def test_a_token_has_the_documented_shape_with_its_life_as_a_string(played: Played) -> None:
    answer = played.ask(
        "GET",
        "/oauth/v1/generate?grant_type=client_credentials",
        authorization="Basic " + base64.b64encode(b"key:secret").decode(),
    )

    told = read(answer)

    assert shape(told) == shape(fixture("oauth_response_string"))
    assert (len(told["access_token"]), told["expires_in"]) == (28, "3599")


def test_a_push_is_acknowledged_in_the_documented_shape_with_ids_in_the_new_format(played: Played) -> None:
    told = read(played.push())

    assert shape(told) == shape(fixture("stk_push_ack"))
    assert told["CheckoutRequestID"] == "ws_CO_1501202613000032708374149"
    assert len(told["CheckoutRequestID"]) <= 64
    assert [len(part) for part in told["MerchantRequestID"].split("-")] == [4, 4, 4, 19]


def test_the_documented_push_is_taken_as_it_stands(played: Played) -> None:
    """Safaricom's own sample, with its own password: nobody here has computed that."""
    asked = {**fixture("stk_push_request"), "CallBackURL": f"{BASE}/payment/{OURS}/5e0f"}

    answer = played.call("/mpesa/stkpush/v1/processrequest", asked)

    assert (answer.status, read(answer)["ResponseCode"]) == (200, "0")


@pytest.mark.parametrize("timestamp", ["20210628092408", "20160216165627"])
def test_the_published_passwords_are_right_and_others_are_not(played: Played, timestamp: str) -> None:
    vectors = json.loads((FIXTURES / "signature_vectors.json").read_text())["daraja_stk_password"]
    password = next(each["password"] for each in vectors if each["timestamp"] == timestamp)

    right = played.push(Timestamp=timestamp, Password=password)
    wrong = played.push(Timestamp=timestamp, Password=password[::-1])

    assert right.status == 200
    assert (wrong.status, read(wrong)["errorMessage"]) == (500, "[MerchantValidate] - Wrong credentials")


def test_a_paid_push_is_told_in_the_documented_shape(played: Played) -> None:
    played.paid(1)

    post = played.organisation.posts[0]

    assert shape(post.told()) == shape(fixture("stk_callback_success"))
    assert b'"Value":1.00}' in post.body
    assert dict(post.headers) == {"content-type": "application/json"}
    assert post.items()["TransactionDate"] == 20260115130001
    assert post.items()["PhoneNumber"] == int(PHONE)


def test_a_cancelled_push_is_told_in_the_documented_shape_without_metadata(played: Played) -> None:
    played.push(732)
    played.pass_time(seconds=1)

    told = played.organisation.posts[0].told()

    assert shape(told) == shape(fixture("stk_callback_cancelled_1032"))
    assert told["Body"]["stkCallback"]["ResultDesc"] == "Request cancelled by user"


def test_a_refused_push_has_the_documented_envelope(played: Played) -> None:
    answer = played.push(BusinessShortCode="not a number")

    assert shape(read(answer)) == shape(fixture("stk_push_error_400_002_02"))
    assert (answer.status, read(answer)["errorCode"]) == (400, "400.002.02")
    assert read(answer)["errorMessage"] == "Bad Request - Invalid BusinessShortCode"


def test_a_query_about_a_live_prompt_is_answered_as_once_reported(played: Played) -> None:
    checkout_id = read(played.push())["CheckoutRequestID"]

    answer = played.query(checkout_id)

    assert answer.status == 500
    assert read(answer) == {**fixture("stk_query_pending_http500"), "requestId": checkout_id}


def test_a_query_about_a_paid_push_has_the_documented_shape_and_no_receipt(played: Played) -> None:
    checkout_id = read(played.push())["CheckoutRequestID"]
    played.pass_time(seconds=1)
    receipt = played.organisation.posts[0].items()["MpesaReceiptNumber"]

    answer = played.query(checkout_id)

    assert shape(read(answer)) == shape(fixture("stk_query_success"))
    assert read(answer)["ResultCode"] == "0"
    assert receipt.encode() not in answer.body


def test_a_payout_is_acknowledged_and_told_in_the_documented_shapes(played: Played) -> None:
    answer = played.send()
    played.pass_time(seconds=1)
    told, sample = played.organisation.posts[0].told(), fixture("b2c_result_success")

    assert shape(read(answer)) == shape(fixture("b2c_ack"))
    assert read(answer)["OriginatorConversationID"] == OURS
    assert envelope_of(told) == envelope_of(sample)
    assert list(parameters_by_key(told)) == list(parameters_by_key(sample))
    assert parameters_by_key(told) == parameters_by_key(sample)


def test_a_repeated_payout_is_refused_in_the_documented_shape(played: Played) -> None:
    played.send()

    again = played.send()

    sample = fixture("b2c_duplicate_originator_error")
    assert again.status == 500
    assert shape(read(again)) == shape(sample)
    assert {key: read(again)[key] for key in ("errorCode", "errorMessage")} == {
        key: sample[key] for key in ("errorCode", "errorMessage")
    }


def test_a_reversal_is_acknowledged_and_told_in_the_documented_shapes(played: Played) -> None:
    receipt = played.paid()
    answer = played.reverse(receipt)
    played.pass_time(seconds=1)
    told, sample = played.organisation.posts[-1].told(), fixture("reversal_result_success")

    assert shape(read(answer)) == shape(fixture("reversal_ack"))
    assert envelope_of(told) == envelope_of(sample)
    assert parameters_by_key(told) == parameters_by_key(sample)


def test_a_reversal_without_a_receipt_is_refused_in_the_documented_shape(played: Played) -> None:
    answer = played.reverse("not-a-receipt")

    sample = fixture("reversal_error_400")
    assert answer.status == 400
    assert {**read(answer), "requestId": ""} == {**sample, "requestId": ""}


def test_a_status_query_is_acknowledged_in_the_documented_shape(played: Played) -> None:
    answer = played.ask_status(TransactionID=played.paid())

    assert shape(read(answer)) == shape(fixture("transaction_status_ack"))


def test_an_account_balance_is_told_in_the_documented_shape_with_codes_as_strings(played: Played) -> None:
    asked = {**played.status_body(), "CommandID": "AccountBalance"}
    played.call("/mpesa/accountbalance/v1/query", asked)
    played.pass_time(seconds=1)
    told, sample = played.organisation.posts[0].told(), fixture("account_balance_result")

    assert envelope_of(told) == envelope_of(sample)
    assert parameters_by_key(told) == parameters_by_key(sample)
    lines = dict(played.organisation.posts[0].parameters())["AccountBalance"].split("&")
    names = [line.split("|")[0] for line in lines]
    assert names == [
        line.split("|")[0] for line in sample["Result"]["ResultParameters"]["ResultParameter"][0]["Value"].split("&")
    ]
    assert lines[2] == "Utility Account|KES|10000000.00|10000000.00|0.00|0.00"


def test_registered_addresses_are_acknowledged_with_the_documented_misspelling(played: Played) -> None:
    assert shape(read(played.register())) == shape(fixture("c2b_register_ack"))


def test_a_registration_for_pulling_is_acknowledged_in_the_documented_shape(played: Played) -> None:
    asked = {"ShortCode": SHORTCODE, "RequestType": "Pull", "NominatedNumber": PHONE, "CallBackURL": f"{BASE}/pull/x"}

    answer = played.call("/pulltransactions/v1/register", asked)

    assert shape(read(answer)) == shape(fixture("pull_register_ack"))
    assert read(answer)["ResponseStatus"] == "1000"
