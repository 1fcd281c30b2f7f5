"""What happens around every request: ids, who is asking, what they may, how it ends."""

import time

import structlog
from flask import Response, g, request
from structlog import contextvars

from services.api.auth import ENDPOINT_SCOPES, PUBLIC_BLUEPRINTS, authenticate, authorise
from services.api.call_audit import CallAudit
from services.api.json_body import read_json_object
from services.api.problems import problem_of
from services.api.routes.answers import problem_answer
from shared.domain.errors import NotAuthorised
from shared.runtime.access_tokens import AccessTokens
from shared.runtime.correlation import accept_request_id, bind, current_request_id
from shared.runtime.metrics import HTTP_REQUESTS, HTTP_SECONDS

# The documentation page has an inline script of its own; nothing else of ours has any.
_STRICT = "default-src 'none'; frame-ancestors 'none'"
_DOCUMENTATION = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'"
)

WITH_BODY = frozenset({"POST", "PATCH"})

log = structlog.get_logger()


class RequestHooks:
    """In order: begin, let_in, the rate limit, read_body, then the route; finish whatever came of it."""

    def __init__(self, tokens: AccessTokens, audit: CallAudit) -> None:
        self._tokens, self._audit = tokens, audit

    def begin(self) -> None:
        # Threads are reused: what the last request bound must not be seen in this one.
        contextvars.clear_contextvars()
        g.started = time.perf_counter()
        bind(request_id=accept_request_id(request.headers.get("Request-Id")))

    def let_in(self) -> None:
        """Raises ``NotAuthenticated`` or ``NotAuthorised``."""
        if request.endpoint is None or request.blueprint in PUBLIC_BLUEPRINTS or request.method == "OPTIONS":
            return
        if request.endpoint not in ENDPOINT_SCOPES:
            raise NotAuthorised("Nobody may do this.")
        scope = ENDPOINT_SCOPES[request.endpoint]
        if scope is not None:
            g.principal = authenticate(request, self._tokens)
            bind(merchant_id=g.principal.merchant_id, user_id=g.principal.user_id)
            authorise(g.principal, scope)

    def read_body(self) -> None:
        """Raises what ``read_json_object`` raises."""
        if request.method in WITH_BODY and request.endpoint in ENDPOINT_SCOPES:
            read_json_object(request)

    def say_no(self, error: Exception) -> Response:
        ready = getattr(error, "response", None)
        if isinstance(ready, Response):
            return ready
        return problem_answer(problem_of(error), current_request_id())

    def finish(self, response: Response) -> Response:
        _add_headers(response)
        rule = str(request.url_rule) if request.url_rule else "unknown"
        counted = HTTP_REQUESTS.labels(service="api", method=request.method, route=rule, status=response.status_code)
        counted.inc()
        seconds = time.perf_counter() - g.started
        HTTP_SECONDS.labels(service="api", route=rule).observe(seconds)
        log.info(
            "http.answered",
            method=request.method,
            route=rule,
            status=response.status_code,
            milliseconds=round(seconds * 1000, 1),
        )
        self._audit.called(response, round(seconds * 1000))
        return response


def _add_headers(response: Response) -> None:
    documentation = request.blueprint in PUBLIC_BLUEPRINTS
    response.headers["Request-Id"] = current_request_id() or ""
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Content-Security-Policy"] = _DOCUMENTATION if documentation else _STRICT
    if not documentation:
        response.headers["Cache-Control"] = "no-store"
