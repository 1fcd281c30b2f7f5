"""Builds the API; the only place where its parts meet."""

import atexit
import threading
import time
from collections.abc import Callable, Mapping, Set
from datetime import timedelta
from functools import partial

from flask_openapi import OpenAPI

from services.api.app import ApiParts, create_app
from services.api.call_audit import CallAudit
from services.api.idempotency import IdempotentExecution
from services.api.response_cache import RedisResponseCache
from services.api.routes.accounts import build_account_routes
from services.api.routes.auth import build_auth_routes
from services.api.routes.cancellations import build_cancellation_routes
from services.api.routes.captures import build_capture_routes
from services.api.routes.operations import build_operation_routes
from services.api.routes.payments import build_payment_routes
from services.api.routes.payouts import build_payout_routes
from services.api.routes.providers import build_provider_routes
from services.api.routes.refunds import build_refund_routes
from services.api.routes.webhook_deliveries import build_webhook_delivery_routes
from services.api.routes.webhook_endpoints import build_webhook_endpoint_routes
from services.api.routes.webhook_tests import build_webhook_test_routes
from services.api.settings import ApiSettings
from services.api.use_cases.acceptance import Acceptance
from services.api.use_cases.cancel_payment import CancelPayment
from services.api.use_cases.capture_payment import CapturePayment
from services.api.use_cases.configure_account import ConfigureAccount
from services.api.use_cases.describe import Describe
from services.api.use_cases.initialize_payment import InitializePayment
from services.api.use_cases.read_payments import ReadPayments
from services.api.use_cases.read_payouts import ReadPayouts
from services.api.use_cases.refresh_payment import RefreshPayment
from services.api.use_cases.refund_payment import RefundPayment
from services.api.use_cases.send_payout import SendPayout
from services.api.use_cases.sign_in import SignIn
from services.api.use_cases.webhook_deliveries import WebhookDeliveries
from services.api.use_cases.webhook_endpoints import WebhookEndpoints
from services.api.use_cases.webhook_tests import WebhookTests
from services.api.waiting import Waits
from shared.application.audit_writer import AuditWriter, Offer
from shared.coordination.breaker import BreakerRules, Breakers
from shared.coordination.redis_client import OptionalRedis, build_redis, check_redis
from shared.coordination.tokens import RedisTokens
from shared.domain.ids import MerchantId
from shared.messaging.connection import check_broker
from shared.messaging.publisher import PublisherThread
from shared.persistence.engine import build_engine, check_database
from shared.persistence.outbox import mark_published
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.provider_kit.plugin import ProviderPlugin, ProviderTools
from shared.provider_kit.registry import discover_providers
from shared.provider_kit.transport import build_client
from shared.runtime.access_tokens import AccessTokens
from shared.runtime.allowance import Allowance
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.clock import SystemClock
from shared.runtime.crypto import CredentialCipher, PasswordHasher
from shared.runtime.health import Check, HealthServer, Readiness
from shared.runtime.metrics import render_shared_metrics
from shared.runtime.remembered import Remembered
from shared.runtime.wsgi_server import check_listening

# A provider that is switched on or off is noticed this much later.
CONFIG_SECONDS = 5.0

# The most audit entries that callers without a token cause in each worker process: more would fill the disk.
STRANGERS_PER_SECOND = 50


def build_api(settings: ApiSettings, stopping: threading.Event) -> OpenAPI:
    """The WSGI application of one worker process; ``stopping`` ends what still waits in it."""
    clock = SystemClock()
    engine = build_engine(
        settings.database_url.get_secret_value(), pool_size=settings.api_threads + 2, application_name="api"
    )
    publisher = PublisherThread(
        settings.amqp_url.get_secret_value(), lambda confirmed: mark_published(engine, confirmed, clock.now())
    )
    unit_of_work = unit_of_work_factory(
        engine, publisher.offer, audit_keys=AuditKeys(settings.audit_key.get_secret_value())
    )
    redis = build_redis(settings.redis_url.get_secret_value(), connections=settings.api_threads + 2)
    tokens = AccessTokens(settings.jwt_secret_key.get_secret_value(), clock)
    waits = Waits(settings.waiting_places, stopping.wait, time.monotonic)
    execution = IdempotentExecution(unit_of_work, RedisResponseCache(redis), clock)
    acceptance = Acceptance(execution, RefreshPayment(unit_of_work, clock), waits)
    writer = AuditWriter(unit_of_work)
    atexit.register(writer.stop)
    return create_app(settings, _parts(settings, unit_of_work, acceptance, tokens, writer.offer, OptionalRedis(redis)))


