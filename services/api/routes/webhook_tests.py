"""POST /webhook-endpoints/{id}/test, GET /webhook-endpoints/{id}/tests/{test_id}."""

from flask import Response
from flask_openapi import APIBlueprint, Tag

from services.api.routes.answers import answer
from services.api.routes.caller import actor, merchant_id
from services.api.routes.refusals import refusals
from services.api.routes.webhook_endpoints import ENDPOINT, NOUN
from services.api.schemas.webhooks import EmptyBody, EndpointPath, EndpointTestPath, EndpointTestView
from services.api.use_cases.webhook_tests import WebhookTests


def build_webhook_test_routes(tests: WebhookTests) -> APIBlueprint:
    tag = Tag(name="Webhooks")
    routes = APIBlueprint("webhook_tests", __name__, abp_tags=[tag], abp_security=[{"bearer": []}])

    @routes.post(
        f"{ENDPOINT}/test",
        responses={202: EndpointTestView, **refusals(body=True, one_of=NOUN, webhooks=True)},
    )
    def test_endpoint(path: EndpointPath, body: EmptyBody) -> Response:  # noqa: ARG001 - for OpenAPI
        """Test an endpoint with deliveries that are good, repeated, late, out of order, badly signed and slow.

        All are of the type webhook_endpoint.test, and none changes how the endpoint stands. Get the test to see what
        your server answered, what it should have answered, and what to do about it.
        """
        return answer(tests.start(path.endpoint_id, merchant_id(), actor()), 202)

    @routes.get(f"{ENDPOINT}/tests/<test_id>", responses={200: EndpointTestView, **refusals(one_of="test")})
    def get_test(path: EndpointTestPath) -> Response:
        """Get a test of an endpoint; finished_at is null until all cases are through."""
        return answer(tests.one(path.endpoint_id, path.test_id, merchant_id()))

    return routes
