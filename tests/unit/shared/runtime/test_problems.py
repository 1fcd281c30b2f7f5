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
    ("status", "retryable"),
    [
        (400, False),
        (401, False),
        (403, False),
        (404, False),
        (409, True),
        (422, False),
        (429, True),
        (500, False),
        (503, True),
    ],
)
def test_only_what_may_succeed_later_is_retryable(status: int, retryable: bool) -> None:
    assert Problem(status=status, code="x", detail="x").body(None)["retryable"] is retryable
