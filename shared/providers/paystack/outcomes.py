"""What Paystack's answers mean: tables from their statuses, texts and codes to our outcomes."""

from collections.abc import Mapping
from enum import StrEnum

from shared.domain.failure import FailureCode
from shared.domain.outcome import Answer, Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.provider_kit.answers import answer_of
from shared.provider_kit.http import ProviderResponse, retry_after_seconds
from shared.providers.paystack.wire import Charge, ErrorBody, Payment, Refund, RefundNews

MAX_CODE_CHARACTERS = 100
MAX_MESSAGE_CHARACTERS = 500

# What a checkout waits for. The address of its page is told only once, when it is made: this keeps it as it stands.
AT_THE_PAGE: Mapping[str, str] = {"type": "redirect"}


class Meaning(StrEnum):
    """What a status says about the money."""

    UNDECIDED = "undecided"
    MOVED = "moved"
    REFUSED = "refused"


class Verdict(StrEnum):
    """What an error says about the request that got it."""

    DECLINED = "declined"
    REFUND_NOT_POSSIBLE = "refund_not_possible"
    DUPLICATE = "duplicate"
    THROTTLED = "throttled"
    MISCONFIGURED = "misconfigured"
    NOT_FOUND = "not_found"
    IN_DOUBT = "in_doubt"


# A status that is not here is undecided: never a success, never a failure.
PAYMENT_STATUSES: Mapping[str, Meaning] = {
    "success": Meaning.MOVED,
    "failed": Meaning.REFUSED,
    "reversed": Meaning.REFUSED,  # taken and given back: what waits for its money gets none
    # "abandoned" is said of every page that the customer has not finished, from its first moment: they still may.
    "abandoned": Meaning.UNDECIDED,
    "ongoing": Meaning.UNDECIDED,
    "pending": Meaning.UNDECIDED,
    "processing": Meaning.UNDECIDED,
    "queued": Meaning.UNDECIDED,
}
# In the answer to POST /charge; the rest as above.
CHARGE_STATUSES: Mapping[str, Meaning] = {
    **PAYMENT_STATUSES,
    **dict.fromkeys(("pay_offline", "send_otp", "send_pin", "send_phone", "open_url"), Meaning.UNDECIDED),
}
# In a statement, what was given back is in lines of its own, and the payment stays taken.
STATEMENT_STATUSES: Mapping[str, Meaning] = {**PAYMENT_STATUSES, "reversed": Meaning.MOVED}
REFUND_STATUSES: Mapping[str, Meaning] = {
    "pending": Meaning.UNDECIDED,
    "processing": Meaning.UNDECIDED,
    "needs-attention": Meaning.UNDECIDED,  # they want to know the customer's bank account; nothing is over
    "processed": Meaning.MOVED,
    "failed": Meaning.REFUSED,
}

# The words of banks and operators, as ``gateway_response`` has them, in lower case without a full stop. What is not
# here is PROVIDER_REFUSED, with the words kept beside it.
FAILURE_TEXTS: Mapping[str, FailureCode] = {
    "insufficient funds": FailureCode.INSUFFICIENT_FUNDS,
    "insufficient balance": FailureCode.INSUFFICIENT_FUNDS,
    "declined": FailureCode.DECLINED,
    "transaction declined": FailureCode.DECLINED,
    "declined by financial institution": FailureCode.DECLINED,
    "do not honor": FailureCode.DECLINED,
    "transaction cancelled": FailureCode.CANCELLED_BY_CUSTOMER,
    "transaction cancelled by customer": FailureCode.CANCELLED_BY_CUSTOMER,
    "cancelled by customer": FailureCode.CANCELLED_BY_CUSTOMER,
    "request cancelled by user": FailureCode.CANCELLED_BY_CUSTOMER,
    "timeout": FailureCode.EXPIRED,
    "transaction timed out": FailureCode.EXPIRED,
    "transaction expired": FailureCode.EXPIRED,
    "incorrect pin": FailureCode.WRONG_PIN,
    "invalid pin": FailureCode.WRONG_PIN,
    "exceeds withdrawal limit": FailureCode.LIMIT_EXCEEDED,
    "transaction limit exceeded": FailureCode.LIMIT_EXCEEDED,
    "expired card": FailureCode.INVALID_ACCOUNT,
    "invalid card number": FailureCode.INVALID_ACCOUNT,
    "no card record": FailureCode.INVALID_ACCOUNT,
    "restricted card": FailureCode.BLOCKED,
    "suspected fraud": FailureCode.BLOCKED,
}

ErrorTable = Mapping[tuple[int, str], Verdict]

ANY_CODE = "*"
UNREADABLE = ""  # an error that is not in Paystack's own format

# Their gate answers these before anything is executed, so they are believed with or without a readable body.
AT_THE_GATE: ErrorTable = {
    (401, ANY_CODE): Verdict.MISCONFIGURED,
    (401, UNREADABLE): Verdict.MISCONFIGURED,
    (403, ANY_CODE): Verdict.MISCONFIGURED,
    (403, UNREADABLE): Verdict.MISCONFIGURED,
    (429, ANY_CODE): Verdict.THROTTLED,
    (429, UNREADABLE): Verdict.THROTTLED,
}
# What is in no table may have been executed: in doubt. Paystack promises nothing about any 5xx.
PAYMENT_ERRORS: ErrorTable = {
    **AT_THE_GATE,
    (400, "duplicate_reference"): Verdict.DUPLICATE,
    (400, ANY_CODE): Verdict.DECLINED,
    (403, "unsupported_currency"): Verdict.DECLINED,
}
REFUND_ERRORS: ErrorTable = {
    **AT_THE_GATE,
    (400, ANY_CODE): Verdict.REFUND_NOT_POSSIBLE,
    (404, ANY_CODE): Verdict.REFUND_NOT_POSSIBLE,
}
# To the caller, a query's NotSent is proof that there is nothing: only "not found" in so many words is that.
QUERY_ERRORS: ErrorTable = {
    (400, "transaction_not_found"): Verdict.NOT_FOUND,
    (404, "transaction_not_found"): Verdict.NOT_FOUND,
}

