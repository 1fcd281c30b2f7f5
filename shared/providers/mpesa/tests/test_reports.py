"""What callbacks report: every sample says what its name says, and nothing is believed that is about something else."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.customer import Customer
from shared.domain.errors import WebhookRejected
from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.outcome import Declined, InDoubt, Outcome, Pending, Succeeded
from shared.provider_kit.provider import NothingReported, PaymentReported, PayoutReported, RefundReported
from shared.providers.mpesa.tests.scripted import (
    FULL_REFUND,
    PAID,
    PARTIAL_REFUND,
    PAYMENT,
    PAYOUT,
    PAYOUT_ID,
    PAYOUT_QUERY,
    REFUND_ID,
    Script,
    fixture,
    refund_query,
    reply,
)

ACK = reply(fixture("stk_push_ack"))
COMMAND_ACK = reply(fixture("b2c_ack"))
ORIGINAL = "SKC82PACB8"  # what their sample reverses
CONVERSATION = "dad6-4c34-8787-c8cb963a496d1268232"

# Of a transaction's status, as D3 describes it: a name twice, a reason without a value, one reference item.
STATUS_RESULT: dict[str, Any] = {
    "Result": {
        "ResultType": 0,
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "OriginatorConversationID": "1236-7134259-1",
        "ConversationID": "AG_20210709_1234409f86436c583e3f",
        "TransactionID": "OAT0000000",
        "ResultParameters": {
            "ResultParameter": [
                {"Key": "DebitPartyName", "Value": "600992 - Test"},
                {"Key": "DebitPartyName", "Value": "254708374149 - TEST CUSTOMER"},
                {"Key": "TransactionReason"},
                {"Key": "TransactionStatus", "Value": "Completed"},
                {"Key": "Amount", "Value": "10"},
                {"Key": "ReceiptNo", "Value": "SG632NMUAB"},
            ]
        },
        "ReferenceData": {"ReferenceItem": {"Key": "Occasion"}},
    }
}


def prompted(**changes: object) -> tuple[Script, str]:
    script = Script(ACK)
    script.adapter.initialize_payment(replace(PAYMENT, **changes))  # type: ignore[arg-type]  # fields of the request
    return script, script.path("CallBackURL")


def reversed_(amount: int = 100) -> tuple[Script, str]:
    paid = replace(PAID, amount=Money(amount, "KES"), receipt=ORIGINAL)
    script = Script(reply(fixture("reversal_ack")))
    script.adapter.refund_payment(replace(FULL_REFUND, payment=paid, amount=paid.amount))
    return script, script.path("ResultURL")


def paid_out(**changes: object) -> tuple[Script, str]:
    script = Script(COMMAND_ACK)
    script.adapter.send_payout(replace(PAYOUT, **changes))  # type: ignore[arg-type]  # fields of the request
    return script, script.path("ResultURL")


def stk(**changes: object) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(json.dumps(fixture("stk_callback_success")))
    body["Body"]["stkCallback"].update(changes)
    return body


def items(**values: object) -> dict[str, object]:
    return {"Item": [{"Name": name, "Value": value} for name, value in values.items()]}


def result(sample: str, drop: tuple[str, ...] = (), **changes: object) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(json.dumps(fixture(sample)))
    body["Result"].update(changes)
    for name in drop:
        del body["Result"][name]
    return body


def paid(body: Mapping[str, object], **asked: object) -> PaymentReported:
    script, path = prompted(**asked)
    report = script.heard(path, body)
    assert isinstance(report, PaymentReported)
    assert report.transaction_id == PAYMENT.transaction_id
    return report


def outcome_of(body: Mapping[str, object]) -> Outcome:
    return paid(body).outcome


def test_their_sample_of_a_success_is_one_with_its_receipt_and_amount() -> None:
    report = paid(fixture("stk_callback_success"))

    assert report.reference == "ws_CO_191220191020363925"
    assert report.amount == Money(100, "KES")
    assert isinstance(report.outcome, Succeeded)
    assert (report.outcome.reference, report.outcome.receipt) == (report.reference, "NLJ7RT61SV")
    assert "708374149" not in json.dumps(report.outcome.answer)


def test_their_sample_of_a_cancellation_is_one_over_the_amount_that_was_asked_for() -> None:
    report = paid(fixture("stk_callback_cancelled_1032"), amount=Money(75_000, "KES"))

    assert report.amount == Money(75_000, "KES")
    assert isinstance(report.outcome, Declined)
    assert report.outcome.code == FailureCode.CANCELLED_BY_CUSTOMER
    assert (report.outcome.provider_code, report.outcome.provider_message) == ("1032", "Request cancelled by user")


def test_a_balance_without_a_value_in_any_place_is_no_hindrance() -> None:
    metadata = items(MpesaReceiptNumber="NLJ7RT61SV", PhoneNumber=254708374149, Amount=1)
    metadata["Item"].insert(0, {"Name": "Balance"})  # type: ignore[attr-defined]  # a list

    assert isinstance(outcome_of(stk(CallbackMetadata=metadata)), Succeeded)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0, Succeeded),
        ("0", Succeeded),
        ("E3008", Declined),
        (4999, Pending),
        ("4999", Pending),
        (77, Pending),
        ("X9", Pending),
    ],
)
def test_a_code_may_be_a_number_or_text(code: object, kind: type[Outcome]) -> None:
    assert isinstance(outcome_of(stk(ResultCode=code)), kind)


def test_a_success_over_another_amount_says_which() -> None:
    more, less = paid(stk(CallbackMetadata=items(Amount=2))), paid(stk(CallbackMetadata=items(Amount=0.5)))

    assert (more.amount, less.amount) == (Money(200, "KES"), Money(50, "KES"))


@pytest.mark.parametrize("amount", [None, "", "many", "NaN", "1e999", "1.001", [], {"Value": 1}], ids=repr)
def test_a_success_without_an_amount_is_in_doubt(amount: object) -> None:
    report = paid(stk(CallbackMetadata=items(Amount=amount, MpesaReceiptNumber="NLJ7RT61SV")))

    assert isinstance(report.outcome, InDoubt)
    assert report.amount == PAYMENT.amount
    assert isinstance(outcome_of(stk(CallbackMetadata=None)), InDoubt)


def test_a_success_by_another_phone_is_in_doubt_and_a_masked_one_says_nothing() -> None:
    def by(phone: object) -> Outcome:
        return outcome_of(stk(CallbackMetadata=items(Amount=1, PhoneNumber=phone)))

    assert isinstance(by(254711111111), InDoubt)
    assert isinstance(by("254711111111"), InDoubt)
    assert isinstance(by(254708374149), Succeeded)
    assert isinstance(by("2547*****149"), Succeeded)
    assert isinstance(by(None), Succeeded)


def test_one_object_stands_for_a_list_and_nonsense_for_nothing() -> None:
    one = {"Item": {"Name": "Amount", "Value": "1"}}
    mixed: dict[str, object] = {"Item": [None, 17, "x", [], {"Name": "Amount", "Value": "1"}]}

    assert isinstance(outcome_of(stk(CallbackMetadata=one)), Succeeded)
    assert isinstance(outcome_of(stk(CallbackMetadata=mixed)), Succeeded)
    values: tuple[object, ...] = ("", [], 17, {"Item": ""}, {"Item": 17})
    for nonsense in values:
        assert isinstance(outcome_of(stk(CallbackMetadata=nonsense)), InDoubt)
        assert isinstance(outcome_of(stk(ResultCode=1032, CallbackMetadata=nonsense)), Declined)


def test_a_result_needs_one_id_and_no_parameters() -> None:
    script, path = paid_out()
    bare = {"Result": {"ResultCode": "2040", "ConversationID": "AG_1", "ResultParameters": ""}}
    single = result("b2c_result_success", drop=("OriginatorConversationID",))
    single["Result"]["ResultParameters"] = {"ResultParameter": {"Key": "TransactionAmount", "Value": 10}}

    refused, done = script.heard(path, bare), script.heard(path, single)

    assert isinstance(refused, PayoutReported)
    assert isinstance(refused.outcome, Declined)
    assert isinstance(done, PayoutReported)
    assert isinstance(done.outcome, Succeeded)
    with pytest.raises(WebhookRejected):
        script.believed(path, {"Result": {"ResultCode": "0"}})


def test_what_is_no_receipt_is_kept_for_none() -> None:
    told = outcome_of(stk(CallbackMetadata=items(Amount=1, MpesaReceiptNumber="not one!")))

    assert isinstance(told, Succeeded)
    assert told.receipt is None


def test_their_sample_of_a_reversal_succeeds_with_our_refund_id() -> None:
    script, path = reversed_()

    report = script.heard(path, fixture("reversal_result_success"))

    assert isinstance(report, RefundReported)
    assert (report.refund_id, report.reference, report.amount) == (REFUND_ID, CONVERSATION, Money(100, "KES"))
    assert isinstance(report.outcome, Succeeded)
    assert "TEST CUSTOMER" not in json.dumps(report.outcome.answer)


def test_a_reversal_of_another_payment_is_in_doubt_and_of_another_amount_says_so() -> None:
    script = Script(reply(fixture("reversal_ack")))
    script.adapter.refund_payment(FULL_REFUND)

    report = script.heard(script.path("ResultURL"), fixture("reversal_result_success"))

    assert isinstance(report, RefundReported)
    assert isinstance(report.outcome, InDoubt)
    assert report.amount == Money(100, "KES")
    assert FULL_REFUND.amount == Money(20_000, "KES")


@pytest.mark.parametrize(
    ("code", "kind"),
    [("R000001", Succeeded), ("R000002", Declined), ("1", Declined), (8006, Declined), ("77", Pending)],
)
def test_a_reversal_that_says_no_or_that_it_was_done_before(code: object, kind: type[Outcome]) -> None:
    script, path = reversed_()

    report = script.heard(path, result("reversal_result_success", drop=("ResultParameters",), ResultCode=code))

    assert isinstance(report, RefundReported)
    assert isinstance(report.outcome, kind)
    assert report.amount == Money(100, "KES")


def test_their_sample_of_a_payout_succeeds_under_our_id() -> None:
    script, path = paid_out()

    report = script.heard(path, fixture("b2c_result_success"))

    assert isinstance(report, PayoutReported)
    assert (report.payout_id, report.reference, report.amount) == (PAYOUT_ID, str(PAYOUT_ID), Money(1_000, "KES"))
    assert isinstance(report.outcome, Succeeded)
    assert report.outcome.receipt == "SG632NMUAB"


def test_a_payout_to_another_phone_is_in_doubt() -> None:
    script, path = paid_out(recipient=Customer(phone="+254711111111"))

    report = script.heard(path, fixture("b2c_result_success"))

    assert isinstance(report, PayoutReported)
    assert isinstance(report.outcome, InDoubt)


@pytest.mark.parametrize(
    ("code", "kind"), [(2001, Declined), ("2040", Declined), ("SFC_IC0003", Declined), ("15", Pending), (77, Pending)]
)
def test_a_payout_that_says_no_keeps_the_amount_that_was_asked_for(code: object, kind: type[Outcome]) -> None:
    script, path = paid_out()

    report = script.heard(
        path, result("b2c_result_success", drop=("ResultParameters", "ReferenceData"), ResultCode=code)
    )

    assert isinstance(report, PayoutReported)
    assert isinstance(report.outcome, kind)
    assert report.amount == PAYOUT.amount


def test_a_part_that_was_given_back_is_a_refund_under_our_id() -> None:
    script = Script(COMMAND_ACK)
    script.adapter.refund_payment(PARTIAL_REFUND)

    report = script.heard(script.path("ResultURL"), fixture("b2c_result_success"))

    assert isinstance(report, RefundReported)
    assert (report.refund_id, report.reference) == (REFUND_ID, str(REFUND_ID))
    assert isinstance(report.outcome, Succeeded)


def status(**parameters: object) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(json.dumps(STATUS_RESULT))
    listed = body["Result"]["ResultParameters"]["ResultParameter"]
    body["Result"]["ResultParameters"]["ResultParameter"] = [
        {**each, "Value": parameters[each["Key"]]} if each["Key"] in parameters else each for each in listed
    ]
    return body


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Completed", Succeeded),
        ("Initiated", Pending),
        ("Authorized", Pending),
        ("Pending Authorized", Pending),
        ("Cancelled", Declined),
        ("Declined", Declined),
        ("Expired", Declined),
        ("Reviewed", Pending),
    ],
)
def test_a_status_that_was_asked_for_tells_of_the_payout(said: str, kind: type[Outcome]) -> None:
    script = Script(reply(fixture("transaction_status_ack")))
    script.adapter.verify_payout(PAYOUT_QUERY)

    report = script.heard(script.path("ResultURL"), status(TransactionStatus=said))

    assert isinstance(report, PayoutReported)
    assert (report.payout_id, report.reference, report.amount) == (PAYOUT_ID, str(PAYOUT_ID), PAYOUT.amount)
    assert isinstance(report.outcome, kind)


def test_a_status_of_a_reversal_is_told_under_the_id_that_was_asked_about() -> None:
    script = Script(reply(fixture("transaction_status_ack")))
    script.adapter.verify_refund(refund_query(CONVERSATION))

    report = script.heard(script.path("ResultURL"), STATUS_RESULT)

    assert isinstance(report, RefundReported)
    assert (report.refund_id, report.reference) == (REFUND_ID, CONVERSATION)


@pytest.mark.parametrize("change", [{"ResultCode": "2001"}, {"ResultCode": "R000002"}, {"ResultParameters": None}])
def test_a_status_that_was_not_found_proves_nothing(change: dict[str, object]) -> None:
    script = Script(reply(fixture("transaction_status_ack")))
    script.adapter.verify_refund(refund_query(None))

    report = script.heard(script.path("ResultURL"), {"Result": {**STATUS_RESULT["Result"], **change}})

    assert isinstance(report, NothingReported)


def test_a_completed_transaction_without_an_amount_is_in_doubt() -> None:
    script = Script(reply(fixture("transaction_status_ack")))
    script.adapter.verify_payout(PAYOUT_QUERY)

    report = script.heard(script.path("ResultURL"), status(Amount=None))

    assert isinstance(report, PayoutReported)
    assert isinstance(report.outcome, InDoubt)


@pytest.mark.parametrize(
    "body", [{}, {"anything": 1}, {"Result": None}, result("b2c_result_success", ResultCode="1037")]
)
def test_a_queue_that_timed_out_says_nothing_of_the_money(body: dict[str, object]) -> None:
    script, _ = paid_out()

    report = script.heard(script.path("QueueTimeOutURL"), body)

    assert isinstance(report, PayoutReported)
    assert isinstance(report.outcome, InDoubt)
    assert (report.reference, report.amount) == (str(PAYOUT_ID), PAYOUT.amount)


def test_a_reversal_whose_queue_timed_out_is_told_by_its_id_or_not_at_all() -> None:
    script, _ = reversed_()
    path = script.path("QueueTimeOutURL")

    named = script.heard(path, result("reversal_result_success", ResultCode="1"))

    assert isinstance(named, RefundReported)
    assert (named.reference, type(named.outcome)) == (CONVERSATION, InDoubt)
    assert isinstance(script.heard(path, {}), NothingReported)


def test_a_question_whose_queue_timed_out_is_asked_again_by_the_schedule() -> None:
    script = Script(reply(fixture("transaction_status_ack")))
    script.adapter.verify_payout(PAYOUT_QUERY)

    assert isinstance(script.heard(script.path("QueueTimeOutURL"), {}), NothingReported)