def build_health(settings: ApiSettings) -> HealthServer:
    """The private port of the parent process, on behalf of its workers."""
    required, degrading = _checks(settings)
    return HealthServer(
        settings.health_host,
        settings.health_port,
        required={**required, "workers": partial(check_listening, settings.api_host, settings.api_port)},
        degrading=degrading,
        metrics=partial(render_shared_metrics, settings.metrics_folder),
    )


def _checks(settings: ApiSettings) -> tuple[dict[str, Check], dict[str, Check]]:
    """What is required, and what only degrades."""
    engine = build_engine(settings.database_url.get_secret_value(), pool_size=1, application_name="api-health")
    redis = build_redis(settings.redis_url.get_secret_value(), connections=1)
    broker = partial(check_broker, settings.amqp_url.get_secret_value())
    return {"database": partial(check_database, engine)}, {"broker": broker, "cache": partial(check_redis, redis)}


def _parts(
    settings: ApiSettings,
    unit_of_work: UnitOfWorkFactory,
    acceptance: Acceptance,
    tokens: AccessTokens,
    offer: Offer,
    redis: OptionalRedis,
) -> ApiParts:
    clock = SystemClock()
    strangers = Allowance(per_second=STRANGERS_PER_SECOND, burst=STRANGERS_PER_SECOND)
    audit = CallAudit(offer, clock, reads=settings.audit_reads, strangers=strangers)
    active = partial(active_providers, Remembered(partial(_active_accounts, unit_of_work), CONFIG_SECONDS))
    read = ReadPayments(unit_of_work, tokens)
    describe = Describe(unit_of_work, discover_providers(), active, Breakers(redis, BreakerRules()).state)
    initialize = InitializePayment(active, clock, timedelta(seconds=settings.payment_lifetime_seconds))
    refund = RefundPayment(clock, timedelta(seconds=settings.refund_lifetime_seconds))
    payout = SendPayout(active, clock, timedelta(seconds=settings.payout_lifetime_seconds))
    return ApiParts(
        tokens=tokens,
        audit=audit,
        routes=[
            build_auth_routes(SignIn(unit_of_work, PasswordHasher(), tokens), audit),
            build_payment_routes(acceptance, initialize, read),
            build_capture_routes(acceptance, CapturePayment(clock), read),
            build_refund_routes(acceptance, refund, read),
            build_cancellation_routes(acceptance, CancelPayment(discover_providers(), clock), read),
            build_payout_routes(acceptance, payout, ReadPayouts(unit_of_work)),
            build_provider_routes(describe),
            build_account_routes(_configure(settings, unit_of_work, redis)),
            build_webhook_endpoint_routes(
                WebhookEndpoints(unit_of_work, CredentialCipher(settings.fernet_keys), settings.egress_policy, clock)
            ),
            build_webhook_delivery_routes(WebhookDeliveries(unit_of_work, clock)),
            build_webhook_test_routes(WebhookTests(unit_of_work, clock)),
            build_operation_routes(describe, Remembered(Readiness(*_checks(settings)), 1.0)),
        ],
    )


def _configure(settings: ApiSettings, unit_of_work: UnitOfWorkFactory, redis: OptionalRedis) -> ConfigureAccount:
    """Its look at new credentials goes through the tokens that workers share: another token would end theirs."""
    cipher, clock = CredentialCipher(settings.fernet_keys), SystemClock()
    client = build_client(connect_seconds=2, read_seconds=5, connections=2)
    return ConfigureAccount(
        unit_of_work,
        discover_providers(),
        cipher,
        ProviderTools(client=client, clock=clock, tokens=RedisTokens(redis, cipher, clock)),
        egress=settings.egress_policy,
    )


def _active_accounts(unit_of_work: UnitOfWorkFactory) -> Set[tuple[str, MerchantId | None]]:
    """Provider and merchant of each; the default accounts are nobody's."""
    with unit_of_work() as work:
        return work.provider_configs.active_accounts()


def active_providers(
    accounts: Callable[[], Set[tuple[str, MerchantId | None]]], merchant_id: MerchantId
) -> Mapping[str, ProviderPlugin]:
    """Those at which the merchant's payments have an account: their own, or the default one."""
    known = accounts()
    return {
        name: plugin
        for name, plugin in discover_providers().items()
        if (name, merchant_id) in known or (name, None) in known
    }
