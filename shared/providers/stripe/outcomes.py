"""What Stripe's answers mean: tables from its statuses and codes to our outcomes."""

from collections.abc import Mapping
from enum import StrEnum

from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.outcome import Answer, Authorized, Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.provider_kit.answers import answer_of
from shared.providers.stripe.calls import Refusal
from shared.providers.stripe.entries import BY_MERCHANT, CONFIRMATION_ENTRY
from shared.providers.stripe.money import from_stripe
from shared.providers.stripe.wire import Charge, Intent, Problem, Refund

MAX_MESSAGE_CHARACTERS = 500


class Meaning(StrEnum):
    """What a status says about the money."""

    UNDECIDED = "undecided"
    WAITS_FOR_METHOD = "waits_for_method"
    WAITS_FOR_CUSTOMER = "waits_for_customer"
    RESERVED = "reserved"
    MOVED = "moved"
    CANCELLED = "cancelled"
    REFUSED = "refused"


class Verdict(StrEnum):
    """What an error says about the request that got it."""

    DECLINED = "declined"
    THROTTLED = "throttled"
    MISCONFIGURED = "misconfigured"
    NOT_FOUND = "not_found"
    REFUND_NOT_POSSIBLE = "refund_not_possible"
    CAPTURE_NOT_POSSIBLE = "capture_not_possible"
    LOOK = "look"
    IN_DOUBT = "in_doubt"


# A status that is not here is undecided: never a success, never a failure.
INTENT_STATUSES: Mapping[str, Meaning] = {
    "requires_payment_method": Meaning.WAITS_FOR_METHOD,
    "requires_confirmation": Meaning.WAITS_FOR_METHOD,
    "requires_action": Meaning.WAITS_FOR_CUSTOMER,
    "processing": Meaning.UNDECIDED,
    "requires_capture": Meaning.RESERVED,
    "succeeded": Meaning.MOVED,
    "canceled": Meaning.CANCELLED,
    # until API version 2019-02-11
    "requires_source": Meaning.WAITS_FOR_METHOD,
    "requires_source_action": Meaning.WAITS_FOR_CUSTOMER,
}
# succeeded is not the end of a refund: it may fail weeks later, and the money is back on the balance.
REFUND_STATUSES: Mapping[str, Meaning] = {
    "pending": Meaning.UNDECIDED,
    "requires_action": Meaning.UNDECIDED,
    "succeeded": Meaning.MOVED,
    "failed": Meaning.REFUSED,
    "canceled": Meaning.REFUSED,
}

TOO_LATE_TO_CANCEL = frozenset({"succeeded", "processing"})

# No customer can cancel an intent. We cancel as "abandoned", and the core knows on whose wish; the rest is done in
# Stripe's dashboard, or by Stripe when an authorization runs out.
CANCELLATION_REASONS: Mapping[str | None, FailureCode] = {
    "abandoned": FailureCode.CANCELLED_BY_CUSTOMER,
    "requested_by_customer": FailureCode.CANCELLED_BY_CUSTOMER,
    "automatic": FailureCode.EXPIRED,
    "expired": FailureCode.EXPIRED,
    "duplicate": FailureCode.CANCELLED_BY_MERCHANT,
    "fraudulent": FailureCode.CANCELLED_BY_MERCHANT,
    "void_invoice": FailureCode.CANCELLED_BY_MERCHANT,
    "failed_invoice": FailureCode.CANCELLED_BY_MERCHANT,
    None: FailureCode.CANCELLED_BY_MERCHANT,
}

