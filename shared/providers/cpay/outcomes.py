"""What CPay's answers mean: tables from their statuses and codes to our outcomes."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.outcome import Answer, Authorized, Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.provider_kit.answers import answer_of
from shared.provider_kit.http import ProviderResponse, retry_after_seconds
from shared.providers.cpay.wire import Capture, ErrorDetail, Payment, Payout, Refund, Resource

MAX_MESSAGE_CHARACTERS = 500


class Meaning(StrEnum):
    """What a resource's status says about the money."""

    UNDECIDED = "undecided"
    RESERVED = "reserved"
    MOVED = "moved"
    REFUSED = "refused"


class Verdict(StrEnum):
    """What an error says about the request that got it."""

    DECLINED = "declined"
    THROTTLED = "throttled"
    MISCONFIGURED = "misconfigured"
    NOT_FOUND = "not_found"
    REFUND_NOT_POSSIBLE = "refund_not_possible"
    IN_DOUBT = "in_doubt"


# A status that is not here is undecided: never a success, never a failure.
PAYMENT_STATUSES: Mapping[str, Meaning] = {
    "pending": Meaning.UNDECIDED,
    "authorized": Meaning.RESERVED,
    "succeeded": Meaning.MOVED,
    "failed": Meaning.REFUSED,
    "cancelled": Meaning.REFUSED,
    "expired": Meaning.REFUSED,
}
MOVEMENT_STATUSES: Mapping[str, Meaning] = {
    "pending": Meaning.UNDECIDED,
    "succeeded": Meaning.MOVED,
    "failed": Meaning.REFUSED,
}

# After a cancellation, nothing more is taken of a payment in one of these.
RELEASED = frozenset({"cancelled", "succeeded"})

# A code that is not here is PROVIDER_REFUSED, with their code kept beside it.
FAILURE_CODES: Mapping[str, FailureCode] = {
    "insufficient_funds": FailureCode.INSUFFICIENT_FUNDS,
    "declined": FailureCode.DECLINED,
    "cancelled_by_user": FailureCode.CANCELLED_BY_CUSTOMER,
    "timeout": FailureCode.EXPIRED,
    "invalid_account": FailureCode.INVALID_ACCOUNT,
    "limit_exceeded": FailureCode.LIMIT_EXCEEDED,
    "provider_error": FailureCode.PROVIDER_FAILED,
    # a status, where the payment ended without a failure code
    "cancelled": FailureCode.CANCELLED_BY_CUSTOMER,
    "expired": FailureCode.EXPIRED,
}

ErrorTable = Mapping[tuple[int, str], Verdict]

ANY_CODE = "*"
UNREADABLE = ""  # an error that is not in CPay's own format

# CPay's gate answers these before anything is executed, so they are believed with or without a readable body.
AT_THE_GATE: ErrorTable = {
    (401, ANY_CODE): Verdict.MISCONFIGURED,
    (401, UNREADABLE): Verdict.MISCONFIGURED,
    (403, ANY_CODE): Verdict.MISCONFIGURED,
    (403, UNREADABLE): Verdict.MISCONFIGURED,
    (429, ANY_CODE): Verdict.THROTTLED,
    (429, UNREADABLE): Verdict.THROTTLED,
}

# What is in no table may have been executed: in doubt. 503 service_unavailable is believed only when it is also marked
# retryable (CPay sheds load before it executes); 500 never is, since CPay may have committed before it failed.
PAYMENT_ERRORS: ErrorTable = {
    **AT_THE_GATE,
    (400, ANY_CODE): Verdict.DECLINED,
    (402, ANY_CODE): Verdict.DECLINED,
    (422, ANY_CODE): Verdict.DECLINED,
    (503, "service_unavailable"): Verdict.THROTTLED,
}
REFUND_ERRORS: ErrorTable = {
    **PAYMENT_ERRORS,
    (422, "refund_exceeds_amount"): Verdict.REFUND_NOT_POSSIBLE,
    (404, "not_found"): Verdict.REFUND_NOT_POSSIBLE,
    (409, "invalid_state"): Verdict.REFUND_NOT_POSSIBLE,
}
CAPTURE_ERRORS: ErrorTable = {
    **PAYMENT_ERRORS,
    (404, "not_found"): Verdict.DECLINED,
    (409, "invalid_state"): Verdict.DECLINED,
}
# Only CPay's "too late" is a no: what else it may say of a cancellation says nothing of the payment.
CANCEL_ERRORS: ErrorTable = {
    **AT_THE_GATE,
    (409, "invalid_state"): Verdict.DECLINED,
    (503, "service_unavailable"): Verdict.THROTTLED,
}
# To the caller, a query's NotSent is proof that there is nothing: only CPay's own "not found" is that.
QUERY_ERRORS: ErrorTable = {(404, "not_found"): Verdict.NOT_FOUND}


