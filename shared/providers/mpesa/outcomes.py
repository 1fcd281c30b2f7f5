"""What M-Pesa's result codes mean: one table for each kind of request, and what is in none is undecided."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.domain.failure import FailureCode
from shared.domain.outcome import Answer, Declined, Outcome, Pending, Succeeded

F = FailureCode

MAX_MESSAGE_CHARACTERS = 500
PHONE_IN_TEXT = re.compile(r"(?<![0-9])(?:\+?254|0)[17][0-9]{8}(?![0-9])")


class Alert(StrEnum):
    """Stands as ``alert`` in an outcome's answer: somebody of ours must look, whatever becomes of the payment."""

    UNKNOWN_CODE = "unknown_code"
    CONFIGURATION = "configuration"
    FLOAT = "float"
    CREDENTIAL_LOCKED = "credential_locked"
    UNEXPECTED = "unexpected"


class Undecided(StrEnum):
    """They are still at it."""

    AT_WORK = "at_work"


class Moved(StrEnum):
    """The money is where it was to go."""

    DONE = "done"


@dataclass(frozen=True, slots=True)
class Refused:
    code: FailureCode
    alert: Alert | None = None


Meaning = Moved | Undecided | Refused
ResultTable = Mapping[str, Meaning]

# Of a prompt, in a callback and in a query. No code allows a second prompt without the customer's wish.
STK_RESULTS: ResultTable = {
    "0": Moved.DONE,
    "4999": Undecided.AT_WORK,
    "1": Refused(F.INSUFFICIENT_FUNDS),
    "2": Refused(F.AMOUNT_TOO_SMALL),
    "3": Refused(F.AMOUNT_TOO_LARGE),
    "4": Refused(F.LIMIT_EXCEEDED),
    "8": Refused(F.LIMIT_EXCEEDED),
    "17": Refused(F.DUPLICATE_WINDOW),
    "26": Refused(F.PROVIDER_UNAVAILABLE),
    "1001": Refused(F.PROVIDER_UNAVAILABLE),
    "1019": Refused(F.EXPIRED),
    "1025": Refused(F.PROVIDER_FAILED),
    "1031": Refused(F.CANCELLED_BY_CUSTOMER),
    "1032": Refused(F.CANCELLED_BY_CUSTOMER),
    "1036": Refused(F.EXPIRED),
    "1037": Refused(F.EXPIRED),
    "2001": Refused(F.WRONG_PIN),
    "2028": Refused(F.PROVIDER_REFUSED, Alert.CONFIGURATION),
    "8006": Refused(F.BLOCKED),
    "9999": Refused(F.PROVIDER_FAILED),
    "SFC_IC0003": Refused(F.PROVIDER_REFUSED, Alert.CONFIGURATION),
    "E3008": Refused(F.DECLINED),
}

# Of what an initiator orders: there 2001 and 8006 are about our credential, not about a customer's PIN.
_COMMANDS: ResultTable = {
    "0": Moved.DONE,
    "1": Refused(F.INSUFFICIENT_FUNDS, Alert.FLOAT),
    "11": Refused(F.PROVIDER_REFUSED, Alert.CONFIGURATION),
    "21": Refused(F.PROVIDER_REFUSED, Alert.CONFIGURATION),
    "2001": Refused(F.PROVIDER_REFUSED, Alert.CONFIGURATION),
    "2006": Refused(F.PROVIDER_REFUSED, Alert.CONFIGURATION),
    "2028": Refused(F.PROVIDER_REFUSED, Alert.CONFIGURATION),
    "8006": Refused(F.PROVIDER_REFUSED, Alert.CREDENTIAL_LOCKED),
}
REVERSAL_RESULTS: ResultTable = {
    **_COMMANDS,
    # Only ever a whole payment is reversed, and each by one refund: who has done it was us.
    "R000001": Moved.DONE,
    "R000002": Refused(F.REFUND_NOT_POSSIBLE),
}
B2C_RESULTS: ResultTable = {
    **_COMMANDS,
    "2": Refused(F.AMOUNT_TOO_SMALL),
    "3": Refused(F.AMOUNT_TOO_LARGE),
    "4": Refused(F.LIMIT_EXCEEDED),
    "8": Refused(F.LIMIT_EXCEEDED),
    # The core's own word for a repeated OriginatorConversationID: the first one decides.
    "15": Undecided.AT_WORK,
    "2040": Refused(F.INVALID_ACCOUNT),
    "SFC_IC0003": Refused(F.INVALID_ACCOUNT),
}

# The TransactionStatus of a transaction that was asked about.
TRANSACTION_STATUSES: ResultTable = {
    "Completed": Moved.DONE,
    "Initiated": Undecided.AT_WORK,
    "Authorized": Undecided.AT_WORK,
    "Pending Authorized": Undecided.AT_WORK,
    "Cancelled": Refused(F.PROVIDER_REFUSED),
    "Declined": Refused(F.DECLINED),
    "Expired": Refused(F.EXPIRED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A code of theirs and what came with it; ``answer`` is what is kept of it all."""

    code: str
    description: str
    reference: str | None
    receipt: str | None = None
    answer: Answer = field(default_factory=dict)


def outcome_of_result(table: ResultTable, said: Said) -> Outcome:
    """What a code means; one that is in no table is undecided, and somebody must look."""
    answer = {**said.answer, "code": said.code, "description": redacted(said.description)}
    match table.get(said.code):
        case Moved.DONE:
            return Succeeded(reference=said.reference, receipt=said.receipt, answer=answer)
        case Undecided.AT_WORK:
            return Pending(reference=said.reference, answer=answer)
        case Refused(code, alert):
            return Declined(
                code=code,
                provider_code=said.code,
                provider_message=redacted(said.description),
                reference=said.reference,
                answer=alerted(answer, alert),
            )
        case None:
            return Pending(reference=said.reference, answer=alerted(answer, Alert.UNKNOWN_CODE))


def alerted(answer: Answer, alert: Alert | None) -> Answer:
    return answer if alert is None else {**answer, "alert": alert.value}


def redacted(text: str) -> str:
    """Their words without anybody's phone number."""
    return PHONE_IN_TEXT.sub("[phone]", text)[:MAX_MESSAGE_CHARACTERS]
