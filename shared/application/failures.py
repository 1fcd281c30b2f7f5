"""Says in our words why something failed."""

from shared.domain.failure import FailureCode
from shared.domain.outcome import Declined
from shared.domain.transaction import Failure

_MESSAGES = {
    FailureCode.INSUFFICIENT_FUNDS: "The customer's balance is too low for this amount.",
    FailureCode.DECLINED: "The payment was declined.",
    FailureCode.CANCELLED_BY_CUSTOMER: "The customer cancelled the payment.",
    FailureCode.CANCELLED_BY_MERCHANT: "The payment was cancelled at the merchant's request.",
    FailureCode.EXPIRED: "Nobody completed the payment in time.",
    FailureCode.INVALID_ACCOUNT: "The customer's account cannot pay.",
    FailureCode.LIMIT_EXCEEDED: "The amount exceeds one of the customer's limits.",
    FailureCode.CAPTURE_NOT_POSSIBLE: "What was reserved cannot be taken any more.",
    FailureCode.REFUND_NOT_POSSIBLE: "The provider does not refund this payment.",
    FailureCode.PROVIDER_REFUSED: "The provider refused the request.",
    FailureCode.PROVIDER_FAILED: "The provider took the request and could not carry it out.",
    FailureCode.PROVIDER_UNAVAILABLE: "The provider could not be reached in time; nothing was sent.",
}


def failure_of(outcome: Declined) -> Failure:
    """A decline in our words, with theirs beside."""
    code = FailureCode(outcome.code)
    return Failure(
        code=code,
        message=_MESSAGES[code],
        provider_code=outcome.provider_code,
        provider_message=outcome.provider_message,
    )
