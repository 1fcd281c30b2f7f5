"""Builds beat and worker; the only place where their parts meet."""

from functools import partial

from celery import Celery

from services.scheduler.celery_app import add_tasks, build_celery
from services.scheduler.settings import SchedulerSettings
from services.scheduler.tasks import Parts
from services.scheduler.turn import LOCK_KEY
from shared.messaging.connection import check_broker
from shared.messaging.publisher import PublisherThread
from shared.persistence.engine import build_engine, check_database
from shared.persistence.outbox import mark_published
from shared.persistence.session_lock import SessionLock
from shared.persistence.unit_of_work import unit_of_work_factory
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.clock import SystemClock
from shared.runtime.health import Check, HealthServer


def build_beat(settings: SchedulerSettings) -> tuple[Celery, SessionLock, HealthServer]:
    broker = partial(check_broker, settings.amqp_url.get_secret_value())
    lock = SessionLock(settings.database_url.get_secret_value(), LOCK_KEY, "scheduler-beat")
    return build_celery(settings), lock, _health(settings, {"broker": broker}, {})


def build_worker(settings: SchedulerSettings) -> tuple[Celery, HealthServer]:
    clock, amqp_url = SystemClock(), settings.amqp_url.get_secret_value()
    engine = build_engine(settings.database_url.get_secret_value(), pool_size=4, application_name="scheduler")
    publisher = PublisherThread(amqp_url, lambda confirmed: mark_published(engine, confirmed, clock.now()))
    app = build_celery(settings)
    keys = AuditKeys(settings.audit_key.get_secret_value())
    unit_of_work = unit_of_work_factory(engine, publisher.offer, audit_keys=keys)
    add_tasks(app, Parts(unit_of_work=unit_of_work, clock=clock, settings=settings, audit_keys=keys))
    checks: dict[str, Check] = {"database": partial(check_database, engine)}
    return app, _health(settings, checks, {"broker": partial(check_broker, amqp_url)})


def _health(settings: SchedulerSettings, required: dict[str, Check], degrading: dict[str, Check]) -> HealthServer:
    return HealthServer(settings.health_host, settings.health_port, required=required, degrading=degrading)
