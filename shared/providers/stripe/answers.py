"""What an answer says about what was asked, and only about that: no answer is believed that differs from it."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from shared.domain.errors import AmountRejected, CurrencyUnknown
from shared.domain.money import Money
from shared.domain.outcome import Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.provider_kit.answers import answer_of
from shared.provider_kit.provider import (
    CancelRequest,
    CaptureQuery,
    CaptureRequest,
    RefundQuery,
    RefundRequest,
)
from shared.providers.stripe.calls import ListBroken, NoResult, Refusal
from shared.providers.stripe.entries import PAYMENT_ENTRY, REFUND_ENTRY, capture_entry
from shared.providers.stripe.money import from_stripe, to_stripe
from shared.providers.stripe.outcomes import (
    INTENT_STATUSES,
    QUERY_ERRORS,
    ErrorTable,
    Meaning,
    Verdict,
    captured_before,
    declined,
    outcome_of_refund,
    outcome_of_refusal,
    verdict_on,
)
from shared.providers.stripe.wire import Intent, Refund, Resource

Resources = TypeVar("Resources", bound=Resource)

# An intent in one of these has ended: nothing (more) will be taken of it.
RELEASED = frozenset({"canceled", "succeeded"})


def outcome_of_request(
    found: Resources | NoResult, errors: ErrorTable, judge: Callable[[Resources], Outcome]
) -> Outcome:
    """What the answer to a POST says; ``judge`` gets what was made, if anything was."""
    if isinstance(found, NotSent | InDoubt):
        return found
    if isinstance(found, Refusal):
        return outcome_of_refusal(found, verdict_on(found, errors))
    return judged(found, judge)


def outcome_of_query(found: Resources | NoResult, judge: Callable[[Resources], Outcome]) -> Outcome:
    """What the answer to a GET says."""
    # A query's NotSent is proof that there is nothing; a query that did not get out proves nothing.
    known = InDoubt(reason=found.reason) if isinstance(found, NotSent) else found
    return outcome_of_request(known, QUERY_ERRORS, judge)


def outcome_among(
    listed: Iterable[Resources], entry: str, our_id: object, judge: Callable[[Resources], Outcome]
) -> Outcome:
    """About the one with our id in its metadata; that there is none is proof, if the list is read to its end."""
    try:
        ours = [each for each in listed if each.metadata.get(entry) == str(our_id)]
    except ListBroken as broken:
        return InDoubt(reason=broken.reason)
    if len(ours) > 1:
        return InDoubt(reason=f"{len(ours)} have our id")
    return judged(ours[0], judge) if ours else NotSent(reason="not_found")


def outcome_of_declined(refusal: Refusal, judge: Callable[[Intent], Outcome]) -> Outcome:
    """What a refusal to pay, a 402 as a rule, says: their reason, and the intent that it is about."""
    intent = refusal.error.payment_intent if refusal.error else None
    if intent is None or refusal.error is None:
        return outcome_of_refusal(refusal, Verdict.DECLINED)
    seen = judged(intent, judge)
    is_over = INTENT_STATUSES.get(intent.status) in {Meaning.WAITS_FOR_METHOD, Meaning.CANCELLED}
    if not is_over or not isinstance(seen, Pending | Declined):
        return seen  # it is about another payment, is still under way, or the money came after all
    return declined(refusal.error, reference=intent.id, answer=answer_of(intent))


def judged(found: Resources, judge: Callable[[Resources], Outcome]) -> Outcome:
    try:
        return judge(found)
    except (AmountRejected, CurrencyUnknown):
        return about_another(found)


def is_about_payment(intent: Intent, our_id: object, reference: str | None, amount: Money) -> bool:
    """Whether it is the payment that was asked for, to the minor unit.

    Raises:
        AmountRejected, CurrencyUnknown: its amount is none of ours.
    """
    is_ours = intent.metadata.get(PAYMENT_ENTRY) in {None, str(our_id)} and reference in {None, intent.id}
    return is_ours and is_of(intent, amount)


def outcome_of_same_refund(refund: Refund, asked: RefundRequest | RefundQuery) -> Outcome:
    """The refund's outcome, if it is the one that was asked for, to the minor unit."""
    is_ours = refund.metadata.get(REFUND_ENTRY) in {None, str(asked.refund_id)}
    is_its_payment = refund.payment_intent in {None, asked.payment.reference}
    if isinstance(asked, RefundQuery) and asked.reference not in {None, refund.id}:
        return about_another(refund)
    if not is_ours or not is_its_payment or not is_of(refund, asked.amount):
        return about_another(refund)
    return outcome_of_refund(refund)


def outcome_of_capture_request(intent: Intent, asked: CaptureRequest) -> Outcome:
    """What the answer to a capture says; that there is no entry of it in the answer is no contradiction."""
    if capture_entry(asked.capture_id) in intent.metadata or intent.id != asked.payment_reference:
        return outcome_of_noted_capture(intent, asked)
    is_all = intent.status == "succeeded" and captured_before(intent) == asked.amount
    return _capture_succeeded(intent) if is_all else about_another(intent)


def outcome_of_capture_query(intent: Intent, asked: CaptureQuery) -> Outcome:
    """What has become of a capture: Stripe changed the metadata when, and only when, it captured."""
    if intent.id == asked.payment_reference and capture_entry(asked.capture_id) not in intent.metadata:
        is_undecided = INTENT_STATUSES.get(intent.status, Meaning.UNDECIDED) is Meaning.UNDECIDED
        return InDoubt(reason=f"the intent is {intent.status}") if is_undecided else NotSent(reason="not_found")
    return outcome_of_noted_capture(intent, asked)


def outcome_of_noted_capture(intent: Intent, asked: CaptureRequest | CaptureQuery) -> Outcome:
    is_ours = intent.id == asked.payment_reference and intent.currency.upper() == asked.amount.currency
    if not is_ours or intent.metadata.get(capture_entry(asked.capture_id)) != str(to_stripe(asked.amount)):
        return about_another(intent)
    if intent.status == "canceled" and not intent.amount_received:
        return Declined(code="capture_not_possible", provider_code=intent.status, answer=answer_of(intent))
    if INTENT_STATUSES.get(intent.status) in {Meaning.MOVED, Meaning.RESERVED, Meaning.CANCELLED}:
        return _capture_succeeded(intent)
    return Pending(reference=intent.charge_id(), answer=answer_of(intent))


def outcome_of_cancellation(intent: Intent, asked: CancelRequest) -> Outcome:
    """``Succeeded`` once nothing more will be taken; ``captured`` is what was taken before."""
    if not is_about_payment(intent, asked.transaction_id, asked.payment_reference, asked.amount):
        return about_another(intent)
    if intent.status not in RELEASED:
        return InDoubt(reason=f"cancelled, and {intent.status}", answer=answer_of(intent))
    return Succeeded(reference=intent.id, captured=captured_before(intent), answer=answer_of(intent))


def is_of(resource: Resource, amount: Money) -> bool:
    return from_stripe(resource.amount, resource.currency) == amount


def about_another(resource: Resource) -> InDoubt:
    return InDoubt(reason=f"the answer is about another {type(resource).__name__.lower()}", answer=answer_of(resource))


def _capture_succeeded(intent: Intent) -> Succeeded:
    # Stripe gives captures no id of their own; the charge is what was captured.
    return Succeeded(reference=intent.charge_id() or intent.id, answer=answer_of(intent))
