"""Tickets in memory."""

from datetime import timedelta
from itertools import count

from shared.coordination.redis_client import RedisAway
from shared.coordination.ws_tickets import LIFETIME_SECONDS, TicketGrant, WsTickets
from shared.runtime.clock import Clock


class InMemoryTickets(WsTickets):
    """``is_away``: as the real ones are without Redis."""

    def __init__(self, clock: Clock) -> None:
        self.is_away = False
        self._clock, self._numbers = clock, count()
        self._kept: dict[str, tuple[TicketGrant, object]] = {}

    def issue(self, grant: TicketGrant) -> str:
        self._check()
        ticket = f"gwt_{next(self._numbers):040}"
        self._kept[ticket] = (grant, self._clock.now() + timedelta(seconds=LIFETIME_SECONDS))
        return ticket

    def redeem(self, ticket: str) -> TicketGrant | None:
        self._check()
        grant, ends_at = self._kept.pop(ticket, (None, None))
        return grant if isinstance(ends_at, type(self._clock.now())) and self._clock.now() < ends_at else None

    def _check(self) -> None:
        if self.is_away:
            raise RedisAway