_INVALID_ACCOUNT = (
    "expired_card incorrect_address incorrect_cvc incorrect_number incorrect_pin incorrect_zip invalid_account "
    "invalid_cvc invalid_expiry_month invalid_expiry_year invalid_number invalid_pin new_account_information_available "
    "account_closed no_account expired_payment_method bank_account_unusable bank_account_declined debit_not_authorized "
    "incorrect_postal_code invalid_card_type resource_missing token_already_used payment_method_unactivated"
)
_DECLINED = (
    "generic_decline card_declined do_not_honor call_issuer transaction_not_allowed fraudulent lost_card stolen_card "
    "pickup_card restricted_card security_violation no_action_taken not_permitted revocation_of_all_authorizations "
    "revocation_of_authorization service_not_allowed stop_payment_order testmode_decline merchant_blacklist "
    "approve_with_id card_not_supported currency_not_supported duplicate_transaction reenter_transaction "
    "try_again_later invalid_amount pin_try_exceeded offline_pin_required online_or_offline_pin_required "
    "authentication_required authentication_failure payment_intent_authentication_failure authentication_not_handled "
    "highest_risk_level payment_intent_payment_attempt_failed"
)
_LIMIT_EXCEEDED = (
    "card_velocity_exceeded withdrawal_count_limit_exceeded card_decline_rate_limit_exceeded amount_too_small "
    "amount_too_large charge_exceeds_source_limit charge_exceeds_transaction_limit"
)
# A code that is not here is PROVIDER_REFUSED, with their code kept beside it.
FAILURE_CODES: Mapping[str, FailureCode] = {
    "insufficient_funds": FailureCode.INSUFFICIENT_FUNDS,
    "processing_error": FailureCode.PROVIDER_FAILED,
    "issuer_not_available": FailureCode.PROVIDER_FAILED,
    "payment_method_provider_decline": FailureCode.DECLINED,
    "payment_method_customer_decline": FailureCode.CANCELLED_BY_CUSTOMER,
    "payment_method_provider_timeout": FailureCode.EXPIRED,
    "payment_intent_payment_attempt_expired": FailureCode.EXPIRED,
    **dict.fromkeys(_INVALID_ACCOUNT.split(), FailureCode.INVALID_ACCOUNT),
    **dict.fromkeys(_DECLINED.split(), FailureCode.DECLINED),
    **dict.fromkeys(_LIMIT_EXCEEDED.split(), FailureCode.LIMIT_EXCEEDED),
}
REFUND_FAILURES: Mapping[str, FailureCode] = {
    "lost_or_stolen_card": FailureCode.INVALID_ACCOUNT,
    "expired_or_canceled_card": FailureCode.INVALID_ACCOUNT,
    "charge_for_pending_refund_disputed": FailureCode.REFUND_NOT_POSSIBLE,
    # of the merchant's balance
    "insufficient_funds": FailureCode.REFUND_NOT_POSSIBLE,
    "declined": FailureCode.DECLINED,
    "merchant_request": FailureCode.CANCELLED_BY_MERCHANT,
    # the status, where it has no reason
    "canceled": FailureCode.CANCELLED_BY_MERCHANT,
}

# Errors of these types are no answer to the request: Stripe failed, or the key was used for something else, which is a
# bug of ours, or is in use now by a try of ours.
OF_THEIR_MAKING = frozenset({"api_error", "idempotency_error"})

ErrorTable = Mapping[tuple[int, str], Verdict]

ANY_CODE = "*"
UNREADABLE = "?"  # an error that is not in Stripe's own format

