"""What the simulator can play: one table, by the last three digits of the amount in shillings, or by the phone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Api(StrEnum):
    """Daraja's products, as ``/faults`` names them."""

    OAUTH = "oauth"
    STK = "stk"
    QUERY = "query"
    C2B = "c2b"
    B2C = "b2c"
    REVERSAL = "reversal"
    STATUS = "status"
    BALANCE = "balance"
    PULL = "pull"


class Answering(StrEnum):
    """How a request is answered; ``*_after_executing``, and what garbles the answer, have executed it before."""

    PROPERLY = "properly"
    HTML_503 = "html_503"
    EMPTY_500 = "empty_500"
    SPIKE_ARREST = "spike_arrest"
    THROTTLED = "throttled"
    SYSTEM_BUSY = "system_busy"
    QUOTA = "quota"
    MAINTENANCE = "maintenance"
    ERROR_WITH_200 = "error_with_200"
    INTERNAL_ERROR = "internal_error"
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - a scenario's name
    HANG = "hang"
    RESET = "reset"
    HANG_AFTER_EXECUTING = "hang_after_executing"
    RESET_AFTER_EXECUTING = "reset_after_executing"
    EMPTY_500_AFTER_EXECUTING = "empty_500_after_executing"
    INTERNAL_ERROR_AFTER_EXECUTING = "internal_error_after_executing"
    HTML_AFTER_EXECUTING = "html_after_executing"
    TRUNCATED = "truncated"
    SLOW = "slow"


class Telling(StrEnum):
    """How the callback about a payment, or the result of a command, is sent. Safaricom sends it once."""

    PROPERLY = "callback_once"
    EARLY = "callback_early"
    TWICE = "callback_twice"
    REPEATED = "callback_repeated"
    NEVER = "callback_lost"
    LATE = "callback_late"
    OUT_OF_ORDER = "callback_out_of_order"
    BALANCE_WITHOUT_VALUE = "balance_without_value"
    ITEMS_REVERSED = "items_reversed"
    CODE_AS_STRING = "code_as_string"
    OTHER_AMOUNT = "other_amount"
    OTHER_PHONE = "other_phone"
    WRONG_PATH = "wrong_path"
    UNKNOWN_REFERENCE = "unknown_reference"
    FAILURE_BEFORE_SUCCESS = "failure_before_success"
    FAILURE_AFTER_SUCCESS = "failure_after_success"
    QUERY_CONTRADICTS = "query_contradicts"
    ORIGINATOR_NOT_ECHOED = "originator_not_echoed"
    QUEUE_TIMEOUT = "queue_timeout"
    QUEUE_TIMEOUT_AFTER_EXECUTING = "queue_timeout_after_executing"


class Customer(StrEnum):
    """What the customer does without a result code of its own."""

    WAITS = "waits"  # for /transition, until the prompt dies
    STAYS_SILENT = "stays_silent"  # for ever


SUCCESS = "0"
UNREACHABLE = "1037"
STILL_PROCESSING = "4999"

