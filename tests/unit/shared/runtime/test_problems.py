"""The one form in which we say no."""

import pytest

from shared.runtime.problems import Problem


def test_a_problem_has_everything_that_rfc_9457_and_we_promise() -> None:
    problem = Problem(status=422, code="validation_failed", detail="Some.", errors=[("/amount", "must be more than 0")])

    assert problem.body("r1") == {
        "type": "https://docs.gateway.example/problems/validation_failed",
        "title": "Unprocessable Entity",
        "status": 422,
        "code": "validation_failed",
        "detail": "Some.",
        "retryable": False,
        "request_id": "r1",
        "errors": [{"pointer": "/amount", "detail": "must be more than 0"}],
    }


@pytest.mark.parametrize(
    ("code", "retryable"),
    [
        ("validation_failed", False),
        ("not_authenticated", False),
        ("idempotency_in_flight", True),
        ("idempotency_key_reused", False),
        ("refund_not_possible", False),
        ("rate_limited", True),
        ("internal_error", False),
        ("unavailable", True),
        ("too_many_connections", True),
    ],
)
def test_only_what_may_succeed_later_is_retryable(code: str, retryable: bool) -> None:
    assert Problem(status=409, code=code, detail="x").body(None)["retryable"] is retryable
