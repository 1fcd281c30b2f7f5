"""A worker and a keeper of dead letters on real servers, whose provider and handlers fail as they are told."""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import structlog

from services.outbox_relay.letters import LetterThread
from services.outbox_relay.outbox_sweep import OutboxSweep
from services.outbox_relay.sweep import Sweeper
from services.provider_worker.attempts import AttemptRules, Attempts
from services.provider_worker.captures import CaptureHandlers
from services.provider_worker.handlers import ERRORS, WorkerHandlers
from services.provider_worker.payments import PaymentHandlers
from services.provider_worker.payouts import PayoutHandlers
from services.provider_worker.provider_events import ProviderEventHandler
from services.provider_worker.refunds import RefundHandlers
from shared.application.addressing import command_now, provider_event_again
from shared.application.check_schedule import CheckSchedule
from shared.application.commands import next_payment_command
from shared.application.keep_dead_letter import KeepDeadLetter
from shared.contracts.messages.codec import AnyMessage
from shared.domain.ids import MessageId, TransactionId, WebhookEventId
from shared.domain.outcome import NotSent, Outcome
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.messaging.connection import publishing_connection
from shared.messaging.consumer import ConsumerThreads, QueueConsumer
from shared.messaging.letter_consumer import LetterConsumer
from shared.messaging.publisher import Publisher, PublisherThread
from shared.messaging.retry_ladder import RetryLadder
from shared.messaging.topology import build_topology, check_queue, command_queue, provider_event_queue
from shared.persistence.dead_letters import DeadLetter, LetterFilter
from shared.persistence.outbox import mark_published
from shared.persistence.unit_of_work import UnitOfWork, unit_of_work_factory
from shared.persistence.webhook_events import WebhookEvent
from shared.provider_kit.provider import PaymentRequest, ProviderReport
from shared.runtime.clock import SystemClock
from shared.runtime.identifiers import new_id
from tests.fakes.provider import OneAccount, ScriptedProvider
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, a_merchant, a_payment


class Unreachable(ScriptedProvider):
    """Never gets a request; what it is handed in a callback, it cannot read."""

    def initialize_payment(self, request: PaymentRequest) -> Outcome:
        return NotSent(reason="connection refused")

    def handle_webhook(self, payload: Mapping[str, object]) -> ProviderReport:
        raise RuntimeError(f"cannot read {len(payload)} fields")


