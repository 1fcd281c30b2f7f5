"""Builds webhook_ingest; the only place where its parts meet."""

import atexit
from collections.abc import Callable
from functools import partial

import httpx2
import structlog
from flask import Flask

from services.webhook_ingest.app import build_app
from services.webhook_ingest.receiver import FindProvider, OpenAccount, OpenProvider, WebhookReceiver
from services.webhook_ingest.refusal_audit import RefusalAudit
from services.webhook_ingest.settings import IngestSettings
from shared.application.audit_writer import AuditWriter
from shared.application.provider_access import config_of
from shared.domain.errors import Misconfigured
from shared.messaging.connection import check_broker
from shared.messaging.publisher import PublisherThread
from shared.persistence.engine import build_engine, check_database
from shared.persistence.outbox import mark_published
from shared.persistence.provider_configs import StoredProviderConfig
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.provider_kit.plugin import ProviderPlugin, ProviderTools
from shared.provider_kit.provider import PaymentProvider
from shared.provider_kit.registry import discover_providers
from shared.provider_kit.tokens import LocalTokens
from shared.runtime.allowance import Allowance
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.clock import SystemClock
from shared.runtime.crypto import CredentialCipher, CredentialUnreadable
from shared.runtime.health import HealthServer
from shared.runtime.metrics import render_shared_metrics
from shared.runtime.remembered import Remembered
from shared.runtime.wsgi_server import check_listening

# A changed or switched-off configuration is noticed this much later.
CONFIG_SECONDS = 10.0

# So many accounts may have to look at a callback before it is refused.
MOST_ACCOUNTS = 500

# The most refused callbacks that are audited in each worker process: anybody can send them.
REFUSALS_PER_SECOND = 20

log = structlog.get_logger()


def build_ingest(settings: IngestSettings) -> Flask:
    """The WSGI application of one worker process."""
    clock, amqp_url = SystemClock(), settings.amqp_url.get_secret_value()
    engine = build_engine(
        settings.database_url.get_secret_value(),
        pool_size=settings.ingest_threads + 3,
        application_name="webhook-ingest",
    )
    publisher = PublisherThread(amqp_url, lambda confirmed: mark_published(engine, confirmed, clock.now()))
    unit_of_work = unit_of_work_factory(
        engine, publisher.offer, audit_keys=AuditKeys(settings.audit_key.get_secret_value())
    )
    find_provider = _provider_finder(unit_of_work, CredentialCipher(settings.fernet_keys))
    writer = AuditWriter(unit_of_work)
    atexit.register(writer.stop)
    allowance = Allowance(per_second=REFUSALS_PER_SECOND, burst=REFUSALS_PER_SECOND)
    receiver = WebhookReceiver(find_provider, unit_of_work, clock, RefusalAudit(writer.offer, clock, allowance))
    return build_app(receiver, clock, trusted_proxies=settings.trusted_proxies)


def build_health(settings: IngestSettings) -> HealthServer:
    """The private port of the parent process, on behalf of its workers."""
    engine = build_engine(settings.database_url.get_secret_value(), pool_size=1, application_name="ingest-health")
    return HealthServer(
        settings.health_host,
        settings.health_port,
        required={
            "database": partial(check_database, engine),
            "workers": partial(check_listening, settings.ingest_host, settings.ingest_port),
        },
        degrading={"broker": partial(check_broker, settings.amqp_url.get_secret_value())},
        metrics=partial(render_shared_metrics, settings.metrics_folder),
    )


def _provider_finder(unit_of_work: UnitOfWorkFactory, cipher: CredentialCipher) -> FindProvider:
    remembered: dict[str, Remembered[OpenProvider | None]] = {}
    for plugin in discover_providers().values():
        remembered[plugin.name] = Remembered(_opener(plugin, unit_of_work, cipher), CONFIG_SECONDS)
        if plugin.webhook_alias is not None:
            remembered[plugin.webhook_alias] = remembered[plugin.name]
    return lambda name: remembered[name]() if name in remembered else None


def _opener(
    plugin: ProviderPlugin, unit_of_work: UnitOfWorkFactory, cipher: CredentialCipher
) -> Callable[[], OpenProvider | None]:
    # Verifying needs no network; the adapter's client is never used here.
    clock = SystemClock()
    tools = ProviderTools(client=httpx2.Client(trust_env=False), clock=clock, tokens=LocalTokens(clock))

    def open_provider() -> OpenProvider | None:
        with unit_of_work() as work:
            stored = [account for account in work.provider_configs.of_provider(plugin.name) if account.is_active]
        if len(stored) > MOST_ACCOUNTS:
            log.error("webhook.too_many_accounts", provider=plugin.name, left_out=len(stored) - MOST_ACCOUNTS)
        accounts = [OpenAccount(each.id, adapter) for each in stored[:MOST_ACCOUNTS] if (adapter := opened(each))]
        return OpenProvider(plugin.name, accounts) if accounts else None

    def opened(account: StoredProviderConfig) -> PaymentProvider | None:
        try:
            return plugin.build(config_of(account, plugin, cipher), tools)
        except (Misconfigured, CredentialUnreadable) as error:
            log.warning("webhook.account_unusable", provider=plugin.name, account=str(account.id), reason=str(error))
            return None

    return open_provider
