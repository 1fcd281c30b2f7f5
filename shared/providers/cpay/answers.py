"""What an answer says about what was asked, and only about that: no answer is believed that differs from it."""

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel

from shared.domain.money import Money
from shared.domain.outcome import InDoubt, NotSent, Outcome, Succeeded
from shared.provider_kit.answers import answer_of, outcome_of_answer
from shared.provider_kit.http import Answered, ProviderResponse
from shared.provider_kit.provider import (
    CancelRequest,
    CaptureQuery,
    CaptureRequest,
    CredentialCheck,
    PayoutQuery,
    PayoutRequest,
    RefundQuery,
    RefundRequest,
)
from shared.provider_kit.wire import read
from shared.providers.cpay import outcomes
from shared.providers.cpay.outcomes import (
    ErrorTable,
    outcome_of_error,
    outcome_of_movement,
    outcome_of_payment,
)
from shared.providers.cpay.wire import Capture, ErrorBody, Listed, Payment, Payout, Refund, Resource

ACCEPTED = frozenset({200, 201})
FOUND = frozenset({200})

Read = TypeVar("Read", bound=BaseModel)
Resources = TypeVar("Resources", bound=Resource)


def outcome_of_request(
    answer: Answered, errors: ErrorTable, model: type[Read], judge: Callable[[Read], Outcome]
) -> Outcome:
    """What the answer to a POST says; ``judge`` gets what was made, if anything was."""
    return outcome_of_answer(answer, ACCEPTED, model, judge, lambda refusal: outcome_of_refusal(refusal, errors))


def outcome_of_query(answer: Answered, model: type[Read], judge: Callable[[Read], Outcome]) -> Outcome:
    """What the answer to a GET says."""
    return outcome_of_answer(
        answer, FOUND, model, judge, lambda refusal: outcome_of_refusal(refusal, outcomes.QUERY_ERRORS)
    )


def outcome_of_refusal(answer: ProviderResponse, errors: ErrorTable) -> Outcome:
    body = read(ErrorBody, answer.body)
    return outcome_of_error(answer, body.error if body else None, errors)


def outcome_in_list(listed: Listed[Resources], judge: Callable[[Resources], Outcome]) -> Outcome:
    """About the only one in a list of what has our id; that there is none is proof only in a whole list."""
    if len(listed.data) > 1:
        return InDoubt(reason=f"{len(listed.data)} have our reference")
    for resource in listed.data:
        return judge(resource)
    return InDoubt(reason="the list goes on") if listed.has_more else NotSent(reason="not_found")


def outcome_among(listed: Listed[Resources], our_id: object, judge: Callable[[Resources], Outcome]) -> Outcome:
    """About the one of ours in a list of all that belongs to a payment."""
    ours = [resource for resource in listed.data if resource.merchant_reference == str(our_id)]
    return outcome_in_list(listed.model_copy(update={"data": ours}), judge)


def outcome_of_same_payment(payment: Payment, our_id: object, amount: Money) -> Outcome:
    """The payment's outcome, if it is the one that was asked for, to the minor unit."""
    if payment.merchant_reference != str(our_id) or not is_of(payment, amount):
        return about_another(payment)
    return outcome_of_payment(payment)


def outcome_of_same_refund(refund: Refund, asked: RefundRequest | RefundQuery) -> Outcome:
    """The refund's outcome, if it is the one that was asked for, to the minor unit."""
    is_ours = refund.merchant_reference in {None, str(asked.refund_id)}
    if not is_ours or refund.payment_id != asked.payment.reference or not is_of(refund, asked.amount):
        return about_another(refund)
    return outcome_of_movement(refund)


def outcome_of_same_capture(capture: Capture, asked: CaptureRequest | CaptureQuery) -> Outcome:
    """The capture's outcome, if it is the one that was asked for, to the minor unit."""
    is_ours = capture.merchant_reference == str(asked.capture_id)
    if not is_ours or capture.payment_id != asked.payment_reference or not is_of(capture, asked.amount):
        return about_another(capture)
    return outcome_of_movement(capture)


def outcome_of_same_payout(payout: Payout, asked: PayoutRequest | PayoutQuery) -> Outcome:
    """The payout's outcome, if it is the one that was asked for, to the minor unit."""
    if payout.merchant_reference != str(asked.payout_id) or not is_of(payout, asked.amount):
        return about_another(payout)
    return outcome_of_movement(payout)


def outcome_of_cancellation(payment: Payment, asked: CancelRequest) -> Outcome:
    """``Succeeded`` once nothing more will be taken; ``captured`` is what was taken before."""
    is_ours = payment.merchant_reference == str(asked.transaction_id) and payment.id == asked.payment_reference
    if not is_ours or not is_of(payment, asked.amount):
        return about_another(payment)
    if payment.status not in outcomes.RELEASED:
        return InDoubt(reason=f"cancelled, and {payment.status}", answer=answer_of(payment))
    return Succeeded(reference=payment.id, captured=captured_before(payment), answer=answer_of(payment))


def captured_before(payment: Payment) -> Money | None:
    """What had been taken of a payment that was cancelled."""
    if payment.captured_amount is None:
        return Money(0, payment.currency) if payment.status == "cancelled" else None
    return Money(payment.captured_amount, payment.currency)


def is_of(resource: Resource, amount: Money) -> bool:
    return (resource.amount, resource.currency) == (amount.amount_minor_units, amount.currency)


def about_another(resource: Resource) -> InDoubt:
    return InDoubt(reason=f"the answer is about another {resource.object}", answer=answer_of(resource))


def credential_check(answer: Answered) -> CredentialCheck:
    """Whoever is told that there is nothing has been let in to look."""
    if not isinstance(answer, ProviderResponse):
        return CredentialCheck(accepted=None, detail=answer.reason)
    if answer.status in {401, 403}:
        return CredentialCheck(accepted=False, detail=f"http {answer.status}")
    is_let_in = answer.status in {200, 404}
    return CredentialCheck(accepted=True if is_let_in else None, detail=f"http {answer.status}")
