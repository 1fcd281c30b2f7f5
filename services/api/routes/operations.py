"""GET /health, GET /metrics."""

from collections.abc import Callable

from flask import Response
from flask_openapi import APIBlueprint, Tag

from services.api.routes.answers import answer
from services.api.routes.caller import merchant_id
from services.api.routes.refusals import refusals
from services.api.schemas.operations import HealthView, MetricsView
from services.api.use_cases.describe import Describe

# The status that /readyz would have, and what each check says.
Readiness = Callable[[], tuple[int, dict[str, object]]]

VERSION = "0.1.0"


def build_operation_routes(describe: Describe, readiness: Readiness) -> APIBlueprint:
    routes = APIBlueprint("operations", __name__, abp_tags=[Tag(name="Operations")])

    @routes.get("/health", responses={200: HealthView, 503: HealthView})
    def health() -> Response:
        """Whether payments are accepted. 503 only without the database: broker and cache may be away."""
        status, found = readiness()
        return answer(found | {"version": VERSION}, status)

    @routes.get("/metrics", responses={200: MetricsView, **refusals()}, security=[{"bearer": []}])
    def metrics() -> Response:
        """Counts of your payments by status and provider, and the success rate."""
        return answer(describe.figures(merchant_id()))

    return routes
