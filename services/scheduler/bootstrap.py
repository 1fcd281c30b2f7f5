"""Builds beat and worker; the only place where their parts meet."""

from functools import partial

import structlog
from celery import Celery

from services.scheduler.celery_app import add_tasks, build_celery
from services.scheduler.runs import Runs
from services.scheduler.settings import SchedulerSettings, SchedulerWorkerSettings
from services.scheduler.tasks import TASKS, Parts
from services.scheduler.turn import LOCK_KEY
from shared.application.provider_access import open_provider
from shared.application.retention import rules_of
from shared.application.their_books import TheirBooks, their_books
from shared.coordination.redis_client import OptionalRedis, build_redis
from shared.coordination.tokens import RedisTokens
from shared.domain.errors import Misconfigured
from shared.messaging.connection import check_broker
from shared.messaging.publisher import PublisherThread
from shared.persistence.engine import build_engine, check_database
from shared.persistence.outbox import mark_published
from shared.persistence.session_lock import SessionLock
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.provider_kit.plugin import ProviderTools
from shared.provider_kit.registry import discover_providers
from shared.provider_kit.transport import build_client
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.clock import SystemClock
from shared.runtime.crypto import CredentialCipher
from shared.runtime.health import Check, HealthServer

log = structlog.get_logger()


def build_beat(settings: SchedulerSettings) -> tuple[Celery, SessionLock, HealthServer]:
    broker = partial(check_broker, settings.amqp_url.get_secret_value())
    lock = SessionLock(settings.database_url.get_secret_value(), LOCK_KEY, "scheduler-beat")
    return build_celery(settings), lock, _health(settings, {"broker": broker}, {})


def build_worker(settings: SchedulerWorkerSettings) -> tuple[Celery, HealthServer]:
    clock, amqp_url = SystemClock(), settings.amqp_url.get_secret_value()
    engine = build_engine(settings.database_url.get_secret_value(), pool_size=6, application_name="scheduler")
    publisher = PublisherThread(amqp_url, lambda confirmed: mark_published(engine, confirmed, clock.now()))
    app = build_celery(settings)
    keys = AuditKeys(settings.audit_key.get_secret_value())
    unit_of_work = unit_of_work_factory(engine, publisher.offer, audit_keys=keys)
    parts = Parts(
        unit_of_work=unit_of_work,
        clock=clock,
        settings=settings,
        audit_keys=keys,
        open_books=partial(_open_books, settings, unit_of_work),
        retention=rules_of(settings),
    )
    runs = Runs(clock, {task.name: task.period_seconds(settings) for task in TASKS})
    add_tasks(app, parts, runs)
    checks: dict[str, Check] = {"database": partial(check_database, engine)}
    return app, _health(settings, checks, {"broker": partial(check_broker, amqp_url), "tasks": runs.check})


def _open_books(settings: SchedulerWorkerSettings, unit_of_work: UnitOfWorkFactory) -> list[TheirBooks]:
    """Every provider that is switched on and gives statements, with its configuration as it is now."""
    cipher, clock = CredentialCipher(settings.fernet_keys), SystemClock()
    redis = build_redis(settings.redis_url.get_secret_value(), connections=2)
    tokens = RedisTokens(OptionalRedis(redis), cipher, clock)
    given: list[TheirBooks] = []
    for name, plugin in discover_providers().items():
        client = build_client(
            connect_seconds=settings.connect_seconds, read_seconds=settings.read_seconds, connections=1
        )
        try:
            tools = ProviderTools(client=client, clock=clock, tokens=tokens)
            provider = open_provider(unit_of_work, plugin, cipher, tools, is_production=settings.is_production)
        except Misconfigured as error:
            log.warning("reconciliation.provider_skipped", provider=name, reason=str(error))
            continue
        books = their_books(plugin, provider)
        if books is not None:
            given.append(books)
    return given


def _health(settings: SchedulerSettings, required: dict[str, Check], degrading: dict[str, Check]) -> HealthServer:
    return HealthServer(settings.health_host, settings.health_port, required=required, degrading=degrading)
