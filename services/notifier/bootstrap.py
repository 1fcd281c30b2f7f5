"""Builds the notifier; the only place where its parts meet."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from redis import Redis

from services.notifier.admission import Admission
from services.notifier.feed import Feed
from services.notifier.handshake import Handshake
from services.notifier.hub import Hub
from services.notifier.pump import Pump
from services.notifier.replay import Replay
from services.notifier.server import NotifierServer
from services.notifier.settings import NotifierSettings
from shared.coordination.redis_client import OptionalRedis, build_redis, check_redis
from shared.coordination.ws_tickets import WsTickets
from shared.persistence.engine import build_engine, check_database
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.runtime.access_tokens import AccessTokens
from shared.runtime.clock import SystemClock
from shared.runtime.health import HealthServer


@dataclass(frozen=True, slots=True)
class Notifier:
    server: NotifierServer
    feed: Feed
    health: HealthServer


def build_notifier(settings: NotifierSettings) -> Notifier:
    engine = build_engine(
        settings.database_url.get_secret_value(),
        pool_size=settings.notifier_readers + 1,
        application_name="notifier",
    )
    redis = build_redis(settings.redis_url.get_secret_value(), connections=settings.notifier_readers + 1)
    hub = Hub()
    feed = Feed(settings.amqp_url.get_secret_value(), hub.happened, hub.ring_all)
    health = HealthServer(
        settings.health_host,
        settings.health_port,
        required={"database": partial(check_database, engine)},
        degrading={"broker": partial(_check_feed, feed), "cache": partial(check_redis, redis)},
    )
    return Notifier(_server(settings, unit_of_work_factory(engine), hub, redis), feed, health)


def _server(settings: NotifierSettings, unit_of_work: UnitOfWorkFactory, hub: Hub, redis: Redis) -> NotifierServer:
    clock = SystemClock()
    admission = Admission(
        unit_of_work,
        AccessTokens(settings.jwt_secret_key.get_secret_value(), clock),
        WsTickets(OptionalRedis(redis)),
        clock,
        timedelta(seconds=settings.ticket_session_seconds),
    )
    replay = Replay(unit_of_work, clock, restores=settings.event_log_restores)
    handshake = Handshake(admission, replay, origins=settings.origins, trusted_proxies=settings.trusted_proxies)
    return NotifierServer(settings, hub, handshake, Pump(replay, settings.write_seconds), clock)


def _check_feed(feed: Feed) -> None:
    if not feed.is_connected:
        raise ConnectionError("the feed is not connected")
