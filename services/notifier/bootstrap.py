"""Builds the notifier; the only place where its parts meet."""

from dataclasses import dataclass
from functools import partial

from services.notifier.admission import Admission
from services.notifier.feed import Feed
from services.notifier.hub import Hub
from services.notifier.replay import Replay
from services.notifier.server import NotifierServer
from services.notifier.settings import NotifierSettings
from shared.persistence.engine import build_engine, check_database
from shared.persistence.unit_of_work import unit_of_work_factory
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
    unit_of_work = unit_of_work_factory(engine)
    hub = Hub()
    feed = Feed(settings.amqp_url.get_secret_value(), hub.happened, hub.ring_all)
    tokens = AccessTokens(settings.jwt_secret_key.get_secret_value(), SystemClock())
    server = NotifierServer(settings, hub, Replay(unit_of_work), Admission(unit_of_work, tokens))
    health = HealthServer(
        settings.health_host,
        settings.health_port,
        required={"database": partial(check_database, engine)},
        degrading={"broker": partial(_check_feed, feed)},
    )
    return Notifier(server, feed, health)


def _check_feed(feed: Feed) -> None:
    if not feed.is_connected:
        raise ConnectionError("the feed is not connected")
