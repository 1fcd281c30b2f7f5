"""Refunds and payouts: which way each goes, and what their acknowledgements say."""

import base64
from dataclasses import replace

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from shared.domain.customer import Customer
from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.outcome import Declined, InDoubt, NotSent, Outcome, Pending
from shared.providers.mpesa.answers import ASKED
from shared.providers.mpesa.tests.scripted import (
    FULL_REFUND,
    INITIATOR_PASSWORD,
    MSISDN,
    PAID,
    PARTIAL_REFUND,
    PAYOUT,
    PAYOUT_ID,
    PAYOUT_QUERY,
    RECEIPT,
    REFUND_ID,
    SHORTCODE,
    Script,
    certificate,
    error,
    fixture,
    refund_query,
    reply,
)

REVERSED = reply(fixture("reversal_ack"))
SENT = reply(fixture("b2c_ack"))
NOTED = reply(fixture("transaction_status_ack"))
WITHOUT_INITIATOR = {"initiator_name": None, "initiator_password": None, "certificate_pem": None}
REVERSAL_ID = "f1e2-4b95-a71d-b30d3cdbb7a7735297"


def opened(credential: str) -> str:
    return certificate()[0].decrypt(base64.b64decode(credential), PKCS1v15()).decode()


def test_a_whole_payment_with_a_receipt_is_reversed() -> None:
    script = Script(REVERSED)

    outcome = script.adapter.refund_payment(FULL_REFUND)

    assert isinstance(outcome, Pending)
    assert outcome.reference == REVERSAL_ID
    assert str(script.posts[0].url) == "http://mpesa.test/mpesa/reversal/v1/request"
    sent = script.sent()
    assert sent.keys() == fixture("reversal_request").keys()
    assert opened(sent.pop("SecurityCredential")) == INITIATOR_PASSWORD
    assert f"/reversal/{REFUND_ID}/20000." in sent.pop("ResultURL")
    assert "/reversal-timeout/" in sent.pop("QueueTimeOutURL")
    assert sent == {
        "Initiator": "testapi",
        "CommandID": "TransactionReversal",
        "TransactionID": RECEIPT,
        "Amount": "200",
        "ReceiverParty": SHORTCODE,
        "RecieverIdentifierType": "11",
        "Remarks": "returned",
    }


def test_of_what_a_customer_paid_unasked_the_reference_is_the_receipt() -> None:
    script = Script(REVERSED)
    unasked = replace(PAID, reference="RKTQDM7W6S", receipt=None, customer=Customer())

    script.adapter.refund_payment(replace(FULL_REFUND, payment=unasked))

    assert script.sent()["TransactionID"] == "RKTQDM7W6S"


@pytest.mark.parametrize(
    "request_",
    [PARTIAL_REFUND, replace(FULL_REFUND, payment=replace(PAID, receipt=None))],
    ids=["a part", "without a receipt"],
)
def test_a_part_or_what_has_no_receipt_is_sent_to_the_payer_under_our_refund_id(request_: object) -> None:
    assert isinstance(request_, type(PARTIAL_REFUND))
    script = Script(SENT)

    outcome = script.adapter.refund_payment(request_)

    assert isinstance(outcome, Pending)
    assert outcome.reference == str(REFUND_ID)
    assert str(script.posts[0].url) == "http://mpesa.test/mpesa/b2c/v3/paymentrequest"
    sent = script.sent()
    assert (sent["OriginatorConversationID"], sent["PartyA"], sent["PartyB"]) == (str(REFUND_ID), "600992", MSISDN)
    assert sent["CommandID"] == "BusinessPayment"
    assert int(sent["Amount"]) * 100 == request_.amount.amount_minor_units
    assert opened(sent["SecurityCredential"]) == INITIATOR_PASSWORD


def test_a_payout_has_every_field_of_their_sample_but_the_optional_one_and_our_payout_id() -> None:
    script = Script(SENT)

    outcome = script.adapter.send_payout(PAYOUT)

    assert isinstance(outcome, Pending)
    assert outcome.reference == str(PAYOUT_ID)
    assert outcome.answer["ConversationID"] == "AG_20240706_20106e9209f64bebd05b"
    sent = script.sent()
    assert sent.keys() == fixture("b2c_request").keys() - {"Occassion"}
    assert (sent["OriginatorConversationID"], sent["Amount"]) == (str(PAYOUT_ID), "10")


@pytest.mark.parametrize(
    ("reason", "remarks"),
    [("wages", "wages"), ("one (é)", "one"), ("x", "Payment"), ("", "Payment"), ("ab" * 90, "ab" * 50)],
)
def test_remarks_are_two_to_a_hundred_plain_characters(reason: str, remarks: str) -> None:
    script = Script(SENT)

    script.adapter.send_payout(replace(PAYOUT, reason=reason))

    assert script.sent()["Remarks"] == remarks


