"""The HTTP edge of webhook_ingest: sizes and types before anything is read, problems as RFC 9457."""

import structlog
from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from services.webhook_ingest.gate import TOO_MANY_STRANGERS
from services.webhook_ingest.receiver import Received, TooManyStrangers, WebhookReceiver
from shared.application.actor import Actor
from shared.domain.errors import (
    BodyTooLarge,
    LengthRequired,
    MediaTypeUnsupported,
    NotFound,
    RequestRejected,
    WebhookRejected,
)
from shared.persistence.errors import StorageUnavailable
from shared.provider_kit.provider import WebhookRequest
from shared.runtime.clock import Clock
from shared.runtime.correlation import accept_request_id, current_request_id, logging_context
from shared.runtime.metrics import HTTP_REQUESTS
from shared.runtime.problems import PROBLEM_JSON, Problem

MAX_BODY_BYTES = 262_144

log = structlog.get_logger()

# error -> answer
_STATUS: dict[type[Exception], int] = {
    NotFound: 404,
    MediaTypeUnsupported: 415,
    BodyTooLarge: 413,
    LengthRequired: 411,
    WebhookRejected: 401,
    TooManyStrangers: TOO_MANY_STRANGERS.status,
    StorageUnavailable: 503,
}


def build_app(receiver: WebhookReceiver, clock: Clock) -> Flask:
    app = Flask("webhook_ingest")

    @app.post("/api/v1/webhooks/<provider>")
    @app.post("/api/v1/webhooks/<provider>/<path:path>")
    def receive(provider: str, path: str = "") -> Response:
        with logging_context(request_id=accept_request_id(request.headers.get("Request-Id"))):
            try:
                sender = _sender()
                claimed = receiver.admit(provider, sender)
                answer = _accepted(receiver.receive(claimed, _webhook(path, clock), sender))
            except Exception as error:  # noqa: BLE001 - the edge of the process: the table below decides
                answer = _refusal(error)
            return _finished(answer)

    @app.errorhandler(HTTPException)
    def no_route(error: HTTPException) -> Response:
        with logging_context(request_id=accept_request_id(request.headers.get("Request-Id"))):
            status = error.code or 500
            return _finished(_problem(Problem(status=status, code="not_found", detail="There is nothing here.")))

    return app


def _webhook(path: str, clock: Clock) -> WebhookRequest:
    return WebhookRequest(
        headers={name.lower(): value for name, value in request.headers.items()},
        body=_raw_body(),
        received_at=clock.now(),
        path=path,
        sender=request.remote_addr,
    )


def _accepted(received: Received) -> Response:
    if received.answer is not None:
        return jsonify(received.answer.body)
    return jsonify({"received": True, "verdict": received.verdict})


def _sender() -> Actor:
    """Who brings the callback, as far as that can be seen."""
    agent = request.headers.get("User-Agent")
    return Actor(
        user_id=None,
        ip_address=request.remote_addr,
        user_agent=None if agent is None else agent[:300].replace("\x00", ""),
        request_id=current_request_id(),
    )


def _raw_body() -> bytes:
    """The bytes as they came: what was signed is never parsed first, nor unpacked."""
    if request.content_length is None or "Transfer-Encoding" in request.headers:
        raise LengthRequired("Send the body with a Content-Length.")
    if request.content_length > MAX_BODY_BYTES:
        raise BodyTooLarge(f"A callback has at most {MAX_BODY_BYTES} bytes.")
    if request.mimetype != "application/json":
        raise MediaTypeUnsupported("Send the callback as application/json.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise MediaTypeUnsupported("Send the callback without Content-Encoding.")
    return request.get_data(cache=False, parse_form_data=False)


def _refusal(error: Exception) -> Response:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
    if isinstance(error, WebhookRejected):
        field = [("webhook-signature", "must be a current signature of this body by this provider")]
        return _problem(
            Problem(status=status, code="webhook_rejected", detail="The callback is not genuine.", errors=field)
        )
    if isinstance(error, RequestRejected):
        return _problem(Problem(status=status, code=error.code, detail=error.detail))
    if isinstance(error, TooManyStrangers):
        return _problem(TOO_MANY_STRANGERS)
    if isinstance(error, StorageUnavailable):
        again = Problem(status=status, code="unavailable", detail="Send it again.", retry_after_seconds=5)
        return _problem(again)
    log.error("webhook.failed", error=type(error).__name__, exc_info=error)
    return _problem(Problem(status=500, code="internal_error", detail="This is our fault; send it again."))


def _problem(problem: Problem) -> Response:
    answer = jsonify(problem.body(current_request_id()))
    answer.status_code, answer.mimetype = problem.status, PROBLEM_JSON
    if problem.retry_after_seconds is not None:
        answer.headers["Retry-After"] = str(problem.retry_after_seconds)
    return answer


def _finished(answer: Response) -> Response:
    answer.headers["Request-Id"] = current_request_id() or ""
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    labels = {"service": "webhook_ingest", "method": request.method, "route": _rule()}
    HTTP_REQUESTS.labels(**labels, status=answer.status_code).inc()
    return answer


def _rule() -> str:
    return str(request.url_rule) if request.url_rule else "unknown"
