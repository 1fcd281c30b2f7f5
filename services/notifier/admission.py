"""Who may listen, for how long, and as whose connection it counts."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notifier.asking import Asked
from shared.application.listening import may_hear
from shared.coordination.ws_tickets import WsTickets
from shared.domain.channel import Channel, ChannelKind
from shared.domain.errors import FieldError, NotAuthenticated, NotFound
from shared.domain.ids import MerchantId, TransactionId
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.access_tokens import AccessTokens, TokenRejected, WatchGrant
from shared.runtime.clock import Clock

_WHAT_IS_RIGHT = FieldError(
    "Authorization",
    "send Authorization: Bearer <token>, or the subprotocols gateway.v1 and token.<token>, or ?ticket=<ticket>",
)


@dataclass(frozen=True, slots=True)
class Admitted:
    """``ends_at``: the connection may not outlive what opened it."""

    merchant_id: MerchantId
    ends_at: datetime


class Admission:
    """``ticket_session``: how long a connection may last that a ticket has opened."""

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        tokens: AccessTokens,
        tickets: WsTickets,
        clock: Clock,
        ticket_session: timedelta,
    ) -> None:
        self._unit_of_work, self._tokens, self._tickets = unit_of_work, tokens, tickets
        self._clock, self._ticket_session = clock, ticket_session

    async def admit(self, asked: Asked) -> Admitted:
        """Say for how long this listener may hear the channel. A ticket is used up, whatever comes of it.

        Raises:
            NotAuthenticated: no token or ticket, or none that is valid.
            NotFound: there is no such channel, or it is not theirs: the answer is the same.
            RedisAway: it is a ticket, and nobody can say whether it is valid.
            StorageUnavailable: try again.
        """
        return await asyncio.to_thread(self._admit, asked)

    def _admit(self, asked: Asked) -> Admitted:
        if asked.ticket is not None:
            return self._by_ticket(asked.channel, asked.ticket)
        if asked.token is None:
            raise NotAuthenticated("A token or a ticket is needed.", _WHAT_IS_RIGHT)
        try:
            grant = self._tokens.verify_watch(asked.token)
        except TokenRejected:
            return self._by_access_token(asked.channel, asked.token)
        return self._by_client_token(asked.channel, grant)

    def _by_ticket(self, channel: Channel, ticket: str) -> Admitted:
        grant = self._tickets.redeem(ticket)
        if grant is None:
            raise NotAuthenticated("The ticket is used, too old, or none of ours; get a new one.", _WHAT_IS_RIGHT)
        if grant.channel != channel:
            raise NotFound("there is no such channel")
        return Admitted(MerchantId(grant.merchant_id), self._clock.now() + self._ticket_session)

    def _by_client_token(self, channel: Channel, grant: WatchGrant) -> Admitted:
        """A payment's own token opens that payment's channel, and no other."""
        if channel != Channel(ChannelKind.TRANSACTION, grant.transaction_id):
            raise NotFound("there is no such channel")
        with self._unit_of_work() as work:
            payment = work.transactions.find(TransactionId(grant.transaction_id))
        if payment is None:
            raise NotFound("there is no such channel")
        return Admitted(payment.merchant_id, grant.expires_at)

    def _by_access_token(self, channel: Channel, token: str) -> Admitted:
        try:
            principal, expires_at = self._tokens.verify_session(token)
        except TokenRejected:
            raise NotAuthenticated("The token is not valid, or no longer.", _WHAT_IS_RIGHT) from None
        with self._unit_of_work() as work:
            may = may_hear(work, principal, channel)
        if not may or principal.merchant_id is None:
            raise NotFound("there is no such channel")
        return Admitted(MerchantId(principal.merchant_id), expires_at)
