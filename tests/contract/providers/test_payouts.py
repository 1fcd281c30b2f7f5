"""A payout, whatever the provider answers: sent at most once, and never believed without proof."""

from dataclasses import replace

import pytest

from shared.domain.errors import WebhookRejected
from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.outcome import Declined, InDoubt, NotSent, Pending, Succeeded
from shared.provider_kit.provider import PayoutReported, PayoutRequest
from tests.contract.providers.payouts import Payouts

EXECUTED_BUT_UNTOLD = ("error_after", "html", "empty", "truncated", "hang", "reset")


def reports(payouts: Payouts, request: PayoutRequest) -> list[PayoutReported]:
    """What the callbacks about a payout say that are believed."""
    verified = payouts.stage.believed(
        payouts.stage.callbacks(request.payout_id, at_least=payouts.stage.callbacks_of_payment)
    )
    told = [payouts.stage.adapter.handle_webhook(callback.payload) for callback in verified]
    return [report for report in told if isinstance(report, PayoutReported)]


def dearer(request: PayoutRequest) -> PayoutRequest:
    return replace(request, amount=Money(request.amount.amount_minor_units + 1, request.amount.currency))


def test_a_payout_is_accepted_and_then_succeeds_for_its_whole_amount(payouts: Payouts) -> None:
    request = payouts.request()

    outcome = payouts.send(request)

    assert isinstance(outcome, Pending | Succeeded)
    assert outcome.reference
    assert isinstance(payouts.settled(request, outcome.reference), Succeeded)
    assert payouts.stage.truth(request.payout_id).paid_out_minor == request.amount.amount_minor_units


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("declined", FailureCode.DECLINED),
        ("insufficient_funds", FailureCode.INSUFFICIENT_FUNDS),
        ("fails", FailureCode.PROVIDER_FAILED),
    ],
)
def test_a_refusal_is_told_in_our_words_with_theirs_beside(payouts: Payouts, case: str, code: FailureCode) -> None:
    request = payouts.request(case)
    payouts.send(request)

    outcome = payouts.settled(request)

    assert isinstance(outcome, Declined)
    assert outcome.code == code
    assert outcome.provider_code
    assert payouts.stage.truth(request.payout_id).paid_out_minor == 0


def test_a_refusal_in_the_answer_itself_is_final_at_once(payouts: Payouts) -> None:
    assert isinstance(payouts.send(payouts.request("declined")), Declined)


def test_a_payout_that_never_resolves_stays_pending(payouts: Payouts) -> None:
    payouts.stage.needs("payout_query")
    request = payouts.request("never_resolves")

    outcome = payouts.send(request)

    assert isinstance(outcome, Pending)
    assert isinstance(payouts.look_up(request, outcome.reference), Pending)


def test_our_key_reaches_the_provider_with_the_payout(payouts: Payouts) -> None:
    payouts.stage.needs("payout_key")
    request = payouts.request()

    payouts.send(request)

    assert payouts.stage.truth(request.payout_id).idempotency_keys == [request.idempotency_key]


def test_the_same_key_twice_is_one_payout(payouts: Payouts) -> None:
    request = payouts.request()

    first, second = payouts.send(request), payouts.send(request)

    assert isinstance(first, Pending | Succeeded)
    assert isinstance(second, Pending | Succeeded)
    assert first.reference == second.reference
    assert payouts.stage.truth(request.payout_id).payouts == 1


def test_the_same_payout_under_another_key_is_not_sent_twice(payouts: Payouts) -> None:
    payouts.stage.needs("payout_key")
    request = payouts.request()
    payouts.send(request)

    again = payouts.send(replace(request, idempotency_key=f"other-{request.payout_id}"))

    assert isinstance(again, InDoubt)
    assert isinstance(payouts.settled(request), Succeeded)
    assert payouts.stage.truth(request.payout_id).payouts == 1


@pytest.mark.parametrize("case", EXECUTED_BUT_UNTOLD)
def test_a_payout_whose_answer_was_lost_is_in_doubt_and_found_by_our_own_id(payouts: Payouts, case: str) -> None:
    request = payouts.request(case)

    outcome = payouts.send(request)

    assert isinstance(outcome, InDoubt)
    assert isinstance(payouts.settled(request), Succeeded)
    assert payouts.stage.truth(request.payout_id).payouts == 1


