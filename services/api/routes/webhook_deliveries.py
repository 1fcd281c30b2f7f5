"""What was sent to a merchant's endpoints, and sending it again."""

from flask import Response
from flask_openapi import APIBlueprint, Tag

from services.api.routes.answers import answer
from services.api.routes.caller import actor, merchant_id
from services.api.routes.refusals import refusals
from services.api.routes.webhook_endpoints import ENDPOINT, NOUN
from services.api.schemas.webhooks import (
    DeliveryDetailView,
    DeliveryListQuery,
    DeliveryPage,
    DeliveryPath,
    DeliveryView,
    EmptyBody,
    EndpointPath,
    RecoverBody,
    RecoveredView,
)
from services.api.use_cases.webhook_deliveries import WebhookDeliveries

DELIVERY = "/webhook-deliveries/<delivery_id>"


def build_webhook_delivery_routes(deliveries: WebhookDeliveries) -> APIBlueprint:
    tag = Tag(name="Webhooks")
    routes = APIBlueprint("webhook_deliveries", __name__, abp_tags=[tag], abp_security=[{"bearer": []}])

    @routes.get(f"{ENDPOINT}/deliveries", responses={200: DeliveryPage, **refusals(one_of=NOUN)})
    def list_deliveries(path: EndpointPath, query: DeliveryListQuery) -> Response:
        """List what was, or is to be, sent to an endpoint, newest first."""
        page = deliveries.page(
            path.endpoint_id,
            merchant_id(),
            state=query.state,
            event_type=query.event_type,
            after=query.after,
            limit=query.limit,
        )
        return answer(page)

    @routes.get(DELIVERY, responses={200: DeliveryDetailView, **refusals(one_of="delivery")})
    def get_delivery(path: DeliveryPath) -> Response:
        """Get a delivery with every attempt: when, how long, and what your server said."""
        return answer(deliveries.one(path.delivery_id, merchant_id()))

    @routes.post(
        f"{DELIVERY}/resend",
        responses={202: DeliveryView, **refusals(body=True, one_of="delivery", webhooks=True)},
    )
    def resend_delivery(path: DeliveryPath, body: EmptyBody) -> Response:  # noqa: ARG001 - for OpenAPI
        """Send an event again, under the same `webhook-id`, whatever became of it."""
        return answer(deliveries.resend(path.delivery_id, merchant_id(), actor()), 202)

    @routes.post(
        f"{ENDPOINT}/recover",
        responses={202: RecoveredView, **refusals(body=True, one_of=NOUN, webhooks=True)},
    )
    def recover_deliveries(path: EndpointPath, body: RecoverBody) -> Response:
        """Send what an endpoint has not taken of all that happened since a time, a thousand events at once.

        Also what happened while it was off. What it has taken is not sent again.
        """
        return answer(deliveries.recover(path.endpoint_id, body.since, merchant_id(), actor()), 202)

    return routes