# Safaricom's words; an unknown code has none of ours.
RESULT_TEXTS: Mapping[str, str] = {
    "0": "The service request is processed successfully.",
    "1": "The balance is insufficient for the transaction.",
    "2": "Declined due to limit rule.",
    "3": "Declined due to limit rule: greater than the maximum transaction amount.",
    "4": "Declined due to limit rule: would exceed daily transfer limit.",
    "8": "Declined due to limit rule: would exceed the maximum balance.",
    "11": "The DebitParty is in an invalid state.",
    "17": "Rule limited.",
    "21": "The initiator is not allowed to initiate this request.",
    "26": "System busy, traffic blocking condition in place.",
    "1001": "Unable to lock subscriber, a transaction is already in process for the current subscriber.",
    "1019": "Transaction has expired.",
    "1025": "An error occurred while sending a push request.",
    "1031": "Request cancelled by user",
    "1032": "Request cancelled by user",
    "1036": "SMSC ACK timeout.",
    "1037": "DS timeout user cannot be reached.",
    "2001": "The initiator information is invalid.",
    "2006": "Declined due to account rule: the account status does not allow this transaction.",
    "2028": "The request is not permitted according to product assignment.",
    "2040": "The credit party customer type is not supported: unregistered customer.",
    "4999": "The transaction is still under processing",
    "8006": "The security credential is locked.",
    "9999": "An error occurred while sending a push request.",
    "E3008": "Error, the user has a bad debt contract.",
    "R000001": "The transaction has already been reversed.",
    "R000002": "The OriginalTransactionID is invalid.",
    "SFC_IC0003": "The operator does not exist.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """``ends_as`` is the result code, or what the customer does instead.

    ``first_answers`` limits ``answering`` to so many requests about one thing; ``None``: every one.
    """

    digits: str
    name: str
    ends_as: str = SUCCESS
    answering: Answering = Answering.PROPERLY
    first_answers: int | None = None
    telling: Telling = Telling.PROPERLY


DEFAULT = Scenario(digits="", name="succeeds")

RESULTS = (
    Scenario(digits="701", name="insufficient_funds", ends_as="1"),
    Scenario(digits="702", name="amount_too_small", ends_as="2"),
    Scenario(digits="703", name="amount_too_large", ends_as="3"),
    Scenario(digits="704", name="daily_limit", ends_as="4"),
    Scenario(digits="705", name="maximum_balance", ends_as="8"),
    Scenario(digits="706", name="credential_locked", ends_as="8006"),
    Scenario(digits="707", name="debit_party_invalid", ends_as="11"),
    Scenario(digits="708", name="bad_debt", ends_as="E3008"),
    Scenario(digits="709", name="push_error_9999", ends_as="9999"),
    Scenario(digits="710", name="no_such_operator", ends_as="SFC_IC0003"),
    Scenario(digits="711", name="subscriber_busy", ends_as="1001"),
    Scenario(digits="712", name="traffic_blocked", ends_as="26"),
    Scenario(digits="713", name="account_rule", ends_as="2006"),
    Scenario(digits="714", name="initiator_not_allowed", ends_as="21"),
    Scenario(digits="715", name="unregistered_customer", ends_as="2040"),
    Scenario(digits="716", name="not_permitted", ends_as="2028"),
    Scenario(digits="717", name="rule_limited", ends_as="17"),
    Scenario(digits="718", name="unknown_code", ends_as="7777"),
    Scenario(digits="719", name="expired", ends_as="1019"),
    Scenario(digits="720", name="wrong_pin", ends_as="2001"),
    Scenario(digits="725", name="push_error", ends_as="1025"),
    Scenario(digits="731", name="cancelled_1031", ends_as="1031"),
    Scenario(digits="732", name="cancelled", ends_as="1032"),
    Scenario(digits="736", name="no_acknowledgement", ends_as="1036"),
    Scenario(digits="737", name="unreachable", ends_as="1037"),
    Scenario(digits="748", name="waits_for_customer", ends_as=Customer.WAITS),
    Scenario(digits="749", name="never_resolves", ends_as=Customer.STAYS_SILENT),
)

TELLINGS = (
    Scenario(digits="811", name="callback_twice", telling=Telling.TWICE),
    Scenario(digits="812", name="callback_repeated", telling=Telling.REPEATED),
    Scenario(digits="813", name="callback_lost", telling=Telling.NEVER),
    Scenario(digits="814", name="callback_early", telling=Telling.EARLY),
    Scenario(digits="815", name="callback_late", telling=Telling.LATE),
    Scenario(digits="816", name="callback_out_of_order", telling=Telling.OUT_OF_ORDER),
    Scenario(digits="817", name="balance_without_value", telling=Telling.BALANCE_WITHOUT_VALUE),
    Scenario(digits="818", name="code_as_string", telling=Telling.CODE_AS_STRING),
    Scenario(digits="819", name="other_amount", telling=Telling.OTHER_AMOUNT),
    Scenario(digits="820", name="wrong_path", telling=Telling.WRONG_PATH),
    Scenario(digits="821", name="unknown_reference", telling=Telling.UNKNOWN_REFERENCE),
    Scenario(digits="822", name="other_phone", telling=Telling.OTHER_PHONE),
    Scenario(digits="823", name="items_reversed", telling=Telling.ITEMS_REVERSED),
    Scenario(digits="824", name="failure_before_success", telling=Telling.FAILURE_BEFORE_SUCCESS),
    Scenario(digits="825", name="failure_after_success", telling=Telling.FAILURE_AFTER_SUCCESS),
    Scenario(digits="826", name="query_contradicts", telling=Telling.QUERY_CONTRADICTS),
    Scenario(digits="827", name="queue_timeout", telling=Telling.QUEUE_TIMEOUT),
    Scenario(digits="828", name="queue_timeout_after_executing", telling=Telling.QUEUE_TIMEOUT_AFTER_EXECUTING),
    Scenario(digits="830", name="originator_not_echoed", telling=Telling.ORIGINATOR_NOT_ECHOED),
    Scenario(digits="829", name="callback_lost_cancelled", ends_as="1032", telling=Telling.NEVER),
)

ANSWERINGS = (
    Scenario(digits="911", name="html_503", answering=Answering.HTML_503),
    Scenario(digits="912", name="empty_500", answering=Answering.EMPTY_500),
    Scenario(digits="913", name="spike_arrest", answering=Answering.SPIKE_ARREST),
    Scenario(digits="914", name="system_busy", answering=Answering.SYSTEM_BUSY),
    Scenario(digits="915", name="error_with_200", answering=Answering.ERROR_WITH_200),
    Scenario(digits="916", name="hang_after_executing", answering=Answering.HANG_AFTER_EXECUTING),
    Scenario(digits="917", name="reset_after_executing", answering=Answering.RESET_AFTER_EXECUTING),
    Scenario(digits="918", name="internal_error", answering=Answering.INTERNAL_ERROR),
    Scenario(digits="919", name="truncated", answering=Answering.TRUNCATED),
    Scenario(digits="920", name="html_after_executing", answering=Answering.HTML_AFTER_EXECUTING),
    Scenario(digits="921", name="empty_500_after_executing", answering=Answering.EMPTY_500_AFTER_EXECUTING),
    Scenario(digits="922", name="throttled", answering=Answering.THROTTLED),
    Scenario(digits="923", name="quota", answering=Answering.QUOTA),
    Scenario(digits="924", name="maintenance", answering=Answering.MAINTENANCE),
    Scenario(digits="925", name="hang", answering=Answering.HANG),
    Scenario(digits="926", name="reset", answering=Answering.RESET),
    Scenario(digits="927", name="internal_error_after_executing", answering=Answering.INTERNAL_ERROR_AFTER_EXECUTING),
    Scenario(digits="928", name="slow", answering=Answering.SLOW),
    Scenario(digits="929", name="spike_arrest_twice", answering=Answering.SPIKE_ARREST, first_answers=2),
    Scenario(digits="930", name="system_busy_twice", answering=Answering.SYSTEM_BUSY, first_answers=2),
    Scenario(digits="931", name="token_refused_once", answering=Answering.TOKEN_REFUSED, first_answers=1),
)

# Of a payment that goes well: a whole reversal has its payment's amount, and needs digits of its own.
REVERSALS = (
    Scenario(digits="761", name="already_reversed", ends_as="R000001"),
    Scenario(digits="762", name="invalid_receipt", ends_as="R000002"),
    Scenario(digits="763", name="float_exhausted", ends_as="1"),
    Scenario(digits="764", name="wrong_initiator", ends_as="2001"),
    Scenario(digits="765", name="result_lost", telling=Telling.NEVER),
    Scenario(digits="766", name="result_late", telling=Telling.LATE),
    Scenario(digits="767", name="result_twice", telling=Telling.TWICE),
    Scenario(digits="768", name="queue_timeout", telling=Telling.QUEUE_TIMEOUT),
    Scenario(digits="769", name="queue_timeout_after_executing", telling=Telling.QUEUE_TIMEOUT_AFTER_EXECUTING),
    Scenario(digits="770", name="unknown_code", ends_as="7777"),
    Scenario(digits="771", name="hang_after_executing", answering=Answering.HANG_AFTER_EXECUTING),
    Scenario(digits="772", name="reset_after_executing", answering=Answering.RESET_AFTER_EXECUTING),
    Scenario(digits="773", name="spike_arrest_twice", answering=Answering.SPIKE_ARREST, first_answers=2),
    Scenario(digits="774", name="internal_error_after_executing", answering=Answering.INTERNAL_ERROR_AFTER_EXECUTING),
    Scenario(digits="775", name="credential_locked", ends_as="8006"),
    Scenario(digits="776", name="result_early", telling=Telling.EARLY),
    Scenario(digits="777", name="wrong_path", telling=Telling.WRONG_PATH),
    Scenario(digits="778", name="other_amount", telling=Telling.OTHER_AMOUNT),
)

BY_DIGITS: Mapping[str, Scenario] = {each.digits: each for each in (*RESULTS, *TELLINGS, *ANSWERINGS)}
BY_DIGITS_OF_REVERSAL: Mapping[str, Scenario] = {**BY_DIGITS, **{each.digits: each for each in REVERSALS}}

MAGIC_PHONE = re.compile(r"254[17]\d\d999(\d{3})")


def scenario_of(api: Api, amount_shillings: int, phone: str = "") -> Scenario:
    """By the phone, if it is ``254 7xx 999`` and three digits of the table; else by the amount."""
    table = BY_DIGITS_OF_REVERSAL if api is Api.REVERSAL else BY_DIGITS
    magic = MAGIC_PHONE.fullmatch(phone)
    by_amount = table.get(f"{amount_shillings % 1000:03}", DEFAULT)
    return table.get(magic[1], by_amount) if magic else by_amount


def text_of(result_code: str) -> str:
    return RESULT_TEXTS.get(result_code, "The request could not be completed.")


def code_on_wire(result_code: str) -> int | str:
    """A number where it is one: ``E3008`` and ``R000002`` are not."""
    return int(result_code) if result_code.isdigit() else result_code
