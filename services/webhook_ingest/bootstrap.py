"""Builds webhook_ingest; the only place where its parts meet."""

import atexit
from functools import partial

import httpx2

from services.webhook_ingest.account_reader import AccountReader
from services.webhook_ingest.admission import Admission
from services.webhook_ingest.app import MAX_BODY_BYTES, build_app
from services.webhook_ingest.background import attempt, keep_doing
from services.webhook_ingest.front import Front
from services.webhook_ingest.gate import Gate
from services.webhook_ingest.keeping import CallbackKeeper
from services.webhook_ingest.kept_accounts import KeptAccounts
from services.webhook_ingest.known_accounts import KnownAccounts
from services.webhook_ingest.lanes import Lanes
from services.webhook_ingest.receiver import WebhookReceiver
from services.webhook_ingest.refusal_audit import RefusalAudit
from services.webhook_ingest.reprieve import Reprieve
from services.webhook_ingest.settings import IngestSettings
from services.webhook_ingest.spool_gauges import show_spool
from shared.application.audit_writer import AuditWriter
from shared.domain.errors import Misconfigured
from shared.messaging.connection import check_broker
from shared.messaging.publisher import PublisherThread
from shared.persistence.engine import build_engine, check_database
from shared.persistence.outbox import mark_published
from shared.persistence.patience import give_up_after
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.provider_kit.plugin import ProviderTools
from shared.provider_kit.registry import discover_providers
from shared.provider_kit.tokens import LocalTokens
from shared.runtime.allowance import Allowance
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.crypto import CredentialCipher
from shared.runtime.health import HealthServer
from shared.runtime.metrics import render_shared_metrics
from shared.runtime.spool import Spool
from shared.runtime.wsgi_server import check_listening

# A changed or switched-off configuration is noticed this much later.
CONFIG_SECONDS = 5.0

# A provider waits a few seconds for its answer: a database that says nothing for so long is taken to be away.
DATABASE_SECONDS = 2.0

# While the database is away, one callback in so many seconds tries it; the others go to the disk at once.
REPRIEVE_SECONDS = 1.0
DRAIN_SECONDS = 1.0
GAUGE_SECONDS = 5.0

# The most refused callbacks that are audited in each worker process: anybody can send them.
REFUSALS_PER_SECOND = 20


def check_sources(settings: IngestSettings) -> None:
    """Raises ``Misconfigured`` for a name that no provider has: its sources would be checked for nobody."""
    there_are = discover_providers()
    unknown = sorted(settings.callback_networks.keys() - there_are.keys())
    if unknown:
        raise Misconfigured(
            f"CALLBACK_SOURCES: there is no provider {', '.join(unknown)}; there are: {', '.join(there_are)}"
        )


def build_ingest(settings: IngestSettings) -> Front:
    """The application of one worker process."""
    give_up_after(DATABASE_SECONDS)
    clock, cipher = SystemClock(), CredentialCipher(settings.fernet_keys)
    unit_of_work = _unit_of_work(settings, clock)
    spool = Spool(settings.spool_folder, settings.spool_megabytes * 1_000_000, clock)
    keeper = CallbackKeeper(unit_of_work, spool, cipher, Reprieve(REPRIEVE_SECONDS))
    keep_doing(keeper.drain, name="drain", every_seconds=DRAIN_SECONDS)
    keep_doing(partial(show_spool, settings.spool_folder, clock), name="gauges", every_seconds=GAUGE_SECONDS)
    admission = Admission(settings.callback_networks, settings.strangers_per_second)
    find_provider = _known_accounts(settings, unit_of_work, cipher).find
    receiver = WebhookReceiver(find_provider, keeper, admission, clock, _refusal_audit(unit_of_work, clock))
    return Front(
        build_app(receiver, clock),
        Lanes(settings.ingest_threads, admission.is_known).of,
        Gate(find_provider, admission).refusal,
        max_body_bytes=MAX_BODY_BYTES,
        trusted_proxies=settings.trusted_proxies,
    )


def build_health(settings: IngestSettings) -> HealthServer:
    """The private port of the parent process, on behalf of its workers. Without the database they take callbacks."""
    give_up_after(DATABASE_SECONDS)
    engine = build_engine(settings.database_url.get_secret_value(), pool_size=1, application_name="ingest-health")
    return HealthServer(
        settings.health_host,
        settings.health_port,
        required={
            "spool": Spool(settings.spool_folder, 0, SystemClock()).check,
            "workers": partial(check_listening, settings.ingest_host, settings.ingest_port),
        },
        degrading={
            "broker": partial(check_broker, settings.amqp_url.get_secret_value()),
            "database": partial(check_database, engine),
        },
        metrics=partial(render_shared_metrics, settings.metrics_folder),
    )


def _unit_of_work(settings: IngestSettings, clock: Clock) -> UnitOfWorkFactory:
    engine = build_engine(
        settings.database_url.get_secret_value(),
        pool_size=settings.ingest_threads + 3,
        application_name="webhook-ingest",
    )
    amqp_url = settings.amqp_url.get_secret_value()
    publisher = PublisherThread(amqp_url, lambda confirmed: mark_published(engine, confirmed, clock.now()))
    audit_keys = AuditKeys(settings.audit_key.get_secret_value())
    return unit_of_work_factory(engine, publisher.offer, audit_keys=audit_keys)


def _known_accounts(
    settings: IngestSettings, unit_of_work: UnitOfWorkFactory, cipher: CredentialCipher
) -> KnownAccounts:
    # Verifying needs no network; the adapters' client is never used here.
    clock = SystemClock()
    tools = ProviderTools(client=httpx2.Client(trust_env=False), clock=clock, tokens=LocalTokens(clock))
    kept = KeptAccounts(settings.spool_folder, cipher, clock)
    reader = AccountReader(discover_providers(), unit_of_work, cipher, tools, kept)
    known = KnownAccounts(reader, settings.accounts_known_seconds, clock)
    attempt(known.refresh, name="accounts")  # before the first callback comes
    keep_doing(known.refresh, name="accounts", every_seconds=CONFIG_SECONDS)
    return known


def _refusal_audit(unit_of_work: UnitOfWorkFactory, clock: Clock) -> RefusalAudit:
    writer = AuditWriter(unit_of_work)
    atexit.register(writer.stop)
    allowance = Allowance(per_second=REFUSALS_PER_SECOND, burst=REFUSALS_PER_SECOND)
    return RefusalAudit(writer.offer, clock, allowance)
