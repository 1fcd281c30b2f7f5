"""What an answer says about what was asked, and only about that: no answer is believed that differs from it."""

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel

from shared.domain.money import Money
from shared.domain.outcome import InDoubt, Outcome, Pending
from shared.provider_kit.answers import answer_of, outcome_of_answer
from shared.provider_kit.http import Answered
from shared.provider_kit.provider import PaymentRequest, RefundQuery, RefundRequest
from shared.providers.paystack import outcomes
from shared.providers.paystack.notes import refund_id_in
from shared.providers.paystack.outcomes import (
    ErrorTable,
    outcome_of_charge,
    outcome_of_error,
    outcome_of_payment,
    outcome_of_refund,
)
from shared.providers.paystack.transport import error_in
from shared.providers.paystack.wire import Charge, Checkout, Payment, Refund

ACCEPTED = frozenset({200, 201})

Read = TypeVar("Read", bound=BaseModel)


def outcome_of_request(
    answer: Answered, errors: ErrorTable, model: type[Read], judge: Callable[[Read], Outcome]
) -> Outcome:
    """What the answer to a POST says; ``judge`` gets what was made, if anything was."""
    return outcome_of_answer(
        answer, ACCEPTED, model, judge, lambda refusal: outcome_of_error(refusal, error_in(refusal), errors)
    )


def outcome_of_query(answer: Answered, model: type[Read], judge: Callable[[Read], Outcome]) -> Outcome:
    """What the answer to a GET says."""
    return outcome_of_request(answer, outcomes.QUERY_ERRORS, model, judge)


def outcome_of_checkout(made: Checkout, request: PaymentRequest) -> Outcome:
    """The page that the customer is to be sent to; nothing has been taken."""
    if made.reference != str(request.transaction_id):
        return about_another(made)
    # The page's address lets anybody pay it, and no more; the access code beside it says the same again.
    return Pending(
        reference=made.reference,
        next_action={"type": "redirect", "url": made.authorization_url},
        answer={"reference": made.reference},
    )


def outcome_of_same_charge(charge: Charge, request: PaymentRequest) -> Outcome:
    """What has begun on the customer's phone, if it is what was asked for."""
    if charge.reference != str(request.transaction_id):
        return about_another(charge)
    if charge.amount not in {None, request.amount.amount_minor_units}:
        return about_another(charge)
    if charge.currency not in {None, request.amount.currency}:
        return about_another(charge)
    return outcome_of_charge(charge)


def outcome_of_same_payment(payment: Payment, our_id: object, amount: Money, *, at_the_page: bool = False) -> Outcome:
    """The payment's outcome, if it is the one that was asked for, to the minor unit."""
    if payment.reference != str(our_id) or not is_of(payment, amount):
        return about_another(payment)
    return outcome_of_payment(payment, at_the_page=at_the_page)


def outcome_of_same_refund(refund: Refund, asked: RefundRequest | RefundQuery) -> Outcome:
    """The refund's outcome, if it is the one that was asked for, to the minor unit."""
    if not is_of(refund, asked.amount) or refund.payment_reference() not in {None, asked.payment.reference}:
        return about_another(refund)
    if refund_id_in(refund.merchant_note) not in {None, asked.refund_id}:
        return about_another(refund)
    if isinstance(asked, RefundQuery) and asked.reference not in {None, refund.id}:
        return about_another(refund)
    return outcome_of_refund(refund, refund.id)


def about_another(model: BaseModel) -> InDoubt:
    return InDoubt(reason="the answer is about something else", answer=answer_of(model))


def is_of(resource: Payment | Refund, amount: Money) -> bool:
    return (resource.amount, resource.currency) == (amount.amount_minor_units, amount.currency)
