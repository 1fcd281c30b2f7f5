"""A payment, whatever the provider answers: taken at most once, and never believed without proof."""

from dataclasses import replace

import httpx2
import pytest

from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.outcome import Declined, InDoubt, NotSent, Pending, Succeeded
from tests.contract.providers.stage import CLIENT_TIMEOUT, Stage, build_adapter, until

EXECUTED_BUT_UNTOLD = ("error_after", "html", "empty", "truncated", "hang", "reset")


@pytest.mark.parametrize("case", ["succeeds", "succeeds_by_amount"])
def test_a_payment_is_accepted_and_then_succeeds_for_its_whole_amount(stage: Stage, case: str) -> None:
    request = stage.request(case)

    outcome = stage.pay(request)

    assert isinstance(outcome, Pending | Succeeded)
    assert outcome.reference
    settled = stage.settled(request, outcome.reference)
    assert isinstance(settled, Succeeded)
    assert settled.reference == outcome.reference
    assert stage.truth(request.transaction_id).captured_minor == request.amount.amount_minor_units


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("declined", FailureCode.DECLINED),
        ("insufficient_funds", FailureCode.INSUFFICIENT_FUNDS),
        ("cancelled_by_customer", FailureCode.CANCELLED_BY_CUSTOMER),
        ("expired", FailureCode.EXPIRED),
        ("unknown_failure_code", FailureCode.PROVIDER_REFUSED),
    ],
)
def test_a_refusal_is_told_in_our_words_with_theirs_beside(stage: Stage, case: str, code: FailureCode) -> None:
    request = stage.request(case)
    stage.pay(request)

    outcome = stage.settled(request)

    assert isinstance(outcome, Declined)
    assert outcome.code == code
    assert outcome.provider_code.endswith(stage.payment_case(case).provider_code)
    assert outcome.provider_code
    assert stage.truth(request.transaction_id).captured_minor == 0


def test_a_refusal_in_the_answer_itself_is_final_at_once(stage: Stage) -> None:
    outcome = stage.pay(stage.request("declined"))

    assert isinstance(outcome, Declined)
    assert outcome.code == FailureCode.DECLINED


def test_a_status_that_nobody_knows_is_pending(stage: Stage) -> None:
    request = stage.request("unknown_status")
    stage.pay(request)
    status = stage.payment_case("unknown_status").provider_status

    outcome = until(lambda: stage.look_up(request), lambda seen: status in repr(seen))

    assert isinstance(outcome, Pending)
    assert status in repr(outcome.answer)


def test_a_payment_that_never_resolves_stays_pending(stage: Stage) -> None:
    request = stage.request("never_resolves")

    outcome = stage.pay(request)

    assert isinstance(outcome, Pending)
    assert isinstance(stage.look_up(request, outcome.reference), Pending)


@pytest.mark.parametrize("case", EXECUTED_BUT_UNTOLD)
def test_an_answer_that_is_lost_after_execution_leaves_the_payment_in_doubt(stage: Stage, case: str) -> None:
    request = stage.request(case)

    outcome = stage.pay(request)

    assert isinstance(outcome, InDoubt)
    assert stage.truth(request.transaction_id).payments == 1


@pytest.mark.parametrize("case", EXECUTED_BUT_UNTOLD)
def test_a_payment_whose_answer_was_lost_is_found_by_our_own_id(stage: Stage, case: str) -> None:
    stage.needs("payment_lookup")
    request = stage.request(case)
    stage.pay(request)

    outcome = stage.settled(request)

    assert isinstance(outcome, Succeeded)
    assert stage.truth(request.transaction_id).captured_minor == request.amount.amount_minor_units


@pytest.mark.parametrize("case", EXECUTED_BUT_UNTOLD)
def test_a_payment_whose_answer_was_lost_is_not_taken_again_by_the_same_key(stage: Stage, case: str) -> None:
    stage.needs("payment_key")
    request = stage.request(case)
    stage.pay(request)

    again = stage.pay(request)

    assert isinstance(again, Pending | Succeeded) or (stage.repeats_errors(case) and isinstance(again, InDoubt))
    truth = stage.truth(request.transaction_id)
    assert (truth.payments, truth.idempotency_keys) == (1, [request.idempotency_key])


def test_an_error_before_execution_is_in_doubt_until_a_query_proves_that_there_is_nothing(stage: Stage) -> None:
    request = stage.request("error_before")

    outcome = stage.pay(request)

    assert isinstance(outcome, InDoubt)
    absent = NotSent(reason="not_found")
    assert stage.look_up(request) == absent or "payment_lookup" in stage.contract.lacks
    assert stage.truth(request.transaction_id).payments == 0


@pytest.mark.parametrize("case", ["unavailable", "throttled"])
def test_a_provider_that_sheds_load_has_not_executed_and_takes_the_same_key_later(stage: Stage, case: str) -> None:
    request = stage.request(case)

    first, second, third = (stage.pay(request) for _ in range(3))

    assert isinstance(first, NotSent)
    assert isinstance(second, NotSent)
    assert first.retry_after_seconds == stage.payment_case(case).retry_after_seconds
    assert isinstance(third, Pending | Succeeded)
    assert stage.truth(request.transaction_id).payments == 1


def test_our_key_reaches_the_provider(stage: Stage) -> None:
    stage.needs("payment_key")
    request = stage.request("succeeds")

    stage.pay(request)

    assert stage.truth(request.transaction_id).idempotency_keys == [request.idempotency_key]