# What older answers say in words only, where it matters.
CODES_OF_MESSAGES: Mapping[str, str] = {
    "duplicate transaction reference": "duplicate_reference",
    "currency not supported by merchant": "unsupported_currency",
    "transaction reference not found": "transaction_not_found",
}
THEIR_OWN_FAULT = "api_error"


def outcome_of_payment(
    payment: Payment, statuses: Mapping[str, Meaning] = PAYMENT_STATUSES, *, at_the_page: bool = False
) -> Outcome:
    """What the payment's status says; ``at_the_page``: while it is undecided, its customer has a page to finish."""
    answer = answer_of(payment)
    match statuses.get(payment.status, Meaning.UNDECIDED):
        case Meaning.MOVED:
            return Succeeded(reference=payment.reference, answer=answer)
        case Meaning.UNDECIDED:
            next_action = AT_THE_PAGE if at_the_page else None
            return Pending(reference=payment.reference, next_action=next_action, answer=answer)
        case Meaning.REFUSED:
            return declined(payment.reference, payment.status, payment.gateway_response, answer)


def outcome_of_charge(charge: Charge) -> Outcome:
    """What the answer to ``POST /charge`` says of what has just begun."""
    answer = answer_of(charge)
    match CHARGE_STATUSES.get(charge.status, Meaning.UNDECIDED):
        case Meaning.REFUSED:
            return declined(charge.reference, charge.status, charge.gateway_response, answer)
        case Meaning.MOVED if charge.amount is None or charge.currency is None:
            return InDoubt(reason="a success without its amount", answer=answer)
        case Meaning.MOVED:
            return Succeeded(reference=charge.reference, answer=answer)
        case Meaning.UNDECIDED:
            return Pending(reference=charge.reference, answer=answer)


def outcome_of_refund(refund: Refund | RefundNews, reference: str) -> Outcome:
    """What the refund's status says; ``reference`` is their number of it."""
    answer = answer_of(refund)
    match REFUND_STATUSES.get(refund.status, Meaning.UNDECIDED):
        case Meaning.MOVED:
            return Succeeded(reference=reference, answer=answer)
        case Meaning.UNDECIDED:
            return Pending(reference=reference, answer=answer)
        case Meaning.REFUSED:
            return Declined(
                code=FailureCode.PROVIDER_FAILED, provider_code=refund.status, reference=reference, answer=answer
            )


def declined(reference: str | None, status: str, words: str | None, answer: Answer) -> Declined:
    """Their no; where the bank has no words for it (or the money went back), the status stands for them."""
    said = words if words and status == "failed" else status
    return Declined(
        code=failure_of(said),
        provider_code=said[:MAX_CODE_CHARACTERS],
        provider_message=(words or "")[:MAX_MESSAGE_CHARACTERS],
        reference=reference,
        answer=answer,
    )


def failure_of(words: str) -> FailureCode:
    return FAILURE_TEXTS.get(normal(words), FailureCode.PROVIDER_REFUSED)


def normal(words: str) -> str:
    return words.strip().rstrip(".").lower()


def outcome_of_error(response: ProviderResponse, error: ErrorBody | None, table: ErrorTable) -> Outcome:
    """What an answer other than success says; ``error`` is ``None`` where it is not in Paystack's format."""
    match verdict_on(response.status, error, table):
        case Verdict.DECLINED:
            return refused(error, failure_of(error.message if error else ""))
        case Verdict.REFUND_NOT_POSSIBLE:
            return refused(error, FailureCode.REFUND_NOT_POSSIBLE)
        case Verdict.THROTTLED:
            return NotSent(reason=reason_of(response, error), retry_after_seconds=retry_after_seconds(response.headers))
        case Verdict.MISCONFIGURED:
            return NotSent(reason=f"misconfigured: {reason_of(response, error)}")
        case Verdict.NOT_FOUND:
            return NotSent(reason="not_found")
        case Verdict.IN_DOUBT | Verdict.DUPLICATE:
            return InDoubt(reason=reason_of(response, error), answer=answer_of(error) if error else {})


def verdict_on(status: int, error: ErrorBody | None, table: ErrorTable) -> Verdict:
    if error is None:
        return table.get((status, UNREADABLE), Verdict.IN_DOUBT)
    if error.type == THEIR_OWN_FAULT and status not in {401, 403, 429}:
        return Verdict.IN_DOUBT
    return table.get((status, code_of(error))) or table.get((status, ANY_CODE), Verdict.IN_DOUBT)


def code_of(error: ErrorBody) -> str:
    return error.code or CODES_OF_MESSAGES.get(normal(error.message), "")


def refused(error: ErrorBody | None, code: FailureCode) -> Declined:
    message = (error.message if error else "")[:MAX_MESSAGE_CHARACTERS]
    said = (code_of(error) if error else "") or message
    return Declined(
        code=code,
        provider_code=said[:MAX_CODE_CHARACTERS],
        provider_message=message,
        answer=answer_of(error) if error else {},
    )


def reason_of(response: ProviderResponse, error: ErrorBody | None) -> str:
    """Such as ``http 500 api_error``."""
    said = "unreadable" if error is None else code_of(error) or error.type or "without a code"
    return f"http {response.status} {said}"
