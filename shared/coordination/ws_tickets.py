"""Tickets: each opens one WebSocket channel once, within half a minute.

A browser can bring a credential in the address, and addresses end up in logs. A ticket may: by then it has been used,
and Redis never had more than its hash.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass
from uuid import UUID

from shared.coordination.redis_client import OptionalRedis
from shared.domain.channel import Channel, ChannelKind

LIFETIME_SECONDS = 30

_PREFIX = "gwt_"


@dataclass(frozen=True, slots=True)
class TicketGrant:
    """What a ticket opens, and for whom."""

    channel: Channel
    merchant_id: UUID


class WsTickets:
    """All methods raise ``RedisAway``: without Redis there are no tickets."""

    def __init__(self, redis: OptionalRedis) -> None:
        self._redis = redis

    def issue(self, grant: TicketGrant) -> str:
        """A new ticket, which nobody can read again."""
        ticket = _PREFIX + secrets.token_urlsafe(32)
        written = json.dumps([grant.channel.kind, str(grant.channel.id), str(grant.merchant_id)])
        self._redis.ask(lambda redis: redis.set(_key(ticket), written, ex=LIFETIME_SECONDS))
        return ticket

    def redeem(self, ticket: str) -> TicketGrant | None:
        """What the ticket opens, told once; ``None`` for one that was used, is too old, or was never issued."""
        written = self._redis.ask(lambda redis: redis.getdel(_key(ticket)))
        if not isinstance(written, bytes):
            return None
        kind, channel_id, merchant_id = json.loads(written)
        return TicketGrant(Channel(ChannelKind(kind), UUID(channel_id)), UUID(merchant_id))


def _key(ticket: str) -> str:
    return f"gw:ws-ticket:{hashlib.sha256(ticket.encode('utf-8', 'surrogatepass')).hexdigest()}"
