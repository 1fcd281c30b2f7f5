"""What clients ask: the fields of each product in the order that Daraja checks them."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from shared.provider_kit.simulator import SimulatedRequest
from shared.providers.mpesa.simulator.addresses import is_taken
from shared.providers.mpesa.simulator.speaking import Refused, invalid

Asked = Mapping[str, JsonValue]
Accepts = Callable[[object], bool]

MSISDN = re.compile(r"254[17]\d{8}")
RECEIPT = re.compile(r"[A-Z0-9]{10}")
SHORTCODE = re.compile(r"\d{5,7}")
TIMESTAMP = re.compile(r"\d{14}")
AMOUNT = re.compile(r"0*[1-9]\d{0,8}")


@dataclass(frozen=True, slots=True)
class Field:
    """``called`` is what the refusal calls it, where that is another word."""

    name: str
    accepts: Accepts
    called: str | None = None


def matching(pattern: re.Pattern[str]) -> Accepts:
    """Text or a whole number that is all of the pattern; ``True`` and 10.0 are neither."""
    return lambda value: (
        isinstance(value, str | int) and not isinstance(value, bool) and bool(pattern.fullmatch(str(value)))
    )


def one_of(*choices: str) -> Accepts:
    return lambda value: isinstance(value, str | int) and str(value) in choices


def long(least: int, most: int) -> Accepts:
    return lambda value: isinstance(value, str) and least <= len(value.strip()) and len(value) <= most


def optionally(accepts: Accepts) -> Accepts:
    return lambda value: value is None or value == "" or accepts(value)


def is_timestamp(value: object) -> bool:
    if not matching(TIMESTAMP)(value):
        return False
    try:
        datetime.strptime(str(value), "%Y%m%d%H%M%S")  # noqa: DTZ007 - whether it is a time at all
    except ValueError:
        return False
    return True


ANY_TEXT = long(1, 4_000)
REMARKS = Field("Remarks", long(2, 100))
ADDRESSES = (Field("QueueTimeOutURL", is_taken), Field("ResultURL", is_taken))
STK_CREDENTIALS = (
    Field("BusinessShortCode", matching(SHORTCODE)),
    Field("Password", ANY_TEXT),
    Field("Timestamp", is_timestamp),
)

STK_FIELDS = (
    *STK_CREDENTIALS,
    Field("TransactionType", one_of("CustomerPayBillOnline", "CustomerBuyGoodsOnline")),
    Field("Amount", matching(AMOUNT)),
    Field("PartyA", matching(MSISDN)),
    Field("PartyB", matching(SHORTCODE)),
    Field("PhoneNumber", matching(MSISDN)),
    Field("CallBackURL", is_taken),
    Field("AccountReference", ANY_TEXT),
    # The documentation calls it optional; the live sandbox does not.
    Field("TransactionDesc", ANY_TEXT, called="Remarks"),
)
QUERY_FIELDS = (*STK_CREDENTIALS, Field("CheckoutRequestID", long(1, 64)))
B2C_FIELDS = (
    Field("InitiatorName", ANY_TEXT),
    Field("SecurityCredential", ANY_TEXT),
    Field("CommandID", one_of("BusinessPayment", "SalaryPayment", "PromotionPayment")),
    Field("Amount", matching(AMOUNT)),
    Field("PartyA", matching(SHORTCODE)),
    Field("PartyB", matching(MSISDN)),
    REMARKS,
    *ADDRESSES,
    Field("Occassion", optionally(long(1, 100))),
)
B2C_V3_FIELDS = (Field("OriginatorConversationID", long(1, 100)), *B2C_FIELDS)
REVERSAL_FIELDS = (
    Field("Initiator", ANY_TEXT),
    Field("SecurityCredential", ANY_TEXT),
    Field("CommandID", one_of("TransactionReversal")),
    Field("TransactionID", matching(RECEIPT)),
    Field("Amount", matching(AMOUNT)),
    Field("ReceiverParty", matching(SHORTCODE)),
    Field("RecieverIdentifierType", one_of("11")),
    *ADDRESSES,
    REMARKS,
)
STATUS_FIELDS = (
    Field("Initiator", ANY_TEXT),
    Field("SecurityCredential", ANY_TEXT),
    Field("CommandID", one_of("TransactionStatusQuery")),
    Field("TransactionID", optionally(matching(RECEIPT))),
    Field("OriginalConversationID", optionally(long(1, 100))),
    Field("PartyA", matching(SHORTCODE)),
    Field("IdentifierType", one_of("1", "2", "4")),
    *ADDRESSES,
    REMARKS,
)
BALANCE_FIELDS = (
    Field("Initiator", ANY_TEXT),
    Field("SecurityCredential", ANY_TEXT),
    Field("CommandID", one_of("AccountBalance")),
    Field("PartyA", matching(SHORTCODE)),
    Field("IdentifierType", one_of("4")),
    REMARKS,
    *ADDRESSES,
)
REGISTER_FIELDS = (
    Field("ShortCode", matching(SHORTCODE)),
    Field("ResponseType", one_of("Completed", "Cancelled")),
    Field("ConfirmationURL", is_taken),
    Field("ValidationURL", is_taken),
)
SIMULATE_FIELDS = (
    Field("ShortCode", matching(SHORTCODE)),
    Field("CommandID", one_of("CustomerPayBillOnline", "CustomerBuyGoodsOnline")),
    Field("Amount", matching(AMOUNT)),
    Field("Msisdn", matching(MSISDN)),
    Field("BillRefNumber", optionally(long(1, 20))),
)
PULL_REGISTER_FIELDS = (
    Field("ShortCode", matching(SHORTCODE)),
    Field("RequestType", one_of("Pull")),
    Field("NominatedNumber", matching(re.compile(r"(254|0)?[17]\d{8}"))),
    Field("CallBackURL", is_taken),
)
PULL_QUERY_FIELDS = (
    Field("ShortCode", matching(SHORTCODE)),
    Field("StartDate", ANY_TEXT),
    Field("EndDate", ANY_TEXT),
    Field("OffSetValue", matching(re.compile(r"\d{1,9}"))),
)


def body_of(request: SimulatedRequest) -> Asked:
    """The body; one that does not call itself JSON has no fields at all.

    Raises:
        Refused: 400, it calls itself JSON and is no JSON object.
    """
    if "application/json" not in request.headers.get("content-type", "").lower():
        return {}
    try:
        parsed: JsonValue = json.loads(request.body)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise Refused(400, "400.002.05", "Invalid Request Payload")
    return parsed


def check(asked: Asked, fields: tuple[Field, ...], code: str = "400.002.02") -> None:
    """Whether every field is as it must be.

    Raises:
        Refused: 400, naming the first that is not.
    """
    for field in fields:
        if not field.accepts(asked.get(field.name)):
            raise invalid(field.called or field.name, code)


def text(asked: Asked, name: str) -> str:
    """A field that was checked; an absent one is empty."""
    value = asked.get(name)
    return "" if value is None else str(value)
