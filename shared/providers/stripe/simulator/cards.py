"""Stripe's test payment methods, and what each of them makes happen."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.providers.stripe.simulator.scenarios import RefundStatus


class Settling(StrEnum):
    """When it is decided whether the money comes."""

    AT_ONCE = "at_once"
    LATER = "later"
    LATER_FAILS = "later_fails"
    NEVER = "never"
    UNKNOWN = "unknown"  # a status that is in no documentation


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    """A no, in the words of the error body; ``advice_code`` says whether another try may help."""

    code: str
    decline_code: str | None = None
    message: str
    advice_code: str | None = None
    network_decline_code: str | None = None
    kind: str = "card_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """``dispute`` is the status in which a dispute of the charge opens."""

    decline: Decline | None = None
    needs_action: bool = False
    settling: Settling = Settling.AT_ONCE
    dispute: str | None = None
    refund_steps: tuple[RefundStatus, ...] = (RefundStatus.SUCCEEDED,)


DECLINED = "Your card was declined."
TRY_LATER, NEVER_AGAIN, CONFIRM = "try_again_later", "do_not_try_again", "confirm_card_data"

DECLINES: Mapping[str, Decline] = {
    "generic_decline": Decline(
        code="card_declined", decline_code="generic_decline", message=DECLINED, advice_code=TRY_LATER
    ),
    "insufficient_funds": Decline(
        code="card_declined",
        decline_code="insufficient_funds",
        message="Your card has insufficient funds.",
        advice_code=TRY_LATER,
        network_decline_code="51",
    ),
    "lost_card": Decline(
        code="card_declined",
        decline_code="lost_card",
        message=DECLINED,
        advice_code=NEVER_AGAIN,
        network_decline_code="41",
    ),
    "stolen_card": Decline(
        code="card_declined",
        decline_code="stolen_card",
        message=DECLINED,
        advice_code=NEVER_AGAIN,
        network_decline_code="43",
    ),
    "expired_card": Decline(
        code="expired_card", decline_code="expired_card", message="Your card has expired.", advice_code=NEVER_AGAIN
    ),
    "incorrect_cvc": Decline(
        code="incorrect_cvc",
        decline_code="incorrect_cvc",
        message="Your card's security code is incorrect.",
        advice_code=CONFIRM,
    ),
    "processing_error": Decline(
        code="processing_error",
        decline_code="processing_error",
        message="An error occurred while processing your card. Try again in a little bit.",
        advice_code=TRY_LATER,
    ),
    "unknown_decline_code": Decline(
        code="card_declined", decline_code="moon_in_wrong_phase", message=DECLINED, advice_code="consult_the_stars"
    ),
}
AUTHENTICATION_REQUIRED = Decline(
    code="authentication_required",
    decline_code="authentication_required",
    message="Your card was declined. This transaction requires authentication.",
)

BEHAVIOURS: Mapping[str, Behaviour] = {
    "succeeds": Behaviour(),
    **{name: Behaviour(decline=decline) for name, decline in DECLINES.items()},
    "authenticate": Behaviour(needs_action=True),
    "authenticate_then_decline": Behaviour(needs_action=True, decline=DECLINES["generic_decline"]),
    "processing_succeeds": Behaviour(settling=Settling.LATER),
    "processing_fails": Behaviour(settling=Settling.LATER_FAILS),
    "processing_for_ever": Behaviour(settling=Settling.NEVER),
    "processing_disputed": Behaviour(settling=Settling.LATER, dispute="needs_response"),
    "unknown_status": Behaviour(settling=Settling.UNKNOWN),
    "dispute": Behaviour(dispute="needs_response"),
    "inquiry": Behaviour(dispute="warning_needs_response"),
    "pending_refund": Behaviour(refund_steps=(RefundStatus.PENDING, RefundStatus.SUCCEEDED)),
    "refund_fails": Behaviour(refund_steps=(RefundStatus.SUCCEEDED, RefundStatus.FAILED)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxMethod:
    """A row of Stripe's table of test payment methods; ``number`` is a card's, or an IBAN."""

    number: str
    behaviour: str = "succeeds"
    brand: str = "visa"
    funding: str = "credit"
    kind: str = "card"


CARDS: Mapping[str, SandboxMethod] = {
    "visa": SandboxMethod(number="4242424242424242"),
    "visa_debit": SandboxMethod(number="4000056655665556", funding="debit"),
    "mastercard": SandboxMethod(number="5555555555554444", brand="mastercard"),
    "mastercard_debit": SandboxMethod(number="5200828282828210", brand="mastercard", funding="debit"),
    "amex": SandboxMethod(number="378282246310005", brand="amex"),
    "chargeDeclined": SandboxMethod(number="4000000000000002", behaviour="generic_decline"),
    "chargeDeclinedInsufficientFunds": SandboxMethod(number="4000000000009995", behaviour="insufficient_funds"),
    "chargeDeclinedLostCard": SandboxMethod(number="4000000000009987", behaviour="lost_card"),
    "chargeDeclinedStolenCard": SandboxMethod(number="4000000000009979", behaviour="stolen_card"),
    "chargeDeclinedExpiredCard": SandboxMethod(number="4000000000000069", behaviour="expired_card"),
    "chargeDeclinedIncorrectCvc": SandboxMethod(number="4000000000000127", behaviour="incorrect_cvc"),
    "chargeDeclinedProcessingError": SandboxMethod(number="4000000000000119", behaviour="processing_error"),
    "chargeCustomerFail": SandboxMethod(number="4000000000000341", behaviour="generic_decline"),
    "authenticationRequired": SandboxMethod(number="4000002500003155", behaviour="authenticate"),
    "authenticationRequiredOnSetup": SandboxMethod(number="4000002760003184", behaviour="authenticate"),
    "threeDSecure2Required": SandboxMethod(number="4000000000003220", behaviour="authenticate"),
    "threeDSecureRequired": SandboxMethod(number="4000000000003063", behaviour="authenticate"),
    "threeDSecureRequiredChargeDeclined": SandboxMethod(
        number="4000008400001629", behaviour="authenticate_then_decline"
    ),
    "createDispute": SandboxMethod(number="4000000000000259", behaviour="dispute"),
    "createDisputeInquiry": SandboxMethod(number="4000000000001976", behaviour="inquiry"),
    "pendingRefund": SandboxMethod(number="4000000000007726", behaviour="pending_refund"),
    "refundFail": SandboxMethod(number="4000000000005126", behaviour="refund_fails"),
}
IBANS = (
    SandboxMethod(number="AT321904300235473204", behaviour="processing_succeeds", kind="sepa_debit"),
    SandboxMethod(number="AT861904300235473202", behaviour="processing_fails", kind="sepa_debit"),
    SandboxMethod(number="AT591904300235473203", behaviour="processing_disputed", kind="sepa_debit"),
)

BY_NUMBER: Mapping[str, SandboxMethod] = {method.number: method for method in (*CARDS.values(), *IBANS)}


def method_of_token(token: str) -> SandboxMethod | None:
    """``pm_card_visa`` and the like; the declines go by ``pm_card_visa_chargeDeclined…`` too."""
    name = token.removeprefix("pm_card_") if token.startswith("pm_card_") else token.removeprefix("tok_")
    return CARDS.get(name) or CARDS.get(name.removeprefix("visa_"))
