"""The whole gateway in one process: the real use cases, handlers, sweeps and receiver, over books in memory."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from services.api.idempotency import IdempotentExecution, IdempotentRequest, StoredResponse, fingerprint_of
from services.api.use_cases.initialize_payment import InitializePayment, PaymentOrder
from services.api.use_cases.refund_payment import RefundOrder, RefundPayment
from services.outbox_relay.callback_sweep import PATIENCE, CallbackSweep
from services.outbox_relay.lease_sweep import LeaseSweep
from services.outbox_relay.outbox_sweep import OutboxSweep
from services.provider_worker.attempts import AttemptRules, Attempts
from services.provider_worker.captures import CaptureHandlers
from services.provider_worker.handlers import ERRORS, WorkerHandlers
from services.provider_worker.payments import PaymentHandlers
from services.provider_worker.payouts import PayoutHandlers
from services.provider_worker.provider_events import ProviderEventHandler
from services.provider_worker.refunds import RefundHandlers
from services.scheduler.recovery import RecoverySweep
from services.webhook_ingest.admission import Admission
from services.webhook_ingest.known_accounts import OpenAccount, OpenProvider
from services.webhook_ingest.receiver import WebhookReceiver
from services.webhook_ingest.refusal_audit import RefusalAudit
from services.webhook_ingest.reprieve import Reprieve
from shared.application.actor import Actor, process_actor
from shared.application.check_schedule import CheckSchedule
from shared.application.views import View
from shared.contracts.messages.codec import decode
from shared.domain.customer import Customer
from shared.domain.ids import TransactionId
from shared.domain.money import Money
from shared.domain.refund import Refund
from shared.domain.transaction import CaptureMethod, Transaction
from shared.messaging.consumer import Consequence
from shared.messaging.retry_ladder import RetryLadder
from shared.provider_kit.provider import WebhookRequest
from shared.provider_kit.registry import discover_providers
from shared.runtime.access_tokens import Principal
from shared.runtime.allowance import Allowance
from shared.runtime.spool import Spool
from tests.fakes.clock import FakeClock
from tests.fakes.ingest import a_keeper
from tests.fakes.makers import ACCOUNT, MERCHANT, USER, an_account
from tests.fakes.persistence.tables import Tables
from tests.fakes.provider import OneAccount
from tests.fakes.response_cache import InMemoryResponseCache
from tests.property.broker import Broker, Letter
from tests.property.crashes import Crash, CrashableBooks, Crashes, CrashPoint
from tests.property.ledger import Callback, Ledger, Weather

ResultT = TypeVar("ResultT")

LEASE_SECONDS = 30
PAY = "POST /api/v1/payments/initialize"

_CALLER = Principal(user_id=USER, merchant_id=MERCHANT, role="developer", scopes=frozenset())
_ACTOR = Actor(user_id=str(USER))
_SENDER = process_actor("cpay")


class Gateway:
    """Every process of ours as one call each. A call returns ``None`` where the process died in it."""

    def __init__(self, *, repeats_answers: bool) -> None:
        self.clock, self.crashes = FakeClock(), Crashes()
        self.books, self.broker, self.cache = CrashableBooks(self.crashes), Broker(self.clock), InMemoryResponseCache()
        self.ledger = Ledger(clock=self.clock, crashes=self.crashes, repeats_answers=repeats_answers)
        self.ledger.meanwhile = self._meanwhile
        self._build_api()
        self._build_worker()
        self._build_sweeps()
        self._in_hand: Letter | None = None

    def _build_api(self) -> None:
        self._execution = IdempotentExecution(self.books.unit_of_work, self.cache, self.clock)
        active = {"cpay": discover_providers()["cpay"]}
        self._initialize = InitializePayment(lambda _merchant: active, self.clock, timedelta(hours=1))
        self._refund = RefundPayment(self.clock, timedelta(days=1))
        refusals = RefusalAudit(lambda _entry: None, self.clock, Allowance(per_second=1, burst=1))
        # There is no disk here: a callback that the database did not take must come again.
        keeper = a_keeper(self.books.unit_of_work, Spool(Path("/nowhere"), 0, self.clock), Reprieve(0))
        self._claimed = OpenProvider("cpay", [OpenAccount(ACCOUNT, self.ledger)])
        self._receiver = WebhookReceiver(lambda _name: self._claimed, keeper, Admission({}, 1), self.clock, refusals)

    def _build_worker(self) -> None:
        unit_of_work, ladder = self.books.unit_of_work, RetryLadder()
        rules = AttemptRules(ladder=ladder, checks=CheckSchedule(), lease_seconds=LEASE_SECONDS, record_seconds=0)
        attempts = Attempts(unit_of_work, self.clock, rules)
        self._ladder = ladder
        accounts = OneAccount(self.ledger)
        self.books.do(lambda work: work.provider_configs.save(an_account(), self.clock.now()))
        self._handle = WorkerHandlers(
            PaymentHandlers(unit_of_work, accounts, attempts, self.clock),
            CaptureHandlers(unit_of_work, accounts, attempts, self.clock),
            RefundHandlers(unit_of_work, accounts, attempts, self.clock),
            PayoutHandlers(unit_of_work, accounts, attempts, self.clock),
            ProviderEventHandler(unit_of_work, accounts, attempts, ladder, self.clock),
        )

    def _build_sweeps(self) -> None:
        unit_of_work = self.books.unit_of_work
        self._outbox_sweep = OutboxSweep(unit_of_work, self.broker, self.clock)
        self._lease_sweep = LeaseSweep(unit_of_work, self.clock, self._ladder, CheckSchedule())
        self._callback_sweep = CallbackSweep(unit_of_work, self.clock, self._ladder)
        self._recovery_sweep = RecoverySweep(unit_of_work, self.clock)

    @property
    def rows(self) -> Tables:
        return self.books.database.committed

    @property
    def payments(self) -> list[Transaction]:
        return list(self.rows.transactions.values())

    @property
    def refunds(self) -> list[Refund]:
        return list(self.rows.refunds.values())

    # The processes.

    def pay(self, key: str, minor_units: int, crash: CrashPoint | None = None) -> StoredResponse | None:
        money = Money(minor_units, "KES")
        order = PaymentOrder(
            provider="cpay",
            amount=money.to_decimal(),
            currency="KES",
            customer=Customer(phone="+254700000001"),
            customer_id=None,
            payment_method=None,
            payment_method_token=None,
            return_url=None,
            metadata={},
            capture_method=CaptureMethod.AUTOMATIC,
        )
        request = _request(key, PAY, money)
        make = self._initialize.accept(order, money, key, _CALLER, _ACTOR)
        return self.run(lambda: self._execution.run(request, make, _nothing_was_purged), crash)

    def refund(
        self, key: str, payment_id: UUID, minor_units: int, crash: CrashPoint | None = None
    ) -> StoredResponse | None:
        money = Money(minor_units, "KES")
        order = RefundOrder(
            transaction_id=TransactionId(payment_id),
            merchant_id=MERCHANT,
            amount=Decimal(str(money)),
            reason="Customer request",
        )
        request = _request(key, f"POST /api/v1/payments/{payment_id}/refund", money)
        make = self._refund.accept(order, key, _CALLER, _ACTOR)
        return self.run(lambda: self._execution.run(request, make, _nothing_was_purged), crash)

    def deliver(
        self, letter: Letter, weather: Weather, crash: CrashPoint | None = None, *, acknowledged: bool = True
    ) -> None:
        """Hand a message to the worker. It comes again where the worker dies, or its acknowledgement is lost."""
        self.broker.letters.remove(letter)
        self.ledger.weather, self._in_hand = weather, letter
        died = self.run(lambda: self._consume(letter), crash) is None
        self._in_hand = None
        if died or not acknowledged:
            self.broker.put(letter.message, delay_ms=0)

    def _brought(self, callback: Callback) -> WebhookRequest:
        headers = {"signature": "genuine"}
        return WebhookRequest(headers=headers, body=callback.body(), received_at=self.clock.now())

    def receive(self, callback: Callback, crash: CrashPoint | None = None) -> bool:
        """Take a callback in; whether the provider got its 200."""
        return (
            self.run(lambda: self._receiver.receive(self._claimed, self._brought(callback), _SENDER), crash) is not None
        )

    def relay(self, crash: CrashPoint | None = None) -> None:
        self.run(self._outbox_sweep, crash)

    def sweep_leases(self, crash: CrashPoint | None = None) -> None:
        self.run(self._lease_sweep, crash)

    def sweep_callbacks(self, crash: CrashPoint | None = None) -> None:
        self.run(self._callback_sweep, crash)

    def recover(self, crash: CrashPoint | None = None) -> None:
        self.run(self._recovery_sweep, crash)

    def tick(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.ledger.receive_stragglers()

    def run(self, process: Callable[[], ResultT], crash: CrashPoint | None = None) -> ResultT | None:
        """One turn of one process, and then of its publisher thread; a crash takes both."""
        self.crashes.plan(crash)
        try:
            result = process()
            self._publish()
        except Crash:
            self.books.handed_over.clear()
            return None
        finally:
            self.crashes.plan(None)
        return result

    def _publish(self) -> None:
        """The publisher thread: what it does not confirm is the relay's."""
        messages = list(self.books.handed_over)
        self.books.handed_over.clear()
        self.crashes.reach(CrashPoint.BEFORE_PUBLISHING)
        confirmed = self.broker.publish_all(messages)
        self.crashes.reach(CrashPoint.BEFORE_MARKING)
        if confirmed:
            self.books.do(lambda work: work.outbox.mark_published(confirmed, self.clock.now()))

    def _consume(self, letter: Letter) -> bool:
        """As the consumer does it; a bug is nothing to be retried here, it is found."""
        try:
            self._handle(decode(letter.message.body))
        except Exception as error:
            consequence = ERRORS.consequence_of(error)
            if consequence in {Consequence.RETRY, Consequence.HOLD}:
                raise
            if consequence is Consequence.DEAD_LETTER:
                self.broker.dead.append(letter.message)
        return True

    def _meanwhile(self, what: str) -> None:
        """What others do while a call to the provider is under way. The caller's own crash is still to come."""
        match what:
            case "callback":
                for callback in list(self.ledger.callbacks):
                    self._receiver.receive(self._claimed, self._brought(callback), _SENDER)
                self._consume_callbacks()
            case "same message":
                assert self._in_hand is not None
                self.ledger.weather = replace(self.ledger.weather, meanwhile="nothing")
                self._handle(decode(self._in_hand.message.body))
            case "lease runs out":
                self.tick(LEASE_SECONDS + 1)
                self._lease_sweep()

    def _consume_callbacks(self) -> None:
        for row in [row for row in self.rows.outbox.values() if row.message.type == "provider_event.received.v1"]:
            self._handle(decode(row.message.body))

    # Afterwards.

    def next_moment(self, is_over: Callable[[Transaction | Refund], bool]) -> datetime | None:
        """When something will happen next that is not ``is_over``; ``None``: never again."""
        rows = self.rows
        moments = [letter.due_at for letter in self.broker.letters]
        moments += [row.available_at for row in rows.outbox.values() if row.published_at is None]
        moments += [each.lease_until for each in rows.attempts.values() if each.finished_at is None]
        moments += [each.arrives_at for each in self.ledger.stragglers]
        subjects: list[Transaction | Refund] = [*self.payments, *self.refunds]
        unfinished = [each for each in subjects if not is_over(each)]
        moments += [each.next_check_at for each in unfinished if each.next_check_at is not None]
        if any(not each.processed for each in rows.webhook_events.values()):
            moments.append(self.clock.now() + PATIENCE)
        return min(moments, default=None)


def _request(key: str, endpoint: str, money: Money) -> IdempotentRequest:
    meaning = {"amount_minor": money.amount_minor_units}
    return IdempotentRequest(
        merchant_id=MERCHANT, key=key, endpoint=endpoint, fingerprint=fingerprint_of(endpoint, meaning)
    )


def _nothing_was_purged(_resource_id: UUID) -> View:
    raise AssertionError("no stored answer is ever purged here")
