"""Turns what use cases return into responses."""

import json

from flask import Response, current_app

from services.api.idempotency import StoredResponse
from shared.application.views import View
from shared.runtime.problems import PROBLEM_JSON, Problem


def answer(view: View, status: int = 200) -> Response:
    return Response(current_app.json.dumps(view), status=status, mimetype="application/json")


def idempotent_answer(stored: StoredResponse, added: View | None = None) -> Response:
    """The stored answer, or the resource that was waited for.

    ``added`` is what is derived anew each time, always to the same bytes.
    """
    body = (
        json.dumps(json.loads(stored.body) | added, separators=(",", ":"), ensure_ascii=False) if added else stored.body
    )
    response = Response(body, status=stored.status, mimetype="application/json")
    if stored.is_replay:
        response.headers["Idempotent-Replayed"] = "true"
    if stored.waited_seconds is not None:
        response.headers["Preference-Applied"] = f"wait={stored.waited_seconds}"
    return response


def problem_answer(problem: Problem, request_id: str | None) -> Response:
    body = current_app.json.dumps(problem.body(request_id))
    response = Response(body, status=problem.status, mimetype=PROBLEM_JSON)
    if problem.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(problem.retry_after_seconds)
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
