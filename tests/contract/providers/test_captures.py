"""A capture, whatever the provider answers: taken at most once, never more than was authorized."""

from dataclasses import replace

import pytest

from shared.domain.errors import WebhookRejected
from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.outcome import Authorized, Declined, InDoubt, NotSent, Pending, Succeeded
from shared.provider_kit.provider import CaptureReported, CaptureRequest, PaymentReported
from tests.contract.providers.captures import Captures
from tests.contract.providers.stage import until

EXECUTED_BUT_UNTOLD = ("error_after", "html", "empty", "truncated", "hang", "reset")


def reports(captures: Captures, request: CaptureRequest) -> list[CaptureReported]:
    """What the callbacks about a capture say that are believed."""
    verified = captures.stage.believed(captures.stage.callbacks(request.capture_id, at_least=2))
    told = [captures.stage.adapter.handle_webhook(callback.payload) for callback in verified]
    return [report for report in told if isinstance(report, CaptureReported)]


def dearer(request: CaptureRequest) -> CaptureRequest:
    return replace(request, amount=Money(request.amount.amount_minor_units + 1, request.amount.currency))


def test_a_payment_that_is_to_be_captured_later_is_authorized_and_takes_nothing(captures: Captures) -> None:
    payment, reference = captures.reserved()

    assert isinstance(captures.stage.look_up(payment, reference), Authorized)
    assert captures.stage.truth(payment.transaction_id).captured_minor == 0


def test_an_authorization_is_reported_by_a_callback(captures: Captures) -> None:
    payment, reference = captures.reserved()

    verified = captures.stage.believed(captures.stage.callbacks(payment.transaction_id, at_least=2))
    told = [captures.stage.adapter.handle_webhook(callback.payload) for callback in verified]

    outcomes = [report.outcome for report in told if isinstance(report, PaymentReported)]
    assert any(isinstance(outcome, Authorized) and outcome.reference == reference for outcome in outcomes)
    assert not any(isinstance(outcome, Succeeded) for outcome in outcomes)


def test_a_part_of_an_authorized_payment_is_captured(captures: Captures) -> None:
    payment, reference = captures.reserved()
    request = captures.of(payment, reference, captures.amount("succeeds"))

    outcome = captures.take(request)

    assert isinstance(outcome, Pending | Succeeded)
    assert outcome.reference
    assert isinstance(captures.settled(request, outcome.reference), Succeeded)
    assert captures.stage.truth(payment.transaction_id).captured_minor == request.amount.amount_minor_units
    assert isinstance(captures.stage.look_up(payment, reference), Authorized)


def test_a_final_capture_releases_the_rest_and_the_payment_tells_what_was_captured(captures: Captures) -> None:
    payment, reference = captures.reserved()
    request = captures.of(payment, reference, captures.amount("succeeds"), is_final=True)
    captures.take(request)

    outcome = until(lambda: captures.stage.look_up(payment), lambda seen: isinstance(seen, Succeeded))

    assert isinstance(outcome, Succeeded)
    assert outcome.captured == request.amount
    too_late = captures.take(captures.of(payment, reference, 100))
    assert isinstance(too_late, Declined)


def test_what_is_left_can_be_captured_and_no_more(captures: Captures) -> None:
    payment, reference = captures.reserved()
    part = captures.amount("succeeds")
    rest = payment.amount.amount_minor_units - part
    captures.take(captures.of(payment, reference, part))

    too_much = captures.take(captures.of(payment, reference, rest + 1))
    captures.take(captures.of(payment, reference, rest))
    outcome = until(lambda: captures.stage.look_up(payment), lambda seen: isinstance(seen, Succeeded))

    assert isinstance(too_much, Declined)
    assert isinstance(outcome, Succeeded)
    assert outcome.captured in {None, payment.amount}
    assert captures.stage.truth(payment.transaction_id).captured_minor == payment.amount.amount_minor_units


def test_a_payment_that_is_not_authorized_is_not_captured(captures: Captures) -> None:
    payment, reference = captures.stage.paid()

    outcome = captures.take(captures.of(payment, reference, 100))

    assert isinstance(outcome, Declined)
    assert outcome.provider_code


def test_no_more_than_was_captured_is_refunded(captures: Captures) -> None:
    request = captures.request(is_final=True)
    captures.take(request)
    captures.settled(request)
    payment = captures.stage.request("succeeds")
    captured = request.amount.amount_minor_units

    too_much = captures.stage.refund(captures.stage.refund_request(payment, request.payment_reference, captured + 1))
    all_of_it = captures.stage.refund(captures.stage.refund_request(payment, request.payment_reference, captured))

    assert isinstance(too_much, Declined)
    assert too_much.code == FailureCode.REFUND_NOT_POSSIBLE
    assert isinstance(all_of_it, Pending | Succeeded)


def test_our_key_reaches_the_provider_with_the_capture(captures: Captures) -> None:
    request = captures.request()

    captures.take(request)

    assert captures.stage.truth(request.capture_id).idempotency_keys == [request.idempotency_key]


def test_the_same_key_twice_is_one_capture(captures: Captures) -> None:
    request = captures.request()

    first, second = captures.take(request), captures.take(request)

    assert isinstance(first, Pending | Succeeded)
    assert isinstance(second, Pending | Succeeded)
    assert first.reference == second.reference
    assert captures.stage.truth(request.capture_id).captures == 1