def test_a_repeated_id_has_been_accepted_earlier_and_is_never_a_failure() -> None:
    script = Script(reply(fixture("b2c_duplicate_originator_error"), 500))

    payout, refund = script.adapter.send_payout(PAYOUT), script.adapter.refund_payment(PARTIAL_REFUND)

    assert isinstance(payout, Pending)
    assert isinstance(refund, Pending)
    assert (payout.reference, refund.reference) == (str(PAYOUT_ID), str(REFUND_ID))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(fixture("reversal_error_400"), 400), Declined),
        (error(500, "500.001.1001", "Internal Server Error"), InDoubt),
        (error(500, "500.002.1001", "Duplicate OriginatorConversationID."), InDoubt),
        (error(500, "500.003.02", "System is busy"), NotSent),
        (reply(b"", 500), InDoubt),
        (reply({**fixture("reversal_ack"), "ResponseCode": "1"}), InDoubt),
        (reply({"ResponseCode": "0"}), InDoubt),
    ],
    ids=str,
)
def test_a_reversal_that_may_have_been_executed_stays_in_doubt(answer: httpx2.Response, kind: type[Outcome]) -> None:
    assert isinstance(Script(answer).adapter.refund_payment(FULL_REFUND), kind)


def test_a_receipt_that_they_do_not_know_cannot_be_refunded() -> None:
    outcome = Script(reply(fixture("reversal_error_400"), 400)).adapter.refund_payment(FULL_REFUND)

    assert isinstance(outcome, Declined)
    assert outcome.code == FailureCode.REFUND_NOT_POSSIBLE


def test_what_cannot_be_paid_is_declined_before_anything_is_sent() -> None:
    script, poor = Script(SENT), Script(SENT, **WITHOUT_INITIATOR)
    nobody = replace(PAID, customer=Customer(), receipt=None)

    outcomes = [
        script.adapter.send_payout(replace(PAYOUT, amount=Money(1_050, "KES"))),
        script.adapter.send_payout(replace(PAYOUT, recipient=Customer(phone="+12025550100"))),
        script.adapter.refund_payment(replace(PARTIAL_REFUND, amount=Money(1_050, "KES"))),
        script.adapter.refund_payment(replace(PARTIAL_REFUND, payment=nobody)),
        poor.adapter.send_payout(PAYOUT),
        poor.adapter.refund_payment(FULL_REFUND),
        poor.adapter.refund_payment(PARTIAL_REFUND),
    ]

    assert [outcome.code for outcome in outcomes if isinstance(outcome, Declined)] == [
        "provider_refused", "invalid_account", "provider_refused", "invalid_account",
        "provider_refused", "refund_not_possible", "refund_not_possible",
    ]  # fmt: skip
    assert (script.posts, poor.posts) == ([], [])


@pytest.mark.parametrize(
    ("reference", "original", "party", "purpose"),
    [
        (None, str(REFUND_ID), "600992", "refund-status"),
        (str(REFUND_ID), str(REFUND_ID), "600992", "refund-status"),
        (REVERSAL_ID, REVERSAL_ID, SHORTCODE, "reversal-status"),
    ],
)
def test_a_refund_is_asked_about_by_the_id_that_it_is_known_by(
    reference: str | None, original: str, party: str, purpose: str
) -> None:
    script = Script(NOTED)

    outcome = script.adapter.verify_refund(refund_query(reference))

    assert isinstance(outcome, InDoubt)
    assert outcome.reason == ASKED
    assert str(script.posts[0].url) == "http://mpesa.test/mpesa/transactionstatus/v1/query"
    sent = script.sent()
    assert (sent["OriginalConversationID"], sent["PartyA"], sent["IdentifierType"]) == (original, party, "4")
    assert f"/{purpose}/" in sent["ResultURL"]
    assert "/status-timeout/" in sent["QueueTimeOutURL"]


def test_a_payout_is_asked_about_by_our_id() -> None:
    script = Script(NOTED)

    outcome = script.adapter.verify_payout(PAYOUT_QUERY)

    assert isinstance(outcome, InDoubt)
    assert script.sent()["OriginalConversationID"] == str(PAYOUT_ID)


@pytest.mark.parametrize(
    "answer",
    [
        error(404, "404.002.01", "Resource not found"),
        error(500, "500.003.02", "System is busy"),
        reply(b"", 500),
        reply({**fixture("transaction_status_ack"), "ResponseCode": "7"}),
        httpx2.ConnectError("refused"),
    ],
    ids=str,
)
def test_a_question_that_fails_proves_nothing(answer: httpx2.Response | Exception) -> None:
    script = Script(answer)

    assert isinstance(script.adapter.verify_payout(PAYOUT_QUERY), InDoubt)
    assert isinstance(script.adapter.verify_refund(refund_query(None)), InDoubt)
    assert isinstance(Script(NOTED, **WITHOUT_INITIATOR).adapter.verify_payout(PAYOUT_QUERY), InDoubt)
