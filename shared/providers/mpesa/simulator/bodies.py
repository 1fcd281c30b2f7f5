"""The bodies that Safaricom posts, with its own spellings, types and holes."""

from collections.abc import Sequence
from decimal import Decimal

from shared.providers.mpesa.simulator.ledger import Command, Push, Receipt, Till, TillPayment
from shared.providers.mpesa.simulator.scenarios import SUCCESS, UNREACHABLE, Api, Telling, code_on_wire, text_of
from shared.providers.mpesa.simulator.speaking import (
    Wire,
    WireObject,
    compact_time,
    hashed,
    kenyan,
    masked,
    new_conversation_id,
    new_receipt,
    new_request_id,
    shillings,
)

ONE_SHILLING = 100
NOTHING = Decimal("0.00")
CUSTOMER_NAME = "TEST CUSTOMER"
ORGANIZATION_NAME = "Daraja Simulator"
SUBMITTED_TO = {Api.B2C: "b2cresults", Api.REVERSAL: "reversalresults", Api.BALANCE: "abresults"}

Parameter = tuple[str, Wire]  # None: the key comes without a value


def told_minor(amount_minor: int, telling: Telling) -> int:
    return amount_minor + ONE_SHILLING if telling is Telling.OTHER_AMOUNT else amount_minor


def told_phone(phone: str, telling: Telling) -> str:
    """Another subscriber, if the callback is to mislead: the last digit is one further."""
    return phone[:-1] + str((int(phone[-1]) + 1) % 10) if telling is Telling.OTHER_PHONE else phone


def stk_callbacks(push: Push, at_ms: int) -> Sequence[WireObject]:
    """What is told about a decided push, in turn."""
    told = stk_callback(push, push.result_code or SUCCESS, at_ms)
    failed = stk_callback(push, UNREACHABLE, at_ms)
    if push.receipt and push.telling is Telling.FAILURE_BEFORE_SUCCESS:
        return (failed, told)
    if push.receipt and push.telling is Telling.FAILURE_AFTER_SUCCESS:
        return (told, failed)
    return (told,)


def stk_callback(push: Push, result_code: str, at_ms: int) -> WireObject:
    is_foreign = push.telling is Telling.UNKNOWN_REFERENCE
    code = result_code if push.telling is Telling.CODE_AS_STRING else code_on_wire(result_code)
    callback: dict[str, Wire] = {
        "MerchantRequestID": new_request_id() if is_foreign else push.merchant_request_id,
        "CheckoutRequestID": f"{push.checkout_id[:-9]}000000000" if is_foreign else push.checkout_id,
        "ResultCode": code,
        "ResultDesc": text_of(result_code),
    }
    if result_code == SUCCESS:
        callback["CallbackMetadata"] = {"Item": metadata_items(push, at_ms)}
    return {"Body": {"stkCallback": callback}}


def metadata_items(push: Push, at_ms: int) -> Sequence[WireObject]:
    items: list[WireObject] = [
        {"Name": "Amount", "Value": shillings(told_minor(push.amount_minor, push.telling))},
        {"Name": "MpesaReceiptNumber", "Value": push.receipt},
        {"Name": "TransactionDate", "Value": int(compact_time(at_ms))},
        {"Name": "PhoneNumber", "Value": int(told_phone(push.phone, push.telling))},
    ]
    if push.telling is Telling.BALANCE_WITHOUT_VALUE:
        items.insert(2, {"Name": "Balance"})
    return items[::-1] if push.telling is Telling.ITEMS_REVERSED else items


def result(command: Command, result_code: str, parameters: Sequence[Parameter], at_ms: int) -> WireObject:
    """The envelope of every result; an account balance has its codes as strings."""
    is_foreign = command.telling is Telling.UNKNOWN_REFERENCE
    hides_originator = is_foreign or command.telling is Telling.ORIGINATOR_NOT_ECHOED
    is_text = command.api is Api.BALANCE or command.telling is Telling.CODE_AS_STRING
    told: dict[str, Wire] = {
        "ResultType": "0" if is_text else 0,
        "ResultCode": result_code if is_text else code_on_wire(result_code),
        "ResultDesc": text_of(result_code),
        "OriginatorConversationID": new_request_id() if hides_originator else command.originator_id,
        "ConversationID": new_conversation_id(at_ms) if is_foreign else command.conversation_id,
        "TransactionID": command.receipt or new_receipt(at_ms),
    }
    if parameters:
        told["ResultParameters"] = {"ResultParameter": [key_and_value(*each) for each in parameters]}
    told["ReferenceData"] = {"ReferenceItem": reference_item(command)}
    return {"Result": told}


def key_and_value(key: str, value: Wire) -> WireObject:
    return {"Key": key} if value is None else {"Key": key, "Value": value}


