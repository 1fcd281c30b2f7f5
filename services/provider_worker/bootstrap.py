"""Builds a worker; the only place where its parts meet."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sqlalchemy import Engine

from services.provider_worker.attempts import AttemptRules, Attempts
from services.provider_worker.captures import CaptureHandlers
from services.provider_worker.gate import ProviderGate
from services.provider_worker.handlers import ERRORS, WorkerHandlers
from services.provider_worker.payments import PaymentHandlers
from services.provider_worker.payouts import PayoutHandlers
from services.provider_worker.provider_events import ProviderEventHandler
from services.provider_worker.refunds import RefundHandlers
from services.provider_worker.settings import WorkerSettings
from shared.application.check_schedule import CheckSchedule
from shared.application.provider_access import open_account
from shared.application.provider_accounts import StoredAccounts
from shared.coordination.breaker import BREAKER_VALUES, BreakerRules, Breakers
from shared.coordination.buckets import Bucket, RedisBucket, Unlimited
from shared.coordination.redis_client import OptionalRedis, build_redis, check_redis
from shared.coordination.tokens import RedisTokens
from shared.domain.errors import Misconfigured
from shared.messaging.connection import check_broker
from shared.messaging.consumer import ConsumerThreads, QueueConsumer
from shared.messaging.publisher import PublisherThread
from shared.messaging.retry_ladder import RetryLadder
from shared.messaging.topology import check_queue, command_queue, provider_event_queue
from shared.persistence.engine import build_engine, check_database
from shared.persistence.outbox import mark_published
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.provider_kit.plugin import ProviderPlugin, ProviderTools
from shared.provider_kit.registry import discover_providers
from shared.provider_kit.transport import build_client
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.clock import SystemClock
from shared.runtime.crypto import CredentialCipher
from shared.runtime.health import HealthServer
from shared.runtime.metrics import BREAKER


@dataclass(frozen=True, slots=True)
class Worker:
    consumers: ConsumerThreads
    publisher: PublisherThread
    health: HealthServer
    engine: Engine


def build_worker(settings: WorkerSettings) -> Worker:
    """Raises ``Misconfigured`` if the provider is not known, or a key of ``CREDENTIAL_ENCRYPTION_KEYS`` is none."""
    clock, amqp_url = SystemClock(), settings.amqp_url.get_secret_value()
    engine = build_engine(
        settings.database_url.get_secret_value(),
        pool_size=settings.all_threads + 2,
        application_name=f"worker-{settings.provider}",
    )
    publisher = PublisherThread(amqp_url, lambda confirmed: mark_published(engine, confirmed, clock.now()))
    unit_of_work = unit_of_work_factory(
        engine, publisher.offer, audit_keys=AuditKeys(settings.audit_key.get_secret_value())
    )
    redis = build_redis(settings.redis_url.get_secret_value(), connections=settings.all_threads + 2)
    handlers = _build_handlers(settings, unit_of_work, clock, OptionalRedis(redis))
    ladder = RetryLadder(settings.retry_delays_ms)
    # Each kind has threads of its own: calls that hang must hold back neither callbacks nor the checks on them.
    consumers = ConsumerThreads(
        QueueConsumer(amqp_url, [queue(settings.provider)], handlers, ERRORS, ladder)
        for queue, threads in (
            (command_queue, settings.worker_threads),
            (check_queue, settings.side_threads),
            (provider_event_queue, settings.side_threads),
        )
        for _ in range(threads)
    )
    health = HealthServer(
        settings.health_host,
        settings.health_port,
        required={"database": partial(check_database, engine)},
        degrading={"broker": partial(check_broker, amqp_url), "cache": partial(check_redis, redis)},
    )
    return Worker(consumers, publisher, health, engine)


def _build_handlers(
    settings: WorkerSettings, unit_of_work: UnitOfWorkFactory, clock: SystemClock, redis: OptionalRedis
) -> WorkerHandlers:
    ladder = RetryLadder(settings.retry_delays_ms)
    plugin = _plugin(settings.provider)
    window = plugin.capabilities.idempotency_window_hours
    rules = AttemptRules(
        ladder=ladder,
        checks=CheckSchedule(settings.status_check_seconds),
        lease_seconds=settings.lease_seconds,
        idempotency_window=None if window is None else timedelta(hours=window),
        authorization_lifetime=timedelta(seconds=settings.authorization_lifetime_seconds),
        can_cancel="cancel" in plugin.capabilities.operations,
    )
    attempts = Attempts(unit_of_work, clock, rules, build_gate(settings, plugin, redis))
    accounts = _build_accounts(settings, plugin, unit_of_work, clock, redis)
    return WorkerHandlers(
        PaymentHandlers(unit_of_work, accounts, attempts, clock),
        CaptureHandlers(unit_of_work, accounts, attempts, clock),
        RefundHandlers(unit_of_work, accounts, attempts, clock),
        PayoutHandlers(unit_of_work, accounts, attempts, clock),
        ProviderEventHandler(unit_of_work, accounts, attempts, ladder, clock),
    )


def build_gate(settings: WorkerSettings, plugin: ProviderPlugin, redis: OptionalRedis) -> ProviderGate:
    """The metric asks for the breaker's state whenever it is read."""
    rules = BreakerRules(
        failures=settings.breaker_failures,
        open_seconds=settings.breaker_open_seconds,
        probe_seconds=settings.lease_seconds,
    )
    breakers = Breakers(redis, rules)
    BREAKER.labels(provider=plugin.name).set_function(lambda: BREAKER_VALUES[breakers.state(plugin.name)])
    return ProviderGate(breakers, build_bucket(settings, plugin, redis))


def build_bucket(settings: WorkerSettings, plugin: ProviderPlugin, redis: OptionalRedis) -> Bucket:
    """As the settings say; where they say nothing, as the plugin does."""
    rate = settings.calls_per_second or plugin.capabilities.calls_per_second
    if rate is None:
        return Unlimited()
    burst = settings.calls_burst or plugin.capabilities.calls_burst
    return RedisBucket(redis, plugin.name, calls_per_second=rate, burst=burst)


def _plugin(name: str) -> ProviderPlugin:
    plugin = discover_providers().get(name)
    if plugin is None:
        raise Misconfigured(f"PROVIDER: there is no provider named {name}")
    return plugin


def _build_accounts(
    settings: WorkerSettings,
    plugin: ProviderPlugin,
    unit_of_work: UnitOfWorkFactory,
    clock: SystemClock,
    redis: OptionalRedis,
) -> StoredAccounts:
    cipher = CredentialCipher(settings.fernet_keys)
    client = build_client(
        connect_seconds=settings.connect_seconds,
        read_seconds=settings.read_seconds,
        connections=settings.all_threads,
    )
    tools = ProviderTools(client=client, clock=clock, tokens=RedisTokens(redis, cipher, clock))
    opened = partial(open_account, plugin=plugin, cipher=cipher, tools=tools, is_production=settings.is_production)
    return StoredAccounts(unit_of_work, plugin.name, opened)