_OF_THE_CONFIGURATION = (
    "account_invalid api_key_expired livemode_mismatch platform_api_key_expired secret_key_required "
    "testmode_charges_only tls_version_unsupported url_invalid"
)
# Stripe's gate answers these before anything is executed, and keeps none of them for the idempotency key.
AT_THE_GATE: ErrorTable = {
    **dict.fromkeys(
        [(status, code) for status in (401, 403) for code in (ANY_CODE, UNREADABLE)], Verdict.MISCONFIGURED
    ),
    **dict.fromkeys([(400, code) for code in _OF_THE_CONFIGURATION.split()], Verdict.MISCONFIGURED),
    (429, ANY_CODE): Verdict.THROTTLED,
    (429, UNREADABLE): Verdict.THROTTLED,
    (400, "rate_limit"): Verdict.THROTTLED,  # as older API versions say it
    # Somebody else holds the object: nothing was done to it. 409 idempotency_key_in_use is not here: an earlier try of
    # ours is being executed at this moment.
    (400, "lock_timeout"): Verdict.THROTTLED,
    (409, "lock_timeout"): Verdict.THROTTLED,
}
# What is in no table may have been executed: in doubt. So is every 5xx, which Stripe keeps and repeats for the key.
PAYMENT_ERRORS: ErrorTable = {
    **AT_THE_GATE,
    (400, ANY_CODE): Verdict.DECLINED,
    (402, ANY_CODE): Verdict.DECLINED,
    (404, "resource_missing"): Verdict.DECLINED,
    (404, ANY_CODE): Verdict.MISCONFIGURED,  # no such address
}
REFUND_ERRORS: ErrorTable = {
    **AT_THE_GATE,
    **dict.fromkeys([(status, ANY_CODE) for status in (400, 402)], Verdict.REFUND_NOT_POSSIBLE),
    (404, "resource_missing"): Verdict.REFUND_NOT_POSSIBLE,
    (404, ANY_CODE): Verdict.MISCONFIGURED,
}
CAPTURE_ERRORS: ErrorTable = {
    **AT_THE_GATE,
    (400, "payment_intent_unexpected_state"): Verdict.LOOK,
    (400, ANY_CODE): Verdict.CAPTURE_NOT_POSSIBLE,
    (402, ANY_CODE): Verdict.DECLINED,
    (404, "resource_missing"): Verdict.CAPTURE_NOT_POSSIBLE,
    (404, ANY_CODE): Verdict.MISCONFIGURED,
}
# What else Stripe may say of a cancellation says nothing of the payment.
CANCEL_ERRORS: ErrorTable = {**AT_THE_GATE, (400, "payment_intent_unexpected_state"): Verdict.LOOK}
# To the caller, a query's NotSent is proof that there is nothing: only Stripe's own "not found" is that.
QUERY_ERRORS: ErrorTable = {(404, "resource_missing"): Verdict.NOT_FOUND}


def outcome_of_intent(intent: Intent, publishable_key: str | None) -> Outcome:
    """What an intent's status says.

    An intent outlives a try that failed. Where the merchant gave a token, that try was the payment, and it is declined;
    where the customer's browser confirms, they may try another card until the payment expires.

    Raises:
        AmountRejected, CurrencyUnknown: what was taken is no amount of ours.
    """
    answer = answer_of(intent)
    match INTENT_STATUSES.get(intent.status, Meaning.UNDECIDED):
        case Meaning.MOVED:
            return Succeeded(reference=intent.id, captured=_captured(intent), answer=answer)
        case Meaning.RESERVED:
            return Authorized(reference=intent.id, answer=answer)
        case Meaning.CANCELLED:
            return _cancelled(intent)
        case Meaning.WAITS_FOR_METHOD if intent.last_payment_error and is_confirmed_by_merchant(intent):
            return declined(intent.last_payment_error, reference=intent.id, answer=answer)
        case Meaning.WAITS_FOR_METHOD | Meaning.WAITS_FOR_CUSTOMER:
            return Pending(reference=intent.id, next_action=next_action(intent, publishable_key), answer=answer)
        case _:
            return Pending(reference=intent.id, answer=answer)


def outcome_of_charge(charge: Charge, reference: str, *, may_go_on: bool) -> Outcome | None:
    """What a charge says of its intent, ``reference``; ``None``: nothing. ``may_go_on``: more captures may follow."""
    answer = answer_of(charge)
    if charge.status == "pending":
        return Pending(reference=reference, answer=answer)
    if charge.status != "succeeded":
        return None
    if not charge.captured:
        # What is released without having been taken, Stripe calls refunded.
        return None if charge.refunded else Authorized(reference=reference, answer=answer)
    is_part = charge.amount_captured is not None and charge.amount_captured != charge.amount
    if is_part and may_go_on:
        return None
    captured = from_stripe(charge.amount_captured or 0, charge.currency) if is_part else None
    return Succeeded(reference=reference, captured=captured, answer=answer)


def outcome_of_refund(refund: Refund) -> Outcome:
    """What a refund's status says."""
    answer = answer_of(refund)
    match REFUND_STATUSES.get(refund.status or "", Meaning.UNDECIDED):
        case Meaning.MOVED:
            return Succeeded(reference=refund.id, answer=answer)
        case Meaning.REFUSED:
            reason = refund.failure_reason or refund.status or ""
            code = REFUND_FAILURES.get(reason, FailureCode.PROVIDER_REFUSED)
            return Declined(code=code, provider_code=reason, reference=refund.id, answer=answer)
        case _:
            return Pending(reference=refund.id, answer=answer)


