"""GET /events."""

from flask import Response
from flask_openapi import APIBlueprint, Tag

from services.api.routes.answers import answer
from services.api.routes.caller import merchant_id
from services.api.routes.refusals import lost_place, refusals
from services.api.schemas.events import EventListQuery, EventPage
from services.api.use_cases.read_events import EventsAsked, ReadEvents


def build_event_routes(read: ReadEvents) -> APIBlueprint:
    routes = APIBlueprint("events", __name__, abp_tags=[Tag(name="Events")], abp_security=[{"bearer": []}])

    @routes.get("/events", responses={200: EventPage, **refusals(), **lost_place()})
    def list_events(query: EventListQuery) -> Response:
        """Read what happened to your payments and payouts, oldest first, from where you stand.

        Keep next_cursor and give it as after: every event comes once, none is left out. Events are kept for 30 days
        at least; who stands further back is told so (410). It is the same log that webhooks and WebSockets send.
        """
        asked = EventsAsked(
            after=query.after,
            types=query.types,
            transaction_id=query.transaction_id,
            delivery_state=query.delivery_state,
            limit=query.limit,
        )
        return answer(read.page(merchant_id(), asked))

    return routes