class Climbing:
    """``tried_at``: when each message was tried, by what it is about, on a clock that only goes forward."""

    def __init__(self, database: Database, amqp_url: str, delays_ms: tuple[int, ...], provider: str) -> None:
        self.amqp_url, self.delays_ms, self.provider = amqp_url, delays_ms, provider
        self.clock, self.ladder = SystemClock(), RetryLadder(delays_ms)
        self._engine = database.application
        self._publisher = PublisherThread(amqp_url, self._mark)
        self.unit_of_work = unit_of_work_factory(self._engine, self._publisher.offer, audit_keys=AUDIT_KEYS)
        self.merchant = a_merchant(self.unit_of_work)
        self.tried_at: dict[UUID, list[float]] = defaultdict(list)
        self.has_a_bug: set[UUID] = set()
        self._handle = self._handlers()

    def _mark(self, confirmed: Iterable[MessageId]) -> None:
        mark_published(self._engine, confirmed, self.clock.now())

    def _handlers(self) -> WorkerHandlers:
        accounts, rules = (
            OneAccount(Unreachable()),
            AttemptRules(ladder=self.ladder, checks=CheckSchedule((3600,)), lease_seconds=30),
        )
        given = (self.unit_of_work, accounts, Attempts(self.unit_of_work, self.clock, rules))
        return WorkerHandlers(
            PaymentHandlers(*given, self.clock),
            CaptureHandlers(*given, self.clock),
            RefundHandlers(*given, self.clock),
            PayoutHandlers(*given, self.clock),
            ProviderEventHandler(*given, self.ladder, self.clock),
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        """The worker's consumers, the relay's outbox and its keeper of letters."""
        with publishing_connection(self.amqp_url) as connection:
            build_topology([self.provider], self.delays_ms).declare(connection)
        queues = [queue(self.provider) for queue in (command_queue, check_queue, provider_event_queue)]
        consumers = ConsumerThreads(
            QueueConsumer(self.amqp_url, [queue], self._timed, ERRORS, self.ladder)
            for queue in queues
            for _ in range(2)
        )
        letters = LetterThread(LetterConsumer(self.amqp_url, KeepDeadLetter(self.unit_of_work), self.clock))
        publisher = Publisher(self.amqp_url)
        sweep = OutboxSweep(self.unit_of_work, publisher, self.clock)
        stopping = threading.Event()
        relay = threading.Thread(target=Sweeper(sweep, pause_seconds=0.3).run, args=(stopping,), daemon=True)
        # A traceback on a terminal takes longer than the shortest delay.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        for each in (consumers, letters, relay):
            each.start()
        try:
            yield
        finally:
            stopping.set()
            consumers.stop(10)
            letters.stop()
            relay.join(10)
            publisher.close()
            self._publisher.stop()
            structlog.reset_defaults()

    def _timed(self, message: AnyMessage) -> None:
        self.tried_at[message.correlation_id].append(time.monotonic())
        if message.correlation_id in self.has_a_bug:
            raise RuntimeError(f"a bug, try {len(self.tried_at[message.correlation_id])}")
        self._handle(message)

    def do(self, step: Callable[[UnitOfWork], object]) -> None:
        with self.unit_of_work() as work:
            step(work)
            work.commit()

    def pay(self, lifetime: timedelta = timedelta(hours=1)) -> UUID:
        """A payment whose provider cannot be reached."""
        payment = replace(a_payment(*self.merchant), provider=self.provider, expires_at=self.clock.now() + lifetime)
        self.do(lambda work: self._accept(work, payment))
        return payment.id

    def _accept(self, work: UnitOfWork, payment: Transaction) -> None:
        work.transactions.add(payment)
        work.outbox.add(command_now(next_payment_command(payment, self.clock.now())))

    def ask_with_a_bug(self) -> UUID:
        """A command that its worker fails to handle."""
        payment = replace(
            a_payment(*self.merchant, status=TransactionStatus.PROCESSING),
            provider=self.provider,
            next_check_at=self.clock.now() + timedelta(hours=1),
        )
        self.has_a_bug.add(payment.id)
        self.do(lambda work: self._accept(work, payment))
        return payment.id

    def call_back(self) -> UUID:
        """A callback that cannot be handled."""
        event_id = WebhookEventId(new_id())
        event = WebhookEvent(
            id=event_id,
            provider=self.provider,
            provider_event_id=f"evt-{event_id}",
            event_type="payment.reported",
            signature="v1",
            created_at=self.clock.now(),
        )
        self.do(lambda work: self._store(work, event))
        return event_id

    def _store(self, work: UnitOfWork, event: WebhookEvent) -> None:
        work.webhook_events.add(event)
        work.outbox.add(provider_event_again(event, self.clock.now()))

    def payment(self, payment_id: UUID) -> Transaction:
        with self.unit_of_work() as work:
            payment = work.transactions.find(TransactionId(payment_id))
        assert payment is not None
        return payment

    def attempts(self, payment_id: UUID) -> list[tuple[int, str | None]]:
        with self.unit_of_work() as work:
            made = work.attempts.of_transaction(TransactionId(payment_id))
        return [(attempt.number, attempt.outcome) for attempt in made]

    def letters(self) -> dict[UUID, DeadLetter]:
        """By what they are about."""
        with self.unit_of_work() as work:
            found = work.dead_letters.newest_first(LetterFilter(provider=self.provider), 1000)
        return {each.subject_id: each for each in found if each.subject_id is not None}


def until(condition: Callable[[], object], seconds: float) -> None:
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, "not within the time"
        time.sleep(0.05)
