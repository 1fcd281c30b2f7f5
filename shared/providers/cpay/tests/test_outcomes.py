"""The tables from CPay's statuses and codes to our outcomes, walked from end to end."""

import pytest

from shared.domain.failure import FailureCode
from shared.domain.outcome import Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.provider_kit.http import ProviderResponse
from shared.providers.cpay.outcomes import (
    FAILURE_CODES,
    PAYMENT_ERRORS,
    QUERY_ERRORS,
    REFUND_ERRORS,
    outcome_of_error,
    outcome_of_movement,
    outcome_of_payment,
)
from shared.providers.cpay.wire import ErrorDetail, Failure, Payment, Refund


def payment(status: str, failure: str | None = None) -> Payment:
    return Payment(
        id="cpay_1",
        status=status,
        amount=100,
        currency="KES",
        merchant_reference="ours",
        failure=Failure(code=failure, message="their words") if failure else None,
    )


def refund(status: str) -> Refund:
    return Refund(id="cprf_1", payment_id="cpay_1", status=status, amount=100, currency="KES")


def response(status: int, **headers: str) -> ProviderResponse:
    return ProviderResponse(status=status, headers=headers, body=b"")


def error(code: str, *, retryable: bool = False) -> ErrorDetail:
    return ErrorDetail(type="api_error", code=code, message="their words", retryable=retryable)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("pending", Pending),
        ("succeeded", Succeeded),
        ("failed", Declined),
        ("cancelled", Declined),
        ("expired", Declined),
        ("under_review", Pending),
        ("SUCCEEDED", Pending),
        ("success", Pending),
        ("", Pending),
    ],
)
def test_only_succeeded_is_a_success_and_an_unknown_status_is_pending(status: str, kind: type[Outcome]) -> None:
    outcome = outcome_of_payment(payment(status))

    assert type(outcome) is kind
    assert isinstance(outcome, Pending | Succeeded | Declined)
    assert outcome.reference == "cpay_1"


@pytest.mark.parametrize(
    ("status", "kind"),
    [("pending", Pending), ("succeeded", Succeeded), ("failed", Declined), ("reversed", Pending)],
)
def test_a_refunds_status_is_read_by_its_own_table(status: str, kind: type[Outcome]) -> None:
    assert type(outcome_of_movement(refund(status))) is kind


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("insufficient_funds", FailureCode.INSUFFICIENT_FUNDS),
        ("declined", FailureCode.DECLINED),
        ("cancelled_by_user", FailureCode.CANCELLED_BY_CUSTOMER),
        ("timeout", FailureCode.EXPIRED),
        ("invalid_account", FailureCode.INVALID_ACCOUNT),
        ("limit_exceeded", FailureCode.LIMIT_EXCEEDED),
        ("provider_error", FailureCode.PROVIDER_FAILED),
        ("moon_in_wrong_phase", FailureCode.PROVIDER_REFUSED),
    ],
)
def test_a_failure_code_is_translated_and_kept(theirs: str, ours: FailureCode) -> None:
    outcome = outcome_of_payment(payment("failed", theirs))

    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.provider_code, outcome.provider_message) == (ours, theirs, "their words")


@pytest.mark.parametrize(
    ("status", "ours"), [("cancelled", FailureCode.CANCELLED_BY_CUSTOMER), ("expired", FailureCode.EXPIRED)]
)
def test_an_end_without_a_failure_code_is_told_by_its_status(status: str, ours: FailureCode) -> None:
    outcome = outcome_of_payment(payment(status))

    assert isinstance(outcome, Declined)
    assert outcome.code == ours


def test_every_code_of_ours_in_the_table_is_one_of_ours() -> None:
    assert set(FAILURE_CODES.values()) <= set(FailureCode)


