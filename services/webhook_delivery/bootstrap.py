"""Builds the delivery of webhooks; the only place where its parts meet."""

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from services.webhook_delivery.claims import Claims
from services.webhook_delivery.deliverer import Deliverer
from services.webhook_delivery.handlers import ERRORS, EventHandler, lane_handler
from services.webhook_delivery.record import DeliveryRules, Recorder
from services.webhook_delivery.settings import DeliverySettings
from services.webhook_delivery.sweep import EventSweep, NeglectSweep, Sweep
from services.webhook_delivery.trial import TrialHandler
from shared.domain.webhook_endpoint import Lane
from shared.egress.client import EgressClient
from shared.egress.resolver import DnsResolver
from shared.messaging.connection import check_broker
from shared.messaging.consumer import ConsumerThreads, Handler, QueueConsumer
from shared.messaging.delivery_schedule import DeliverySchedule
from shared.messaging.publisher import PublisherThread
from shared.messaging.retry_ladder import RetryLadder
from shared.messaging.topology import EVENTS_FOR_WEBHOOKS, webhook_queue
from shared.persistence.engine import build_engine, check_database
from shared.persistence.outbox import mark_published
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.clock import SystemClock
from shared.runtime.crypto import CredentialCipher
from shared.runtime.health import HealthServer

# They only write rows; two keep up with all the workers.
EVENT_THREADS = 2

# Merchants' tests wait for one another, and hold up nothing else.
TRIAL_THREADS = 2


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    consumers: ConsumerThreads
    publisher: PublisherThread
    sweep: Sweep
    health: HealthServer


def build_delivery(settings: DeliverySettings, stopping: threading.Event) -> WebhookDelivery:
    """When ``stopping`` is set, no further call is begun.

    Raises ``CredentialUnreadable`` if a key of ``CREDENTIAL_ENCRYPTION_KEYS`` is none.
    """
    clock, amqp_url = SystemClock(), settings.amqp_url.get_secret_value()
    engine = build_engine(
        settings.database_url.get_secret_value(),
        pool_size=settings.webhook_threads + settings.slow_threads + EVENT_THREADS + TRIAL_THREADS + 3,
        application_name="webhook-delivery",
    )
    publisher = PublisherThread(amqp_url, lambda confirmed: mark_published(engine, confirmed, clock.now()))
    unit_of_work = unit_of_work_factory(
        engine, publisher.offer, audit_keys=AuditKeys(settings.audit_key.get_secret_value())
    )
    ladder = RetryLadder(settings.retry_delays_ms)
    consumers = ConsumerThreads(
        QueueConsumer(amqp_url, [queue], handler, ERRORS, ladder)
        for queue, handler, threads in _work(settings, unit_of_work, stopping)
        for _ in range(threads)
    )
    sweep = Sweep(
        EventSweep(unit_of_work, clock),
        NeglectSweep(unit_of_work, clock),
        pause_seconds=settings.webhook_sweep_seconds,
    )
    health = HealthServer(
        settings.health_host,
        settings.health_port,
        required={"database": partial(check_database, engine)},
        degrading={"broker": partial(check_broker, amqp_url)},
    )
    return WebhookDelivery(consumers, publisher, sweep, health)


def _work(
    settings: DeliverySettings, unit_of_work: UnitOfWorkFactory, stopping: threading.Event
) -> Iterator[tuple[str, Handler, int]]:
    """Each queue with its handler and the number of its threads: what hangs in one lane holds up no other."""
    clock = SystemClock()
    rules = DeliveryRules(
        choose=random.SystemRandom().choice,
        schedule=DeliverySchedule(settings.retry_delays_ms),
        disable_after=timedelta(hours=settings.webhook_disable_hours),
    )
    client = EgressClient(settings.egress_policy, DnsResolver())
    cipher = CredentialCipher(settings.fernet_keys)
    recorder = Recorder(unit_of_work, clock, rules)
    deliverer = Deliverer(Claims(unit_of_work, clock), recorder, client.post, cipher, clock, stopping)
    yield EVENTS_FOR_WEBHOOKS, EventHandler(unit_of_work, clock), EVENT_THREADS
    yield webhook_queue(Lane.FAST), lane_handler(deliverer, Lane.FAST), settings.webhook_threads
    yield webhook_queue("test"), TrialHandler(unit_of_work, client, cipher, clock), TRIAL_THREADS
    yield webhook_queue(Lane.SLOW), lane_handler(deliverer, Lane.SLOW), settings.slow_threads