def next_action(intent: Intent, publishable_key: str | None) -> Mapping[str, str] | None:
    """What the customer must do: follow a link, or let Stripe's script go on in their browser.

    ``None``: nothing can be handed on, since the answer lacks the link or the intent's client secret.
    """
    action = intent.next_action
    is_waiting = INTENT_STATUSES.get(intent.status) is Meaning.WAITS_FOR_CUSTOMER
    if is_waiting and action and action.redirect_to_url and action.redirect_to_url.url:
        return {"type": "redirect", "url": action.redirect_to_url.url}
    if intent.client_secret is None or (not is_waiting and is_confirmed_by_merchant(intent)):
        return None
    # Their script handles each type of action that has no link of its own, those unknown to us included.
    wanted = {
        "type": "use_stripe_sdk" if is_waiting else "confirm_in_browser",
        "client_secret": intent.client_secret.get_secret_value(),
    }
    return {**wanted, "publishable_key": publishable_key} if publishable_key else wanted


def is_confirmed_by_merchant(intent: Intent) -> bool:
    return intent.metadata.get(CONFIRMATION_ENTRY) == BY_MERCHANT


def captured_before(intent: Intent) -> Money:
    """What was taken of an intent that has ended."""
    return from_stripe(intent.amount_received or 0, intent.currency)


def declined(problem: Problem, *, reference: str | None = None, answer: Answer | None = None) -> Declined:
    return Declined(
        code=FAILURE_CODES.get(problem.reason(), FailureCode.PROVIDER_REFUSED),
        provider_code=problem.reason(),
        provider_message=(problem.message or "")[:MAX_MESSAGE_CHARACTERS],
        reference=reference,
        answer=answer_of(problem) if answer is None else answer,
    )


def outcome_of_refusal(refusal: Refusal, verdict: Verdict) -> Outcome:
    """What an error says of the request that got it, by its ``verdict``."""
    match verdict:
        case Verdict.DECLINED:
            return declined(refusal.error or Problem())
        case Verdict.REFUND_NOT_POSSIBLE | Verdict.CAPTURE_NOT_POSSIBLE:
            return _not_possible(refusal.error or Problem(), FailureCode(verdict.value))
        case Verdict.THROTTLED:
            return NotSent(reason=refusal.reason(), retry_after_seconds=refusal.retry_after_seconds)
        case Verdict.MISCONFIGURED:
            return NotSent(reason=f"misconfigured: {refusal.reason()}")
        case Verdict.NOT_FOUND:
            return NotSent(reason="not_found")
        case Verdict.LOOK | Verdict.IN_DOUBT:
            return InDoubt(reason=refusal.reason(), answer=answer_of(refusal.error) if refusal.error else {})


def verdict_on(refusal: Refusal, table: ErrorTable) -> Verdict:
    if refusal.error is None:
        return table.get((refusal.status, UNREADABLE), Verdict.IN_DOUBT)
    found = table.get((refusal.status, refusal.code() or ANY_CODE)) or table.get((refusal.status, ANY_CODE))
    is_about_request = refusal.error.type not in OF_THEIR_MAKING and refusal.code() != "idempotency_key_in_use"
    return found if found and (is_about_request or found in AT_THE_GATE.values()) else Verdict.IN_DOUBT


def _captured(intent: Intent) -> Money | None:
    """What was taken; ``None``: all of it."""
    if intent.amount_received is None or intent.amount_received == intent.amount:
        return None
    return from_stripe(intent.amount_received, intent.currency)


def _cancelled(intent: Intent) -> Outcome:
    answer = answer_of(intent)
    if intent.amount_received:
        # The rest of an intent that was captured in part: what was taken stays taken.
        return Succeeded(reference=intent.id, captured=captured_before(intent), answer=answer)
    return Declined(
        code=CANCELLATION_REASONS.get(intent.cancellation_reason, FailureCode.PROVIDER_REFUSED),
        provider_code=intent.cancellation_reason or intent.status,
        reference=intent.id,
        answer=answer,
    )


def _not_possible(problem: Problem, code: FailureCode) -> Declined:
    message = (problem.message or "")[:MAX_MESSAGE_CHARACTERS]
    return Declined(code=code, provider_code=problem.reason(), provider_message=message, answer=answer_of(problem))