@pytest.mark.parametrize("case", EXECUTED_BUT_UNTOLD)
def test_a_payout_whose_answer_was_lost_is_not_sent_again_by_the_same_key(payouts: Payouts, case: str) -> None:
    request = payouts.request(case)
    payouts.send(request)

    again = payouts.send(request)

    assert isinstance(again, Pending | Succeeded)
    truth = payouts.stage.truth(request.payout_id)
    assert truth.payouts == 1
    assert truth.idempotency_keys == [request.idempotency_key] or "payout_key" in payouts.stage.contract.lacks


def test_a_payout_that_failed_before_execution_is_proven_absent(payouts: Payouts) -> None:
    payouts.stage.needs("payout_query")
    request = payouts.request("error_before")

    outcome = payouts.send(request)

    assert isinstance(outcome, InDoubt)
    assert payouts.look_up(request) == NotSent(reason="not_found")
    assert payouts.stage.truth(request.payout_id).payouts == 0


@pytest.mark.parametrize("case", ["unavailable", "throttled"])
def test_a_payout_that_is_turned_away_has_not_been_executed(payouts: Payouts, case: str) -> None:
    request = payouts.request(case)

    outcome = payouts.send(request)

    assert isinstance(outcome, NotSent)
    assert payouts.stage.truth(request.payout_id).payouts == 0


def test_a_payout_that_was_never_asked_for_is_proven_absent(payouts: Payouts) -> None:
    payouts.stage.needs("payout_query")
    assert payouts.look_up(payouts.request()) == NotSent(reason="not_found")


def test_a_payout_of_another_amount_than_ours_is_never_a_success(payouts: Payouts) -> None:
    payouts.stage.needs("payout_query")
    request = payouts.request()
    payouts.send(request)
    payouts.settled(request)

    assert isinstance(payouts.look_up(dearer(request)), InDoubt)
    assert isinstance(payouts.send(dearer(request)), InDoubt)
    assert payouts.stage.truth(request.payout_id).payouts == 1


def test_a_payout_that_cannot_be_sent_was_not_sent_and_a_query_that_cannot_proves_nothing(payouts: Payouts) -> None:
    request = payouts.request()
    unreachable = Payouts(payouts.stage.unreachable())

    assert isinstance(unreachable.send(request), NotSent)
    assert isinstance(unreachable.look_up(request), InDoubt)
    assert isinstance(unreachable.look_up(request, "some-reference"), InDoubt)


def test_refused_credentials_send_nothing_and_prove_nothing(payouts: Payouts) -> None:
    request = payouts.request()
    misconfigured = Payouts(payouts.stage.misconfigured())

    outcome = misconfigured.send(request)

    assert isinstance(outcome, NotSent)
    assert outcome.reason.startswith("misconfigured")
    assert isinstance(misconfigured.look_up(request), InDoubt)
    assert payouts.stage.truth(request.payout_id).payouts == 0


def test_a_payout_is_reported_by_a_callback(payouts: Payouts) -> None:
    request = payouts.request()
    payouts.send(request)

    told = reports(payouts, request)

    assert {(one.payout_id, one.amount) for one in told} == {(request.payout_id, request.amount)}
    assert any(isinstance(one.outcome, Succeeded) for one in told)


def test_a_payout_that_fails_is_reported_by_a_callback(payouts: Payouts) -> None:
    request = payouts.request("fails")
    payouts.send(request)

    outcomes = [one.outcome for one in reports(payouts, request)]

    assert any(isinstance(outcome, Declined) for outcome in outcomes)
    assert not any(isinstance(outcome, Succeeded) for outcome in outcomes)


def test_a_callback_about_a_payout_that_is_forged_or_tampered_with_is_not_believed(payouts: Payouts) -> None:
    forged, good = payouts.request("callback_forged"), payouts.request()
    payouts.send(forged)
    payouts.send(good)

    callbacks = payouts.stage.callbacks(forged.payout_id, at_least=payouts.stage.callbacks_of_payment)
    genuine = payouts.stage.callbacks(good.payout_id, at_least=payouts.stage.callbacks_of_payment)[-1]

    assert callbacks
    assert payouts.stage.believed(callbacks) == []
    with pytest.raises(WebhookRejected):
        payouts.stage.adapter.verify_webhook(replace(genuine, body=genuine.body + b" "))


def test_another_amount_in_a_callback_about_a_payout_is_reported_as_it_came(payouts: Payouts) -> None:
    request = payouts.request("callback_other_amount")
    payouts.send(request)

    told = reports(payouts, request)

    assert told
    assert all(one.amount != request.amount for one in told)
