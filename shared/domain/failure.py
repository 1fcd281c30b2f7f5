"""Why a payment or a refund did not happen, in one vocabulary for all providers."""

from enum import StrEnum


class FailureCode(StrEnum):
    """The ``failure.code`` that a merchant programs against; a provider's own code stands beside it."""

    INSUFFICIENT_FUNDS = "insufficient_funds"
    DECLINED = "declined"
    CANCELLED_BY_CUSTOMER = "cancelled_by_customer"
    CANCELLED_BY_MERCHANT = "cancelled_by_merchant"
    EXPIRED = "expired"
    INVALID_ACCOUNT = "invalid_account"
    LIMIT_EXCEEDED = "limit_exceeded"
    AMOUNT_TOO_SMALL = "amount_too_small"
    AMOUNT_TOO_LARGE = "amount_too_large"
    DUPLICATE_WINDOW = "duplicate_window"
    WRONG_PIN = "wrong_pin"
    BLOCKED = "blocked"
    CAPTURE_NOT_POSSIBLE = "capture_not_possible"
    REFUND_NOT_POSSIBLE = "refund_not_possible"
    PROVIDER_REFUSED = "provider_refused"
    PROVIDER_FAILED = "provider_failed"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