def outcome_of_payment(payment: Payment) -> Outcome:
    """What the payment's status says."""
    outcome = outcome_of(payment, PAYMENT_STATUSES.get(payment.status, Meaning.UNDECIDED))
    return replace(outcome, captured=captured_of(payment)) if isinstance(outcome, Succeeded) else outcome


def outcome_of_movement(movement: Refund | Capture | Payout) -> Outcome:
    """What the status of a refund, a capture or a payout says."""
    return outcome_of(movement, MOVEMENT_STATUSES.get(movement.status, Meaning.UNDECIDED))


def outcome_of(resource: Resource, meaning: Meaning) -> Outcome:
    answer = answer_of(resource)
    match meaning:
        case Meaning.MOVED:
            return Succeeded(reference=resource.id, answer=answer)
        case Meaning.RESERVED:
            return Authorized(reference=resource.id, answer=answer)
        case Meaning.UNDECIDED:
            return Pending(reference=resource.id, answer=answer)
        case Meaning.REFUSED:
            return declined(resource, answer)


def captured_of(payment: Payment) -> Money | None:
    """What was taken of a payment that says so; ``None``: all of it, as of each that is captured automatically."""
    if payment.capture_method == "automatic" or payment.captured_amount is None:
        return None
    return Money(payment.captured_amount, payment.currency)


def declined(resource: Resource, answer: Answer) -> Declined:
    code = resource.failure.code if resource.failure else resource.status
    return Declined(
        code=FAILURE_CODES.get(code, FailureCode.PROVIDER_REFUSED),
        provider_code=code,
        provider_message=(resource.failure.message if resource.failure else "")[:MAX_MESSAGE_CHARACTERS],
        reference=resource.id,
        answer=answer,
    )


def outcome_of_error(response: ProviderResponse, error: ErrorDetail | None, table: ErrorTable) -> Outcome:
    """What an answer other than success says; ``error`` is ``None`` where it is not in CPay's format."""
    match verdict_on(response.status, error, table):
        case Verdict.DECLINED:
            return refused(error, FAILURE_CODES.get(code_of(error), FailureCode.PROVIDER_REFUSED))
        case Verdict.REFUND_NOT_POSSIBLE:
            return refused(error, FailureCode.REFUND_NOT_POSSIBLE)
        case Verdict.THROTTLED:
            return NotSent(reason=reason_of(response, error), retry_after_seconds=retry_after_seconds(response.headers))
        case Verdict.MISCONFIGURED:
            return NotSent(reason=f"misconfigured: {reason_of(response, error)}")
        case Verdict.NOT_FOUND:
            return NotSent(reason="not_found")
        case Verdict.IN_DOUBT:
            return InDoubt(reason=reason_of(response, error), answer=answer_of(error) if error else {})


def verdict_on(status: int, error: ErrorDetail | None, table: ErrorTable) -> Verdict:
    if error is None:
        return table.get((status, UNREADABLE), Verdict.IN_DOUBT)
    if status >= 500 and not error.retryable:
        return Verdict.IN_DOUBT
    return table.get((status, error.code)) or table.get((status, ANY_CODE), Verdict.IN_DOUBT)


def refused(error: ErrorDetail | None, code: FailureCode) -> Declined:
    message = (error.message if error else "")[:MAX_MESSAGE_CHARACTERS]
    answer = answer_of(error) if error else {}
    return Declined(code=code, provider_code=code_of(error), provider_message=message, answer=answer)


def code_of(error: ErrorDetail | None) -> str:
    return error.code if error else ""


def reason_of(response: ProviderResponse, error: ErrorDetail | None) -> str:
    """Such as ``http 503 service_unavailable``."""
    return f"http {response.status} {error.code if error else 'unreadable'}"