def test_the_same_capture_under_another_key_is_not_taken_twice(captures: Captures) -> None:
    captures.stage.needs("unique_reference")
    request = captures.request()
    captures.take(request)

    again = captures.take(replace(request, idempotency_key=f"other-{request.capture_id}"))

    assert isinstance(again, InDoubt)
    assert isinstance(captures.settled(request), Succeeded)
    assert captures.stage.truth(request.capture_id).captures == 1


@pytest.mark.parametrize("case", EXECUTED_BUT_UNTOLD)
def test_a_capture_whose_answer_was_lost_is_in_doubt_and_found_by_our_own_id(captures: Captures, case: str) -> None:
    request = captures.request(case)

    outcome = captures.take(request)

    assert isinstance(outcome, InDoubt)
    assert isinstance(captures.settled(request), Succeeded)
    assert captures.stage.truth(request.capture_id).captures == 1


@pytest.mark.parametrize("case", EXECUTED_BUT_UNTOLD)
def test_a_capture_whose_answer_was_lost_is_not_taken_again_by_the_same_key(captures: Captures, case: str) -> None:
    request = captures.request(case)
    captures.take(request)

    again = captures.take(request)

    repeats_error = captures.stage.repeats_errors(case) and isinstance(again, InDoubt)
    assert isinstance(again, Pending | Succeeded) or repeats_error
    truth = captures.stage.truth(request.capture_id)
    assert (truth.captures, truth.idempotency_keys) == (1, [request.idempotency_key])


def test_a_capture_that_failed_before_execution_is_proven_absent(captures: Captures) -> None:
    request = captures.request("error_before")

    outcome = captures.take(request)

    assert isinstance(outcome, InDoubt)
    assert captures.look_up(request) == NotSent(reason="not_found")
    assert captures.stage.truth(request.capture_id).captures == 0


@pytest.mark.parametrize("case", ["unavailable", "throttled"])
def test_a_capture_that_is_turned_away_has_not_been_executed(captures: Captures, case: str) -> None:
    request = captures.request(case)

    outcome = captures.take(request)

    assert isinstance(outcome, NotSent)
    assert captures.stage.truth(request.capture_id).captures == 0


def test_a_capture_that_fails_is_declined_and_takes_nothing(captures: Captures) -> None:
    request = captures.request("fails")
    captures.take(request)

    assert isinstance(captures.settled(request), Declined)
    assert captures.stage.truth(request.capture_id).captured_minor == 0


def test_a_capture_that_was_never_asked_for_is_proven_absent(captures: Captures) -> None:
    assert captures.look_up(captures.request()) == NotSent(reason="not_found")


def test_a_capture_of_another_amount_than_ours_is_never_a_success(captures: Captures) -> None:
    request = captures.request()
    captures.take(request)
    captures.settled(request)

    assert isinstance(captures.look_up(dearer(request)), InDoubt)
    assert isinstance(captures.take(dearer(request)), InDoubt)
    assert captures.stage.truth(request.capture_id).captures == 1


def test_a_capture_that_cannot_be_sent_was_not_sent_and_a_query_that_cannot_proves_nothing(captures: Captures) -> None:
    request = captures.request()
    unreachable = Captures(captures.stage.unreachable())

    assert isinstance(unreachable.take(request), NotSent)
    assert isinstance(unreachable.look_up(request), InDoubt)
    assert isinstance(unreachable.look_up(request, "some-reference"), InDoubt)


def test_refused_credentials_capture_nothing_and_prove_nothing(captures: Captures) -> None:
    request = captures.request()
    misconfigured = Captures(captures.stage.misconfigured())

    outcome = misconfigured.take(request)

    assert isinstance(outcome, NotSent)
    assert outcome.reason.startswith("misconfigured")
    assert isinstance(misconfigured.look_up(request), InDoubt)
    assert captures.stage.truth(request.capture_id).captures == 0


def test_a_capture_is_reported_by_a_callback(captures: Captures) -> None:
    request = captures.request()
    captures.take(request)

    told = reports(captures, request)

    assert {(one.capture_id, one.payment_reference, one.amount) for one in told} == {
        (request.capture_id, request.payment_reference, request.amount)
    }
    assert any(isinstance(one.outcome, Succeeded) for one in told)


def test_a_capture_that_fails_is_reported_by_a_callback(captures: Captures) -> None:
    request = captures.request("fails")
    captures.take(request)

    outcomes = [one.outcome for one in reports(captures, request)]

    assert any(isinstance(outcome, Declined) for outcome in outcomes)
    assert not any(isinstance(outcome, Succeeded) for outcome in outcomes)


def test_a_callback_about_a_capture_that_is_forged_or_tampered_with_is_not_believed(captures: Captures) -> None:
    forged, good = captures.request("callback_forged"), captures.request()
    captures.take(forged)
    captures.take(good)

    callbacks = captures.stage.callbacks(forged.capture_id, at_least=2)
    genuine = captures.stage.callbacks(good.capture_id, at_least=2)[-1]

    assert len(callbacks) >= 2
    assert captures.stage.believed(callbacks) == []
    with pytest.raises(WebhookRejected):
        captures.stage.adapter.verify_webhook(replace(genuine, body=genuine.body + b" "))


def test_another_amount_in_a_callback_about_a_capture_is_reported_as_it_came(captures: Captures) -> None:
    request = captures.request("callback_other_amount")
    captures.take(request)

    told = reports(captures, request)

    assert told
    assert all(one.amount != request.amount for one in told)
