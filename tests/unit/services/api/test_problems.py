"""The table from error to HTTP problem is complete."""

from collections.abc import Iterator

import pytest

from services.api.problems import STATUS_OF, problem_of
from shared.domain.errors import IllegalTransition, NotFound, PaymentUnfinished, RequestRejected, ValidationFailed
from shared.domain.ids import TransactionId
from shared.persistence.errors import StorageBusy, StorageUnavailable
from shared.runtime.identifiers import new_id


def _kinds(root: type[RequestRejected] = RequestRejected) -> Iterator[type[RequestRejected]]:
    """Those that the API can meet: other services have some of their own."""
    for kind in root.__subclasses__():
        if kind.__module__.startswith(("shared.", "services.api.")):
            yield kind
        yield from _kinds(kind)


def _of_kind(kind: type[RequestRejected]) -> RequestRejected:
    if kind is PaymentUnfinished:
        return PaymentUnfinished("what is wrong", TransactionId(new_id()), "processing")
    return kind("what is wrong")


def test_every_fault_of_a_caller_has_a_status() -> None:
    assert set(STATUS_OF) == set(_kinds())


def test_every_fault_of_a_caller_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in _kinds()]

    assert len(set(codes)) == len(codes)
    assert RequestRejected.code not in codes


@pytest.mark.parametrize("kind", list(STATUS_OF))
def test_every_fault_of_a_caller_is_told_as_4xx(kind: type[RequestRejected]) -> None:
    problem = problem_of(_of_kind(kind))

    assert 400 <= problem.status < 500
    assert (problem.code, problem.detail) == (kind.code, "what is wrong")


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (StorageBusy("x"), 409, "idempotency_in_flight", 1),
        (StorageUnavailable("x"), 503, "unavailable", 2),
        (IllegalTransition("failed", "submit"), 500, "internal_error", None),
        (KeyError("canary"), 500, "internal_error", None),
        (NotFound("x"), 404, "not_found", None),
        (ValidationFailed("x"), 422, "validation_failed", None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_every_error_becomes_one_problem(error: Exception, status: int, code: str, retry_after: int | None) -> None:
    problem = problem_of(error)

    assert (problem.status, problem.code, problem.retry_after_seconds) == (status, code, retry_after)
    assert "canary" not in problem.detail
