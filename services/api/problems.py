"""THE table: error -> HTTP problem. Handlers never choose a status code."""

import structlog
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from shared.coordination.redis_client import RedisAway
from shared.domain import errors
from shared.domain.errors import RequestRejected
from shared.persistence.errors import StorageBusy, StorageUnavailable
from shared.runtime.problems import Problem

STATUS_OF: dict[type[RequestRejected], int] = {
    errors.BodyMalformed: 400,
    errors.IdempotencyKeyMissing: 400,
    errors.IdempotencyKeyInvalid: 400,
    errors.NotAuthenticated: 401,
    errors.NotAuthorised: 403,
    errors.NotFound: 404,
    errors.IdempotencyInFlight: 409,
    errors.CancelNotPossible: 409,
    errors.ConfigurationChanged: 409,
    errors.CaptureNotPossible: 409,
    errors.EndpointConflict: 409,
    errors.PaymentUnfinished: 409,
    errors.RefundNotPossible: 409,
    errors.PlaceLost: 410,
    errors.LengthRequired: 411,
    errors.AmountAvailableMismatch: 412,
    errors.BodyTooLarge: 413,
    errors.MediaTypeUnsupported: 415,
    errors.ValidationFailed: 422,
    errors.IdempotencyKeyReused: 422,
    errors.CaptureExceedsAuthorization: 422,
    errors.CredentialsRefused: 422,
    errors.RefundExceedsPayment: 422,
}

# What is repeated after a second may find the other request, or the provider's answer, there.
_AT_WORK = frozenset({"idempotency_in_flight", "payment_unfinished"})

_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 429: "rate_limited"}

log = structlog.get_logger()


def problem_of(error: Exception) -> Problem:
    """What the caller is told of ``error``; a bug is logged, and told as a 500 without details."""
    if isinstance(error, RequestRejected):
        return _rejected(error)
    if isinstance(error, StorageBusy):
        return _rejected(errors.IdempotencyInFlight("Another request is working on the same thing; try again."))
    if isinstance(error, StorageUnavailable):
        return Problem(
            status=503,
            code="unavailable",
            detail="Try again with the same Idempotency-Key: nothing is done twice.",
            retry_after_seconds=2,
        )
    if isinstance(error, RedisAway):
        detail = "There are no tickets now. Try again, or connect with a token: that needs none."
        return Problem(status=503, code="unavailable", detail=detail, retry_after_seconds=2)
    if isinstance(error, HTTPException):
        return _http(error)
    log.error("request.failed", error=type(error).__name__, exc_info=error)
    return Problem(status=500, code="internal_error", detail="This is our fault. The request_id helps us find it.")


def validation_problem(error: ValidationError, *, in_body: bool) -> Problem:
    """Every field that is wrong, and what would be right for it; the value itself is never repeated."""
    prefix = "/" if in_body else ""
    fields = [
        (prefix + "/".join(str(part) for part in each["loc"]), _told(each["msg"], each["type"]))
        for each in error.errors(include_input=False, include_url=False)
    ]
    return Problem(status=422, code="validation_failed", detail="Some fields are not acceptable.", errors=fields)


def _rejected(error: RequestRejected) -> Problem:
    status = STATUS_OF[type(error)]
    return Problem(
        status=status,
        code=error.code,
        detail=error.detail,
        errors=[(each.pointer, each.detail) for each in error.errors],
        retry_after_seconds=1 if error.code in _AT_WORK else None,
    )


def _http(error: HTTPException) -> Problem:
    status = error.code or 500
    retry_after = 1 if status == 429 else None
    code = _CODES.get(status, f"http_{status}")
    detail = {404: "There is nothing here.", 429: "Too many requests; slow down."}.get(status, error.name)
    return Problem(status=status, code=code, detail=detail, retry_after_seconds=retry_after)


def _told(message: str, kind: str) -> str:
    if kind == "extra_forbidden":
        return "is not a field of this request"
    return message.removeprefix("Value error, ")
