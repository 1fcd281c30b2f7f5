"""A callback is believed when the provider signed it just now, and says exactly what the provider said."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.errors import WebhookRejected
from shared.domain.outcome import Declined, Pending, Succeeded
from shared.provider_kit.provider import (
    NothingReported,
    PaymentReported,
    PaymentRequest,
    ProviderReport,
    RefundReported,
    VerifiedWebhook,
    WebhookRequest,
)
from tests.contract.providers.stage import Stage, until


def payments_reported(stage: Stage, verified: list[VerifiedWebhook]) -> list[PaymentReported]:
    reports = [stage.adapter.handle_webhook(callback.payload) for callback in verified]
    return [report for report in reports if isinstance(report, PaymentReported)]


def reports_until(stage: Stage, request: PaymentRequest, ending: type[Succeeded | Declined]) -> list[PaymentReported]:
    """Everything that callbacks have said of a payment, once one of them has told of such an end."""

    def reported() -> list[PaymentReported]:
        return payments_reported(stage, stage.believed(stage.receiver.about(request.transaction_id)))

    return until(reported, lambda reports: any(isinstance(each.outcome, ending) for each in reports))


def good_callback(stage: Stage) -> WebhookRequest:
    request = stage.request("succeeds")
    stage.pay(request)
    return stage.callbacks(request.transaction_id, at_least=stage.callbacks_of_payment)[-1]


def test_a_good_callback_reports_our_payment_its_amount_and_its_outcome(stage: Stage) -> None:
    request = stage.request("succeeds")
    stage.pay(request)

    reports = reports_until(stage, request, Succeeded)

    assert {report.transaction_id for report in reports} == {request.transaction_id}
    assert {report.amount for report in reports} == {request.amount}
    assert {type(report.outcome) for report in reports} in ({Succeeded}, {Pending, Succeeded})


def test_a_refusal_is_reported_by_a_callback(stage: Stage) -> None:
    request = stage.request("insufficient_funds")
    stage.pay(request)

    reports = reports_until(stage, request, Declined)

    assert any(isinstance(report.outcome, Declined) for report in reports)
    assert not any(isinstance(report.outcome, Succeeded) for report in reports)


def test_a_refund_is_reported_by_a_callback(stage: Stage) -> None:
    payment, reference = stage.paid()
    request = stage.refund_request(payment, reference, stage.refund_amount("succeeds"))
    stage.refund(request)

    def reported() -> list[RefundReported]:
        verified = stage.believed(stage.receiver.about(request.refund_id))
        reports = [stage.adapter.handle_webhook(callback.payload) for callback in verified]
        return [report for report in reports if isinstance(report, RefundReported)]

    told = until(reported, lambda reports: any(isinstance(each.outcome, Succeeded) for each in reports))

    assert {(report.refund_id, report.amount) for report in told} == {(request.refund_id, request.amount)}
    assert {report.payment_reference for report in told} <= {reference, None}
    assert any(isinstance(report.outcome, Succeeded) for report in told)


@pytest.mark.parametrize("case", ["callback_forged", "callback_stale", "callback_future"])
def test_a_callback_with_a_wrong_signature_or_time_is_not_believed(stage: Stage, case: str) -> None:
    request = stage.request(case)
    stage.pay(request)

    callbacks = stage.callbacks(request.transaction_id, at_least=stage.callbacks_of_payment)

    assert len(callbacks) >= stage.callbacks_of_payment
    assert stage.believed(callbacks) == []


def test_a_callback_that_was_tampered_with_is_not_believed(stage: Stage) -> None:
    stage.needs("signed_body")
    callback = good_callback(stage)

    with pytest.raises(WebhookRejected):
        stage.adapter.verify_webhook(replace(callback, body=callback.body + b" "))


def test_a_good_callback_that_is_replayed_ten_minutes_later_is_not_believed(stage: Stage) -> None:
    stage.needs("dated_callbacks")
    callback = good_callback(stage)

    with pytest.raises(WebhookRejected):
        stage.adapter.verify_webhook(replace(callback, received_at=callback.received_at + timedelta(minutes=10)))


def test_a_callback_without_what_proves_it_is_not_believed(stage: Stage) -> None:
    callback = good_callback(stage)

    with pytest.raises(WebhookRejected):
        stage.adapter.verify_webhook(replace(callback, headers={}, path="", sender=None))


def test_a_callback_to_an_address_that_was_given_to_nobody_is_not_believed_where_addresses_are_the_proof(
    stage: Stage,
) -> None:
    callback = good_callback(stage)
    if "signed_body" not in stage.contract.lacks:
        pytest.skip(f"{stage.plugin.name} signs")

    for wrong in (callback.path[:-1], callback.path + "0", callback.path.replace("/", "/0", 1), callback.path.upper()):
        with pytest.raises(WebhookRejected):
            stage.adapter.verify_webhook(replace(callback, path=wrong))
    for stranger in (None, "", "203.0.113.9", "not an address"):
        with pytest.raises(WebhookRejected):
            stage.adapter.verify_webhook(replace(callback, sender=stranger))


def test_a_repeated_callback_has_the_same_event_id(stage: Stage) -> None:
    request = stage.request("callback_twice")
    stage.pay(request)

    def believed() -> list[VerifiedWebhook]:
        return stage.believed(stage.receiver.about(request.transaction_id))

    verified = until(
        believed, lambda seen: stage.callbacks_of_payment <= len({each.event_id for each in seen}) < len(seen)
    )

    ids = {callback.event_id for callback in verified}
    assert stage.callbacks_of_payment <= len(ids) < len(verified)


def test_a_state_that_is_told_under_two_ids_is_told_alike(stage: Stage) -> None:
    request = stage.request("callback_two_ids")
    stage.pay(request)

    def believed() -> list[VerifiedWebhook]:
        return stage.believed(stage.receiver.about(request.transaction_id))

    def successes(verified: list[VerifiedWebhook]) -> int:
        return sum(isinstance(report.outcome, Succeeded) for report in payments_reported(stage, verified))

    verified = until(believed, lambda seen: successes(seen) >= 2)

    assert successes(verified) >= 2
    assert len({callback.event_id for callback in verified}) > stage.callbacks_of_payment


def test_callbacks_out_of_order_are_told_apart_by_their_sequence(stage: Stage) -> None:
    stage.needs("sequence")
    request = stage.request("callback_out_of_order")
    stage.pay(request)

    reports = payments_reported(
        stage, stage.believed(stage.callbacks(request.transaction_id, at_least=stage.callbacks_of_payment))
    )

    assert [type(report.outcome) for report in reports] == [Succeeded, Pending]
    sequences = [report.sequence for report in reports if report.sequence is not None]
    assert len(sequences) == 2
    assert sequences[0] > sequences[1]


def test_a_callback_may_come_before_the_answer(stage: Stage) -> None:
    request = stage.request("callback_early")

    stage.pay(request)
    already_there = stage.receiver.about(request.transaction_id)

    reports = payments_reported(stage, stage.believed(already_there))
    assert any(isinstance(report.outcome, Succeeded) for report in reports)


def test_a_lost_callback_is_made_good_by_a_query(stage: Stage) -> None:
    request = stage.request("callback_lost")
    stage.pay(request)

    assert isinstance(stage.settled(request), Succeeded)
    assert stage.receiver.about(request.transaction_id) == []


def test_another_amount_in_a_callback_is_reported_as_it_came(stage: Stage) -> None:
    request = stage.request("callback_other_amount")
    stage.pay(request)

    reports = payments_reported(
        stage, stage.believed(stage.callbacks(request.transaction_id, at_least=stage.callbacks_of_payment))
    )

    assert reports
    assert all(report.amount != request.amount for report in reports)


def test_a_callback_of_an_unknown_type_is_believed_and_reports_nothing(stage: Stage) -> None:
    request = stage.request("callback_unknown_type")
    stage.pay(request)

    def reported() -> list[ProviderReport]:
        verified = stage.believed(stage.receiver.about(request.transaction_id))
        return [stage.adapter.handle_webhook(callback.payload) for callback in verified]

    reports = until(reported, lambda seen: any(isinstance(each, NothingReported) for each in seen))

    assert [report for report in reports if isinstance(report, NothingReported)]
    assert all(
        isinstance(report.outcome, Pending | Succeeded) for report in reports if isinstance(report, PaymentReported)
    )


def test_a_payload_without_what_its_type_promises_is_rejected(stage: Stage) -> None:
    with pytest.raises(WebhookRejected):
        stage.adapter.handle_webhook({})
