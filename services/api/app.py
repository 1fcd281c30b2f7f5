"""Puts the API together: authenticate, authorise, limit, validate, then the route; and one way to say no."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response, request
from flask_cors import CORS
from flask_openapi import APIBlueprint, Info, OpenAPI
from pydantic import ValidationError
from werkzeug.middleware.proxy_fix import ProxyFix

from services.api.call_audit import CallAudit
from services.api.hooks import WITH_BODY, RequestHooks
from services.api.idempotency import key_missing
from services.api.json_body import MAX_BODY_BYTES, ExactJson
from services.api.problems import problem_of, validation_problem
from services.api.rate_limit import install_rate_limit
from services.api.routes.answers import problem_answer
from services.api.routes.operations import VERSION
from services.api.schemas.payments import IdempotentHeaders
from services.api.schemas.problems import ProblemDetails
from services.api.settings import ApiSettings
from shared.runtime.access_tokens import AccessTokens
from shared.runtime.correlation import current_request_id

PREFIX = "/api/v1"

DESCRIPTION = """One API for every payment provider.

Results also come by WebSocket, from the notifier: `/ws/transaction/{transaction_id}` (with an access token, the
payment's `client_token`, or a ticket) and `/ws/user/{user_id}`; `?after=` resumes. Providers send their callbacks to
`POST /api/v1/webhooks/{provider}`, at webhook-ingest. Both have hosts of their own."""


@dataclass(frozen=True, slots=True)
class ApiParts:
    """What the application is made of; ``bootstrap`` makes them."""

    tokens: AccessTokens
    audit: CallAudit
    routes: Sequence[APIBlueprint]


def create_app(settings: ApiSettings, parts: ApiParts) -> OpenAPI:
    app = OpenAPI(
        "services.api",
        static_folder=None,
        info=Info(title="Payment gateway", version=VERSION, description=DESCRIPTION),
        security_schemes={"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        validation_error_model=ProblemDetails,
        validation_error_callback=_on_invalid,
    )
    app.openapi_version = "3.1.0"
    app.json = ExactJson(app)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    hooks = RequestHooks(parts.tokens, parts.audit)
    app.before_request(hooks.begin)
    app.before_request(hooks.let_in)
    install_rate_limit(app, settings)
    app.before_request(hooks.read_body)
    app.register_error_handler(Exception, hooks.say_no)
    app.after_request(hooks.finish)
    _allow_origins(app, settings.allowed_origins)
    for routes in parts.routes:
        app.register_api(routes, url_prefix=PREFIX)
    if settings.trusted_proxies:
        proxies = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign] # Flask's documented way
    return app


def _allow_origins(app: OpenAPI, origins: list[str]) -> None:
    if origins:
        CORS(
            app,
            origins=origins,
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Prefer", "Request-Id"],
            expose_headers=["Request-Id", "Idempotent-Replayed", "Preference-Applied", "Retry-After"],
            methods=["GET", "POST", "PATCH", "DELETE"],
        )


def _on_invalid(error: ValidationError) -> Response:
    if error.title == IdempotentHeaders.__name__:
        return problem_answer(problem_of(key_missing()), current_request_id())
    problem = validation_problem(error, in_body=request.method in WITH_BODY)
    return problem_answer(problem, current_request_id())
