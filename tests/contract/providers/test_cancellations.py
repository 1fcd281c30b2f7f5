"""A cancellation: afterwards nothing more is taken, or it was too late, or we do not know."""

from dataclasses import replace

import pytest

from shared.domain.outcome import Authorized, Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.provider_kit.provider import CancelRequest, PaymentRequest, TakesCancellations
from tests.contract.providers.captures import Captures
from tests.contract.providers.stage import Stage
from tests.contract.providers.unclear import UNCLEAR


def cancellation(payment: PaymentRequest, reference: str) -> CancelRequest:
    return CancelRequest(
        transaction_id=payment.transaction_id,
        idempotency_key=f"cancel-{payment.transaction_id}",
        payment_reference=reference,
        amount=payment.amount,
    )


def cancel(stage: Stage, request: CancelRequest) -> Outcome:
    assert isinstance(stage.adapter, TakesCancellations)
    outcome = stage.adapter.cancel_payment(request)
    stage.outcomes.append(outcome)
    return outcome


def waiting(stage: Stage) -> CancelRequest:
    """The cancellation of a payment that waits for its customer."""
    payment = stage.request("never_resolves")
    outcome = stage.pay(payment)
    assert isinstance(outcome, Pending)
    assert outcome.reference
    return cancellation(payment, outcome.reference)


def test_a_payment_that_waits_for_its_customer_is_withdrawn(cancelling: Stage) -> None:
    payment = cancelling.request("never_resolves")
    pending = cancelling.pay(payment)
    assert isinstance(pending, Pending)
    assert pending.reference

    outcome = cancel(cancelling, cancellation(payment, pending.reference))

    assert isinstance(outcome, Succeeded)
    assert isinstance(cancelling.settled(payment), Declined)
    assert cancelling.truth(payment.transaction_id).captured_minor == 0


def test_what_is_reserved_is_released(cancelling: Stage, captures: Captures) -> None:
    payment, reference = captures.reserved()

    outcome = cancel(cancelling, cancellation(payment, reference))

    assert isinstance(outcome, Succeeded)
    assert isinstance(cancelling.look_up(payment), Declined)
    assert isinstance(captures.take(captures.of(payment, reference, 100)), Declined)


def test_what_was_captured_before_stays_taken_and_is_told(cancelling: Stage, captures: Captures) -> None:
    payment, reference = captures.reserved()
    part = captures.of(payment, reference, captures.amount("succeeds"))
    captures.take(part)
    captures.settled(part)

    outcome = cancel(cancelling, cancellation(payment, reference))

    assert isinstance(outcome, Succeeded)
    assert outcome.captured == part.amount
    found = cancelling.look_up(payment)
    assert isinstance(found, Succeeded)
    assert found.captured == part.amount


def test_a_payment_that_has_succeeded_is_too_late_to_cancel_and_stays_taken(cancelling: Stage) -> None:
    payment, reference = cancelling.paid()

    outcome = cancel(cancelling, cancellation(payment, reference))

    assert isinstance(outcome, Declined)
    assert cancelling.truth(payment.transaction_id).captured_minor == payment.amount.amount_minor_units


def test_a_cancellation_may_be_repeated(cancelling: Stage) -> None:
    request = waiting(cancelling)

    first, second = cancel(cancelling, request), cancel(cancelling, request)

    assert isinstance(first, Succeeded)
    assert isinstance(second, Succeeded)


def test_a_cancellation_that_cannot_be_sent_was_not_sent(cancelling: Stage) -> None:
    request = waiting(cancelling)

    assert isinstance(cancel(cancelling.unreachable(), request), NotSent)


@pytest.mark.parametrize("answer", UNCLEAR)
def test_a_cancellation_without_a_clear_answer_is_in_doubt(cancelling: Stage, answer: str) -> None:
    request = waiting(cancelling)

    assert isinstance(cancel(cancelling.answered_by(UNCLEAR[answer]), request), InDoubt)


def test_refused_credentials_cancel_nothing(cancelling: Stage, captures: Captures) -> None:
    payment, reference = captures.reserved()

    outcome = cancel(cancelling.misconfigured(), cancellation(payment, reference))

    assert isinstance(outcome, NotSent)
    assert isinstance(cancelling.look_up(payment), Authorized)


def test_an_answer_about_another_amount_is_in_doubt(cancelling: Stage) -> None:
    request = waiting(cancelling)
    other = replace(request, amount=replace(request.amount, amount_minor_units=1))

    assert isinstance(cancel(cancelling, other), InDoubt)
