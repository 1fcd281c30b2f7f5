"""/webhook-endpoints: where a merchant wants to be told."""

from datetime import timedelta

from flask import Response
from flask_openapi import APIBlueprint, Tag

from services.api.routes.answers import answer
from services.api.routes.caller import actor, merchant_id
from services.api.routes.refusals import refusals
from services.api.schemas.webhooks import (
    ChangeEndpointBody,
    CreateEndpointBody,
    EndpointList,
    EndpointPath,
    EndpointView,
    EndpointWithSecretView,
    RotateSecretBody,
)
from services.api.use_cases.webhook_endpoints import EndpointChange, WebhookEndpoints

ENDPOINT = "/webhook-endpoints/<endpoint_id>"
NOUN = "webhook endpoint"


def build_webhook_endpoint_routes(endpoints: WebhookEndpoints) -> APIBlueprint:
    tag = Tag(name="Webhooks")
    routes = APIBlueprint("webhook_endpoints", __name__, abp_tags=[tag], abp_security=[{"bearer": []}])

    @routes.post("/webhook-endpoints", responses={201: EndpointWithSecretView, **refusals(body=True, webhooks=True)})
    def create_endpoint(body: CreateEndpointBody) -> Response:
        """Have events sent to a server of yours.

        The answer has the secret that they are signed with (Standard Webhooks), this once. An address has one endpoint:
        to ask again is refused, and does no harm.
        """
        made = endpoints.create(body.url, body.description, tuple(body.event_types), merchant_id(), actor())
        return answer(made, 201)

    @routes.get("/webhook-endpoints", responses={200: EndpointList, **refusals()})
    def list_endpoints() -> Response:
        """List your endpoints, newest first."""
        return answer(endpoints.all(merchant_id()))

    @routes.get(ENDPOINT, responses={200: EndpointView, **refusals(one_of=NOUN)})
    def get_endpoint(path: EndpointPath) -> Response:
        """Get an endpoint."""
        return answer(endpoints.one(path.endpoint_id, merchant_id()))

    @routes.patch(ENDPOINT, responses={200: EndpointView, **refusals(body=True, one_of=NOUN, webhooks=True)})
    def change_endpoint(path: EndpointPath, body: ChangeEndpointBody) -> Response:
        """Change an endpoint, switch it off or on.

        While it is off, what waited for it waits on; of what happens then it is told by a recovery.
        """
        event_types = None if body.event_types is None else tuple(body.event_types)
        change = EndpointChange(
            url=body.url, description=body.description, event_types=event_types, is_active=body.is_active
        )
        return answer(endpoints.change(path.endpoint_id, change, merchant_id(), actor()))

    @routes.delete(ENDPOINT, responses={204: None, **refusals(one_of=NOUN)})
    def delete_endpoint(path: EndpointPath) -> Response:
        """Delete an endpoint; nothing more is sent to it."""
        endpoints.delete(path.endpoint_id, merchant_id(), actor())
        return Response(status=204)

    @routes.post(
        f"{ENDPOINT}/rotate-secret",
        responses={200: EndpointWithSecretView, **refusals(body=True, one_of=NOUN, webhooks=True)},
    )
    def rotate_secret(path: EndpointPath, body: RotateSecretBody) -> Response:
        """Give an endpoint a new secret, shown this once.

        For overlap_hours everything is signed with the old one, too. Repeat it if the answer was lost: a secret that
        you have goes on signing.
        """
        overlap = timedelta(hours=body.overlap_hours)
        return answer(endpoints.rotate_secret(path.endpoint_id, overlap, merchant_id(), actor()))

    return routes