def reference_item(command: Command) -> WireObject:
    if command.api is Api.STATUS:
        return key_and_value("Occasion", command.occasion or None)
    path = f"mpesa/{SUBMITTED_TO[command.api]}/v1/submit"
    return {"Key": "QueueTimeoutURL", "Value": f"https://internalsandbox.safaricom.co.ke/{path}"}


def b2c_parameters(command: Command, funds_minor: int, at_ms: int) -> Sequence[Parameter]:
    return (
        ("TransactionAmount", whole_or_decimal(told_minor(command.amount_minor, command.telling))),
        ("TransactionReceipt", command.receipt),
        ("ReceiverPartyPublicName", customer_named(told_phone(command.phone, command.telling))),
        ("TransactionCompletedDateTime", kenyan(at_ms).strftime("%d.%m.%Y %H:%M:%S")),
        ("B2CUtilityAccountAvailableFunds", shillings(funds_minor)),
        ("B2CWorkingAccountAvailableFunds", NOTHING),
        ("B2CRecipientIsRegisteredCustomer", "Y"),
        ("B2CChargesPaidAccountAvailableFunds", NOTHING),
    )


def whole_or_decimal(amount_minor: int) -> Wire:
    """A B2C amount is whole, and written so."""
    return amount_minor // 100 if amount_minor % 100 == 0 else shillings(amount_minor)


def reversal_parameters(command: Command, funds_minor: int, at_ms: int) -> Sequence[Parameter]:
    return (
        ("DebitAccountBalance", account_line("Utility Account", funds_minor)),
        ("Amount", shillings(told_minor(command.amount_minor, command.telling))),
        ("TransCompletedTime", int(compact_time(at_ms))),
        ("OriginalTransactionID", command.asked_about),
        ("Charge", NOTHING),
        ("CreditPartyPublicName", customer_named(command.phone)),
        ("DebitPartyPublicName", organization_named(command.shortcode)),
    )


def balance_parameters(funds_minor: int, at_ms: int) -> Sequence[Parameter]:
    names = ("Working", "Float", "Utility", "Charges Paid", "Organization Settlement")
    lines = [account_line(f"{name} Account", funds_minor if name == "Utility" else 0) for name in names]
    return (("AccountBalance", "&".join(lines)), ("BOCompletedTime", compact_time(at_ms)))


def status_parameters(parties: tuple[str, str], command: Command, receipt: Receipt | None) -> Sequence[Parameter]:
    """The sample of the documentation, with both parties under one key and no word about the reason."""
    finished: Wire = int(compact_time(receipt.at_ms)) if receipt else None
    return (
        ("DebitPartyName", parties[0]),
        ("DebitPartyName", parties[1]),
        ("OriginatorConversationID", command.originator_id),
        ("InitiatedTime", int(compact_time(command.created_at_ms))),
        ("DebitAccountType", "Utility Account"),
        ("DebitPartyCharges", None),
        ("TransactionReason", None),
        ("ReasonType", REASONS.get(receipt.kind if receipt else command.api, "Pay Bill Online")),
        ("TransactionStatus", str(command.state).capitalize() if command.state != "pending" else "Initiated"),
        ("FinalisedTime", finished),
        ("Amount", str(whole_or_decimal(command.amount_minor))),
        ("ConversationID", command.conversation_id),
        ("ReceiptNo", command.receipt),
    )


REASONS = {
    "b2c": "Business Payment to Customer via API",
    "reversal": "Transaction Reversal",
    "till": "Pay Bill Online",
    "stk": "Pay Bill Online",
}


def till_notice(payment: TillPayment, till: Till, funds_minor: int | None) -> WireObject:
    """A customer's payment by hand; before it is taken, the organisation's balance is empty."""
    phone = told_phone(payment.phone, payment.telling)
    return {
        "TransactionType": "Pay Bill" if payment.account else "Buy Goods",
        "TransID": payment.receipt,
        "TransTime": compact_time(payment.created_at_ms),
        "TransAmount": str(shillings(told_minor(payment.amount_minor, payment.telling))),
        "BusinessShortCode": payment.till,
        "BillRefNumber": payment.account,
        "InvoiceNumber": "",
        "OrgAccountBalance": "" if funds_minor is None else str(shillings(funds_minor)),
        "ThirdPartyTransID": payment.third_party_id,
        "MSISDN": hashed(phone) if till.version == 1 else masked(phone),
        "FirstName": "TEST",
        "MiddleName": "",
        "LastName": "",
    }


def account_line(name: str, amount_minor: int) -> str:
    funds = shillings(amount_minor)
    return f"{name}|KES|{funds}|{funds}|0.00|0.00"


def customer_named(phone: str) -> str:
    return f"{phone} - {CUSTOMER_NAME}"


def organization_named(shortcode: str) -> str:
    return f"{shortcode} - {ORGANIZATION_NAME}"