def test_the_same_key_twice_is_one_payment_and_one_reference(stage: Stage) -> None:
    stage.needs("payment_key")
    request = stage.request("succeeds")

    first, second = stage.pay(request), stage.pay(request)

    assert isinstance(first, Pending | Succeeded)
    assert isinstance(second, Pending | Succeeded)
    assert first.reference == second.reference
    assert stage.truth(request.transaction_id).payments == 1


def test_the_same_payment_under_another_key_is_not_taken_twice(stage: Stage) -> None:
    stage.needs("payment_key", "payment_lookup", "unique_reference")
    request = stage.request("succeeds")
    stage.pay(request)

    again = stage.pay(replace(request, idempotency_key="another-key"))

    assert isinstance(again, InDoubt)
    settled = stage.settled(request)
    assert isinstance(settled, Succeeded)
    truth = stage.truth(request.transaction_id)
    assert (truth.payments, truth.captured_minor) == (1, request.amount.amount_minor_units)


def test_a_key_that_comes_back_with_another_amount_is_in_doubt_and_takes_nothing_more(stage: Stage) -> None:
    stage.needs("payment_key")
    request = stage.request("succeeds")
    stage.pay(request)
    dearer = replace(request, amount=Money(request.amount.amount_minor_units + 1, request.amount.currency))

    outcome = stage.pay(dearer)

    assert isinstance(outcome, InDoubt)
    assert stage.truth(request.transaction_id).payments == 1


def test_a_payment_of_another_amount_than_ours_is_never_a_success(stage: Stage) -> None:
    stage.needs("amount_in_query")
    request = stage.request("succeeds")
    stage.pay(request)
    stage.settled(request)
    dearer = replace(request, amount=Money(request.amount.amount_minor_units + 1, request.amount.currency))

    assert isinstance(stage.look_up(dearer), InDoubt)


@pytest.mark.parametrize("case", ["exponent_0", "exponent_2", "exponent_3"])
def test_the_provider_takes_exactly_the_minor_units_of_the_currency(stage: Stage, case: str) -> None:
    request = stage.request(case)
    stage.pay(request)

    outcome = stage.settled(request)

    assert isinstance(outcome, Succeeded)
    assert stage.truth(request.transaction_id).captured_minor == request.amount.amount_minor_units


def test_a_payment_that_was_never_asked_for_is_proven_absent(stage: Stage) -> None:
    stage.needs("payment_lookup")
    assert stage.look_up(stage.request("succeeds")) == NotSent(reason="not_found")


def test_a_provider_that_cannot_be_reached_was_not_sent_anything(stage: Stage) -> None:
    request = stage.request("succeeds")
    with httpx2.Client(timeout=CLIENT_TIMEOUT, trust_env=False) as client:
        adapter = build_adapter(stage.plugin, stage.contract, "http://127.0.0.1:1", client)

        outcome = adapter.initialize_payment(request)

    assert isinstance(outcome, NotSent)


def test_a_query_that_cannot_be_made_proves_nothing(stage: Stage) -> None:
    request = stage.request("succeeds")
    elsewhere = replace(stage, adapter=build_adapter(stage.plugin, stage.contract, "http://127.0.0.1:1", stage.client))

    assert isinstance(elsewhere.look_up(request), InDoubt)
    assert isinstance(elsewhere.look_up(request, "some-reference"), InDoubt)


def test_refused_credentials_are_our_misconfiguration_and_nothing_was_executed(stage: Stage) -> None:
    request = stage.request("succeeds")
    wrong = build_adapter(stage.plugin, stage.contract, stage.url, stage.client, changes=stage.contract.wrong_config)

    outcome = wrong.initialize_payment(request)

    assert isinstance(outcome, NotSent)
    assert outcome.reason.startswith("misconfigured")
    assert stage.truth(request.transaction_id).payments == 0


def test_refused_credentials_prove_nothing_about_a_payment(stage: Stage) -> None:
    request = stage.request("succeeds")
    stage.pay(request)
    wrong = build_adapter(stage.plugin, stage.contract, stage.url, stage.client, changes=stage.contract.wrong_config)

    assert isinstance(replace(stage, adapter=wrong).look_up(request), InDoubt)


def test_a_currency_that_the_provider_does_not_take_is_declined(stage: Stage) -> None:
    request = replace(stage.request("succeeds"), amount=Money(100_000, stage.contract.unknown_currency))

    outcome = stage.pay(request)

    assert isinstance(outcome, Declined)
    assert outcome.code == FailureCode.PROVIDER_REFUSED


def test_two_payments_are_told_apart_by_our_ids(stage: Stage) -> None:
    first, second = stage.request("succeeds"), stage.request("succeeds")
    stage.pay(first)
    stage.pay(second)

    one, other = stage.settled(first), stage.settled(second)

    assert isinstance(one, Succeeded)
    assert isinstance(other, Succeeded)
    assert one.reference != other.reference


def test_what_cannot_be_looked_up_is_never_said_to_be_absent(stage: Stage) -> None:
    if "payment_lookup" not in stage.contract.lacks:
        pytest.skip(f"{stage.plugin.name} finds a payment by our id")

    assert isinstance(stage.look_up(stage.request("succeeds")), InDoubt)
