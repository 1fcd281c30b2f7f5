"""Gives whoever may hear a channel a ticket for it, to hand on to a browser."""

from shared.application.listening import may_hear
from shared.coordination.ws_tickets import TicketGrant, WsTickets
from shared.domain.channel import Channel
from shared.domain.errors import NotFound
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.access_tokens import Principal


class IssueTicket:
    def __init__(self, unit_of_work: UnitOfWorkFactory, tickets: WsTickets) -> None:
        self._unit_of_work, self._tickets = unit_of_work, tickets

    def issue(self, principal: Principal, channel: Channel) -> str:
        """A ticket for one connection; another call makes another one.

        Raises:
            NotFound: there is no such channel, or it is not theirs: the answer is the same.
            RedisAway: there are no tickets now.
        """
        with self._unit_of_work() as work:
            may = may_hear(work, principal, channel)
        if not may or principal.merchant_id is None:
            raise NotFound("There is no such channel.")
        return self._tickets.issue(TicketGrant(channel, principal.merchant_id))
