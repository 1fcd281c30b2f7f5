"""How a handshake is refused: THE table from error to HTTP problem."""

import json
from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.http11 import Response

from services.notifier.places import Limit, NoPlace
from shared.coordination.redis_client import RedisAway
from shared.domain.errors import NotAuthenticated, NotFound, RequestRejected, ValidationFailed
from shared.persistence.errors import StorageUnavailable
from shared.runtime.problems import PROBLEM_JSON, Problem


class OriginNotAllowed(RequestRejected):
    """A web page of an origin that is not listed."""

    code = "origin_not_allowed"


# Whatever else is raised in a handshake is a bug.
Refusal = RequestRejected | NoPlace | RedisAway | StorageUnavailable
REFUSALS = (RequestRejected, NoPlace, RedisAway, StorageUnavailable)

STATUS_OF: dict[type[RequestRejected], int] = {
    NotAuthenticated: 401,
    OriginNotAllowed: 403,
    NotFound: 404,
    ValidationFailed: 422,
}
FULL: dict[Limit, Problem] = {
    limit: Problem(status=status, code="too_many_connections", detail=detail, retry_after_seconds=5)
    for limit, status, detail in (
        (Limit.ADDRESS, 429, "Too many connections from this address; close some."),
        (Limit.MERCHANT, 429, "Too many connections of this merchant; close some."),
        (Limit.NOTIFIER, 503, "Too many connections; try again later."),
        (Limit.HANDSHAKES, 503, "Too many connections begin at once; try again later."),
        (Limit.HANDSHAKES_OF_ADDRESS, 429, "Too many connections of this address begin at once; try again later."),
    )
}
DATABASE_AWAY = Problem(status=503, code="unavailable", detail="Try again.", retry_after_seconds=2)
REDIS_AWAY = Problem(
    status=503,
    code="unavailable",
    detail="Tickets cannot be checked now. Tokens can: or get a new ticket, and try again.",
    retry_after_seconds=2,
)


def problem_of(error: Refusal) -> Problem:
    if isinstance(error, NoPlace):
        return FULL[error.limit]
    if isinstance(error, RequestRejected):
        fields = [(each.pointer, each.detail) for each in error.errors]
        return Problem(status=STATUS_OF[type(error)], code=error.code, detail=error.detail, errors=fields)
    return REDIS_AWAY if isinstance(error, RedisAway) else DATABASE_AWAY


def response_of(problem: Problem, request_id: str) -> Response:
    body = json.dumps(problem.body(request_id)).encode()
    headers = Headers(
        {
            "Content-Type": PROBLEM_JSON,
            "Content-Length": str(len(body)),
            "Connection": "close",
            "Cache-Control": "no-store",
            "Request-Id": request_id,
        }
    )
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.retry_after_seconds is not None:
        headers["Retry-After"] = str(problem.retry_after_seconds)
    return Response(problem.status, HTTPStatus(problem.status).phrase, headers, body)
