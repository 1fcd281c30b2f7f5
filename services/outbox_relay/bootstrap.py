"""Builds the relay; the only place where its parts meet."""

from dataclasses import dataclass
from functools import partial

from services.outbox_relay.callback_sweep import CallbackSweep
from services.outbox_relay.lease_sweep import LeaseSweep
from services.outbox_relay.letters import LettersWatch, LetterThread
from services.outbox_relay.outbox_sweep import OutboxSweep
from services.outbox_relay.settings import RelaySettings
from services.outbox_relay.sweep import Sweeper
from shared.application.check_schedule import CheckSchedule
from shared.application.keep_dead_letter import KeepDeadLetter
from shared.messaging.connection import check_broker
from shared.messaging.letter_consumer import LetterConsumer
from shared.messaging.publisher import Publisher
from shared.messaging.retry_ladder import RetryLadder
from shared.persistence.engine import build_engine, check_database
from shared.persistence.unit_of_work import unit_of_work_factory
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.clock import SystemClock
from shared.runtime.health import HealthServer


@dataclass(frozen=True, slots=True)
class Relay:
    sweeper: Sweeper
    letters: LetterThread
    health: HealthServer


def build_relay(settings: RelaySettings) -> Relay:
    clock, amqp_url = SystemClock(), settings.amqp_url.get_secret_value()
    engine = build_engine(settings.database_url.get_secret_value(), pool_size=4, application_name="outbox-relay")
    # What the relay itself commits it publishes in its next turns: no fast path here.
    unit_of_work = unit_of_work_factory(engine, audit_keys=AuditKeys(settings.audit_key.get_secret_value()))
    ladder = RetryLadder(settings.retry_delays_ms)
    sweeper = Sweeper(
        OutboxSweep(unit_of_work, Publisher(amqp_url), clock),
        LeaseSweep(unit_of_work, clock, ladder, CheckSchedule(settings.status_check_seconds)),
        CallbackSweep(unit_of_work, clock, ladder),
        LettersWatch(unit_of_work, clock),
        pause_seconds=settings.sweep_seconds,
    )
    health = HealthServer(
        settings.health_host,
        settings.health_port,
        required={"database": partial(check_database, engine)},
        degrading={"broker": partial(check_broker, amqp_url)},
    )
    letters = LetterThread(LetterConsumer(amqp_url, KeepDeadLetter(unit_of_work), clock))
    return Relay(sweeper, letters, health)
