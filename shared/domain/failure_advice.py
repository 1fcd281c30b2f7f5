"""What each failure means to those who read it: the customer, in English and Swahili, and the merchant's developer."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.failure import FailureCode


class FailureCategory(StrEnum):
    """Whose doing it was, and so who can change it."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureAdvice:
    """``retryable``: another payment for the same thing, with the customer's consent, may succeed as it is."""

    category: FailureCategory
    retryable: bool
    message: str
    english: str
    swahili: str
    advice: str


_CUSTOMER, _MERCHANT, _PROVIDER = FailureCategory.CUSTOMER, FailureCategory.MERCHANT, FailureCategory.PROVIDER

ADVICE: Mapping[FailureCode, FailureAdvice] = {
    FailureCode.INSUFFICIENT_FUNDS: FailureAdvice(
        category=_CUSTOMER,
        retryable=True,
        message="The customer's balance is too low for this amount.",
        english="Your balance is too low for this amount.",
        swahili="Salio lako halitoshi kwa kiasi hiki.",
        advice="Offer to try again after a top-up, or another way to pay.",
    ),
    FailureCode.DECLINED: FailureAdvice(
        category=_CUSTOMER,
        retryable=False,
        message="The payment was declined.",
        english="The payment was declined.",
        swahili="Malipo yamekataliwa.",
        advice="Offer another way to pay; do not repeat it unasked.",
    ),
    FailureCode.CANCELLED_BY_CUSTOMER: FailureAdvice(
        category=_CUSTOMER,
        retryable=True,
        message="The customer cancelled the payment.",
        english="You cancelled the payment.",
        swahili="Umeghairi malipo.",
        advice="Start another payment only when the customer asks for it.",
    ),
    FailureCode.CANCELLED_BY_MERCHANT: FailureAdvice(
        category=_MERCHANT,
        retryable=True,
        message="The payment was cancelled at the merchant's request.",
        english="The merchant cancelled the payment.",
        swahili="Mfanyabiashara ameghairi malipo.",
        advice="Nothing to do: you asked for it.",
    ),
    FailureCode.EXPIRED: FailureAdvice(
        category=_CUSTOMER,
        retryable=True,
        message="Nobody completed the payment in time.",
        english="The payment was not completed in time.",
        swahili="Malipo hayakukamilishwa kwa wakati.",
        advice="Ask whether the phone is on and at hand, then offer to try again.",
    ),
    FailureCode.INVALID_ACCOUNT: FailureAdvice(
        category=_CUSTOMER,
        retryable=False,
        message="The customer's account cannot pay.",
        english="This number or account cannot be used for this payment.",
        swahili="Nambari au akaunti hii haiwezi kutumika kwa malipo haya.",
        advice="Let the customer check the number, or pay in another way.",
    ),
    FailureCode.LIMIT_EXCEEDED: FailureAdvice(
        category=_CUSTOMER,
        retryable=False,
        message="The amount exceeds one of the customer's limits.",
        english="The amount exceeds one of your limits.",
        swahili="Kiasi hiki kimezidi kikomo chako.",
        advice="Offer a smaller amount, another day, or another way to pay.",
    ),
    FailureCode.AMOUNT_TOO_SMALL: FailureAdvice(
        category=_MERCHANT,
        retryable=False,
        message="The amount is below what the provider takes.",
        english="The amount is too small.",
        swahili="Kiasi hiki ni kidogo mno.",
        advice="GET /api/v1/providers tells the smallest amount.",
    ),
    FailureCode.AMOUNT_TOO_LARGE: FailureAdvice(
        category=_MERCHANT,
        retryable=False,
        message="The amount is above what the provider takes.",
        english="The amount is too large.",
        swahili="Kiasi hiki ni kikubwa mno.",
        advice="GET /api/v1/providers tells the largest amount; split it, or use another provider.",
    ),
    FailureCode.DUPLICATE_WINDOW: FailureAdvice(
        category=_CUSTOMER,
        retryable=True,
        message="The provider takes the same amount from the same customer only after a pause.",
        english="The same payment was made a moment ago. Wait two minutes, then try again.",
        swahili="Malipo kama haya yamefanywa muda mfupi uliopita. Subiri dakika mbili, kisha ujaribu tena.",
        advice="First see whether the earlier payment succeeded.",
    ),
    FailureCode.WRONG_PIN: FailureAdvice(
        category=_CUSTOMER,
        retryable=True,
        message="The customer entered a wrong PIN.",
        english="The PIN was wrong.",
        swahili="PIN uliyoweka si sahihi.",
        advice="Offer to try again; three wrong PINs lock the customer's account.",
    ),
    FailureCode.BLOCKED: FailureAdvice(
        category=_CUSTOMER,
        retryable=False,
        message="The customer's account is blocked.",
        english="Your account is blocked. Please contact your provider.",
        swahili="Akaunti yako imezuiwa. Tafadhali wasiliana na mtoa huduma wako.",
        advice="Offer another way to pay.",
    ),
    FailureCode.CAPTURE_NOT_POSSIBLE: FailureAdvice(
        category=_MERCHANT,
        retryable=False,
        message="What was reserved cannot be taken any more.",
        english="The payment could not be completed.",
        swahili="Malipo hayakuweza kukamilishwa.",
        advice="Start a new payment.",
    ),
    FailureCode.REFUND_NOT_POSSIBLE: FailureAdvice(
        category=_MERCHANT,
        retryable=False,
        message="The provider does not refund this payment.",
        english="The refund could not be made.",
        swahili="Pesa hazikuweza kurejeshwa.",
        advice="See what the provider says beside it; give the money back in another way.",
    ),
    FailureCode.PROVIDER_REFUSED: FailureAdvice(
        category=_PROVIDER,
        retryable=False,
        message="The provider refused the request.",
        english="The payment could not be made.",
        swahili="Malipo hayakuweza kufanyika.",
        advice="See provider_code and provider_message, and report them to your operator.",
    ),
    FailureCode.PROVIDER_FAILED: FailureAdvice(
        category=_PROVIDER,
        retryable=True,
        message="The provider took the request and could not carry it out.",
        english="Something went wrong at the payment provider. You have not been charged.",
        swahili="Hitilafu imetokea kwa mtoa huduma wa malipo. Hujatozwa.",
        advice="Offer to try again in a few minutes.",
    ),
    FailureCode.PROVIDER_UNAVAILABLE: FailureAdvice(
        category=_PROVIDER,
        retryable=True,
        message="The provider could not be reached in time; nothing was sent.",
        english="The payment provider could not be reached. You have not been charged.",
        swahili="Mtoa huduma wa malipo hakupatikana. Hujatozwa.",
        advice="Offer another way to pay, or try again later.",
    ),
}
