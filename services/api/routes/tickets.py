"""POST /ws-tickets."""

from flask import Response
from flask_openapi import APIBlueprint, Tag

from services.api.routes.answers import answer
from services.api.routes.caller import principal
from services.api.routes.refusals import refusals
from services.api.schemas.tickets import TicketBody, TicketView
from services.api.use_cases.issue_ticket import IssueTicket
from shared.coordination.ws_tickets import LIFETIME_SECONDS
from shared.domain.channel import Channel, ChannelKind


def build_ticket_routes(tickets: IssueTicket) -> APIBlueprint:
    routes = APIBlueprint("tickets", __name__, abp_tags=[Tag(name="WebSockets")], abp_security=[{"bearer": []}])

    @routes.post("/ws-tickets", responses={201: TicketView, **refusals(body=True, one_of="channel")})
    def issue_ticket(body: TicketBody) -> Response:
        """Get a ticket for a browser's WebSocket.

        It opens one channel once, within 30 seconds: wss://…/ws/transaction/{transaction_id}?ticket=…. Get a new one
        for each connection. Servers need none: they connect with their access token.
        """
        channel = _channel(body)
        ticket = tickets.issue(principal(), channel)
        return answer({"ticket": ticket, "expires_in": LIFETIME_SECONDS, "channel": channel.path}, 201)

    return routes


def _channel(body: TicketBody) -> Channel:
    if body.transaction_id is not None:
        return Channel(ChannelKind.TRANSACTION, body.transaction_id)
    assert body.user_id is not None, "the schema has one of both"
    return Channel(ChannelKind.USER, body.user_id)