@pytest.mark.parametrize(
    ("status", "code", "retryable", "kind"),
    [
        (400, "invalid_request", False, Declined),
        (402, "declined", False, Declined),
        (422, "amount_too_large", False, Declined),
        (401, "invalid_api_key", False, NotSent),
        (403, "not_permitted", False, NotSent),
        (429, "rate_limited", True, NotSent),
        (503, "service_unavailable", True, NotSent),
        (503, "service_unavailable", False, InDoubt),
        (503, "maintenance", True, InDoubt),
        (500, "internal_error", True, InDoubt),
        (500, "service_unavailable", True, InDoubt),
        (502, "service_unavailable", True, InDoubt),
        (404, "not_found", False, InDoubt),
        (409, "duplicate_reference", False, InDoubt),
        (409, "idempotency_key_in_use", True, InDoubt),
        (409, "idempotency_key_reused", False, InDoubt),
        (409, "invalid_state", False, InDoubt),
        (408, "timeout", True, InDoubt),
        (302, "moved", False, InDoubt),
        (204, "nothing", False, InDoubt),
    ],
)
def test_an_error_on_a_payment(status: int, code: str, retryable: bool, kind: type[Outcome]) -> None:  # noqa: FBT001 - a table
    outcome = outcome_of_error(response(status), error(code, retryable=retryable), PAYMENT_ERRORS)

    assert type(outcome) is kind


@pytest.mark.parametrize("status", [200, 204, 301, 400, 402, 404, 409, 418, 422, 500, 502, 503, 504])
def test_an_error_that_cpay_did_not_write_is_in_doubt(status: int) -> None:
    for table in (PAYMENT_ERRORS, REFUND_ERRORS, QUERY_ERRORS):
        assert isinstance(outcome_of_error(response(status), None, table), InDoubt)


@pytest.mark.parametrize("status", [401, 403, 429])
def test_the_gate_is_believed_without_a_readable_body_but_proves_no_absence(status: int) -> None:
    assert isinstance(outcome_of_error(response(status), None, PAYMENT_ERRORS), NotSent)
    assert isinstance(outcome_of_error(response(status), None, REFUND_ERRORS), NotSent)
    assert isinstance(outcome_of_error(response(status), None, QUERY_ERRORS), InDoubt)
    assert isinstance(outcome_of_error(response(status), error("any"), QUERY_ERRORS), InDoubt)


@pytest.mark.parametrize(
    ("status", "code", "ours"),
    [
        (404, "not_found", FailureCode.REFUND_NOT_POSSIBLE),
        (409, "invalid_state", FailureCode.REFUND_NOT_POSSIBLE),
        (422, "refund_exceeds_amount", FailureCode.REFUND_NOT_POSSIBLE),
        (422, "something_new", FailureCode.PROVIDER_REFUSED),
        (400, "invalid_request", FailureCode.PROVIDER_REFUSED),
    ],
)
def test_a_refund_that_is_refused(status: int, code: str, ours: FailureCode) -> None:
    outcome = outcome_of_error(response(status), error(code), REFUND_ERRORS)

    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.provider_code) == (ours, code)


def test_a_refund_whose_reference_is_taken_is_in_doubt() -> None:
    assert isinstance(outcome_of_error(response(409), error("duplicate_reference"), REFUND_ERRORS), InDoubt)


def test_only_cpays_own_not_found_proves_that_there_is_nothing() -> None:
    assert outcome_of_error(response(404), error("not_found"), QUERY_ERRORS) == NotSent(reason="not_found")
    assert isinstance(outcome_of_error(response(404), error("no_such_route"), QUERY_ERRORS), InDoubt)


def test_refused_credentials_are_called_a_misconfiguration() -> None:
    outcome = outcome_of_error(response(401), error("invalid_api_key"), PAYMENT_ERRORS)

    assert outcome == NotSent(reason="misconfigured: http 401 invalid_api_key")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2),
        ("0", 0),
        ("99999999", 86_400),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("²", None),
        ("9" * 5000, None),
    ],
)
def test_retry_after_is_whole_seconds_of_at_most_a_day(header: str, seconds: int | None) -> None:
    outcome = outcome_of_error(response(429, **{"retry-after": header}), None, PAYMENT_ERRORS)

    assert isinstance(outcome, NotSent)
    assert outcome.retry_after_seconds == seconds


def test_a_message_of_theirs_is_cut_to_500_characters() -> None:
    long = ErrorDetail(type="invalid_request", code="x", message="m" * 10_000)

    outcome = outcome_of_error(response(400), long, PAYMENT_ERRORS)

    assert isinstance(outcome, Declined)
    assert len(outcome.provider_message) == 500
