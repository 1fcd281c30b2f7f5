"""Tickets in a real Redis."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from shared.coordination.redis_client import OptionalRedis, RedisAway, build_redis
from shared.coordination.ws_tickets import LIFETIME_SECONDS, TicketGrant, WsTickets
from shared.domain.channel import Channel, ChannelKind
from shared.runtime.identifiers import new_id
from tests.servers import Servers


@pytest.fixture
def redis(servers: Servers) -> Iterator[Redis]:
    redis = Redis.from_url(servers.urls["redis"], max_connections=60)
    yield redis
    redis.close()


@pytest.fixture
def tickets(redis: Redis) -> WsTickets:
    return WsTickets(OptionalRedis(redis))


def _grant() -> TicketGrant:
    return TicketGrant(Channel(ChannelKind.TRANSACTION, new_id()), new_id())


def test_a_ticket_is_redeemed_once(tickets: WsTickets) -> None:
    grant = _grant()
    ticket = tickets.issue(grant)

    assert [tickets.redeem(ticket), tickets.redeem(ticket)] == [grant, None]


def test_of_many_who_bring_one_ticket_at_once_one_gets_in(tickets: WsTickets) -> None:
    with ThreadPoolExecutor(20) as pool:
        for _ in range(20):
            found = list(pool.map(tickets.redeem, [tickets.issue(_grant())] * 20))
            assert sum(each is not None for each in found) == 1


def test_redis_knows_a_ticket_by_its_hash_and_for_half_a_minute(tickets: WsTickets, redis: Redis) -> None:
    redis.flushdb()

    ticket = tickets.issue(_grant())

    (key,) = redis.keys("*")
    assert ticket not in f"{key!r} {redis.get(key)!r}"
    assert LIFETIME_SECONDS - 5 < redis.ttl(key) <= LIFETIME_SECONDS == 30


@pytest.mark.parametrize("ticket", ["", "gwt_", "gwt_x", "\ud800", "x" * 5000])
def test_what_was_never_issued_opens_nothing(ticket: str, tickets: WsTickets) -> None:
    assert tickets.redeem(ticket) is None


def test_without_redis_nobody_says_yes_or_no() -> None:
    away = WsTickets(OptionalRedis(build_redis("redis://127.0.0.1:1", connections=1)))

    with pytest.raises(RedisAway):
        away.issue(_grant())
    with pytest.raises(RedisAway):
        away.redeem("gwt_x")
