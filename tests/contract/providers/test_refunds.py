"""A refund, whatever the provider answers: given at most once, never more than was taken."""

import pytest

from shared.domain.failure import FailureCode
from shared.domain.outcome import Declined, InDoubt, NotSent, Pending, Succeeded
from tests.contract.providers.stage import Stage, until

EXECUTED_BUT_UNTOLD = ("error_after", "hang", "reset", "truncated")


def test_a_part_of_a_payment_is_refunded(stage: Stage) -> None:
    payment, reference = stage.paid()
    request = stage.refund_request(payment, reference, stage.refund_amount("succeeds"))

    outcome = stage.refund(request)

    assert isinstance(outcome, Pending | Succeeded)
    assert isinstance(stage.settled_refund(request, outcome.reference), Succeeded)
    assert stage.given_back(payment, request) == request.amount.amount_minor_units


def test_the_rest_of_a_payment_can_be_refunded_and_no_more(stage: Stage) -> None:
    stage.needs("overdraft_check")
    payment, reference = stage.paid()
    part = stage.refund_amount("succeeds")
    rest = payment.amount.amount_minor_units - part
    stage.refund(stage.refund_request(payment, reference, part))

    too_much = stage.refund(stage.refund_request(payment, reference, rest + 1))
    the_rest = stage.refund_request(payment, reference, rest)
    stage.refund(the_rest)

    assert isinstance(too_much, Declined)
    assert too_much.code == FailureCode.REFUND_NOT_POSSIBLE
    assert isinstance(stage.settled_refund(the_rest), Succeeded)
    truth = until(
        lambda: stage.truth(payment.transaction_id),
        lambda seen: seen.refunded_minor == payment.amount.amount_minor_units,
    )
    assert truth.refunded_minor == payment.amount.amount_minor_units


def test_more_than_was_taken_is_not_refunded(stage: Stage) -> None:
    stage.needs("overdraft_check")
    payment, reference = stage.paid()
    request = stage.refund_request(payment, reference, payment.amount.amount_minor_units + 1)

    outcome = stage.refund(request)

    assert isinstance(outcome, Declined)
    assert outcome.code == FailureCode.REFUND_NOT_POSSIBLE
    assert stage.truth(payment.transaction_id).refunded_minor == 0


def test_a_payment_that_was_not_taken_is_not_refunded(stage: Stage) -> None:
    stage.needs("overdraft_check")
    payment = stage.request("never_resolves")
    paid = stage.pay(payment)
    assert isinstance(paid, Pending)
    assert paid.reference

    outcome = stage.refund(stage.refund_request(payment, paid.reference, 100))

    assert isinstance(outcome, Declined)
    assert outcome.code == FailureCode.REFUND_NOT_POSSIBLE


def test_the_same_key_twice_is_one_refund(stage: Stage) -> None:
    stage.needs("refund_key")
    payment, reference = stage.paid()
    request = stage.refund_request(payment, reference, stage.refund_amount("succeeds"))

    first, second = stage.refund(request), stage.refund(request)

    assert isinstance(first, Pending | Succeeded)
    assert isinstance(second, Pending | Succeeded)
    assert first.reference == second.reference
    assert isinstance(stage.settled_refund(request), Succeeded)
    assert stage.given_back(payment, request) == request.amount.amount_minor_units


def test_our_key_reaches_the_provider_with_the_refund(stage: Stage) -> None:
    stage.needs("refund_key")
    payment, reference = stage.paid()
    request = stage.refund_request(payment, reference, stage.refund_amount("succeeds"))

    stage.refund(request)

    assert stage.truth(request.refund_id).idempotency_keys == [request.idempotency_key]


@pytest.mark.parametrize("case", EXECUTED_BUT_UNTOLD)
def test_a_refund_whose_answer_was_lost_is_in_doubt_and_found_by_our_own_id(stage: Stage, case: str) -> None:
    payment, reference = stage.paid()
    request = stage.refund_request(payment, reference, stage.refund_amount(case))

    outcome = stage.refund(request)

    assert isinstance(outcome, InDoubt)
    assert isinstance(stage.settled_refund(request), Succeeded)
    assert stage.truth(request.refund_id).refunds == 1


@pytest.mark.parametrize("case", EXECUTED_BUT_UNTOLD)
def test_a_refund_whose_answer_was_lost_is_not_given_again_by_the_same_key(stage: Stage, case: str) -> None:
    stage.needs("refund_key")
    payment, reference = stage.paid()
    request = stage.refund_request(payment, reference, stage.refund_amount(case))
    stage.refund(request)

    stage.refund(request)

    assert isinstance(stage.settled_refund(request), Succeeded)
    assert stage.given_back(payment, request) == request.amount.amount_minor_units


def test_a_refund_that_failed_before_execution_is_proven_absent(stage: Stage) -> None:
    stage.needs("refund_lookup")
    payment, reference = stage.paid()
    request = stage.refund_request(payment, reference, stage.refund_amount("error_before"))

    outcome = stage.refund(request)

    assert isinstance(outcome, InDoubt)
    assert stage.look_up_refund(request) == NotSent(reason="not_found")


def test_a_throttled_refund_has_not_been_executed(stage: Stage) -> None:
    payment, reference = stage.paid()
    request = stage.refund_request(payment, reference, stage.refund_amount("throttled"))

    outcome = stage.refund(request)

    assert isinstance(outcome, NotSent)
    assert stage.truth(request.refund_id).refunds == 0


def test_a_refund_that_fails_is_declined_and_gives_nothing_back(stage: Stage) -> None:
    payment, reference = stage.paid()
    request = stage.refund_request(payment, reference, stage.refund_amount("fails"))
    stage.refund(request)

    assert isinstance(stage.settled_refund(request), Declined)
    assert stage.truth(payment.transaction_id).refunded_minor == 0


def test_a_refund_that_succeeded_may_fail_later(stage: Stage) -> None:
    stage.needs("refund_query")
    payment, reference = stage.paid()
    request = stage.refund_request(payment, reference, stage.refund_amount("fails_late"))
    stage.refund(request)

    last = until(lambda: stage.look_up_refund(request), lambda outcome: isinstance(outcome, Declined))
    # Between two queries it may have succeeded and failed: what callbacks told of it says that it did both.
    told = until(lambda: stage.reports_of_refund(request), lambda outcomes: Succeeded in map(type, outcomes))

    assert isinstance(last, Declined)
    assert Succeeded in map(type, told)
