"""A provider's worker over fakes: the real handlers, a database in memory and a scripted provider."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from services.outbox_relay.lease_sweep import LeaseSweep
from services.provider_worker.attempts import AttemptRules, Attempts
from services.provider_worker.captures import CaptureHandlers
from services.provider_worker.gate import Gate
from services.provider_worker.handlers import WorkerHandlers
from services.provider_worker.payments import PaymentHandlers
from services.provider_worker.payouts import PayoutHandlers
from services.provider_worker.provider_events import ProviderEventHandler
from services.provider_worker.refunds import RefundHandlers
from shared.application.check_schedule import CheckSchedule
from shared.application.commands import (
    next_capture_command,
    next_payment_command,
    next_payout_command,
    next_refund_command,
)
from shared.contracts.messages.commands import CapturePayment, InitializePayment, RefundPayment, SendPayout
from shared.contracts.messages.events import ProviderEventReceived
from shared.domain.capture import Capture
from shared.domain.ids import WebhookEventId
from shared.domain.payout import Payout
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.messaging.retry_ladder import RetryLadder
from shared.persistence.unit_of_work import UnitOfWork
from shared.persistence.webhook_events import Arrival, WebhookEvent
from shared.provider_kit.provider import ProviderReport
from shared.runtime.identifiers import new_id
from tests.fakes.books import Books
from tests.fakes.clock import FakeClock
from tests.fakes.makers import an_account
from tests.fakes.provider import Answer, OneAccount, ScriptedProvider

LEASE_SECONDS = 30


class WorkerOnFakes:
    def __init__(
        self,
        *answers: Answer,
        record_seconds: float = 0.0,
        window_hours: int | None = None,
        can_cancel: bool = True,
        gate: Gate | None = None,
    ) -> None:
        self.books, self.clock = Books(), FakeClock()
        self.provider = ScriptedProvider(*answers)
        self.accounts = OneAccount(self.provider)
        self.books.do(lambda work: work.provider_configs.save(an_account(), self.clock.now()))
        self.ladder = RetryLadder()
        rules = AttemptRules(
            ladder=self.ladder,
            checks=CheckSchedule(),
            lease_seconds=LEASE_SECONDS,
            record_seconds=record_seconds,
            can_cancel=can_cancel,
            idempotency_window=None if window_hours is None else timedelta(hours=window_hours),
        )
        self.attempts = Attempts(self.books.unit_of_work, self.clock, rules, gate)
        self.handle = WorkerHandlers(
            PaymentHandlers(self.books.unit_of_work, self.accounts, self.attempts, self.clock),
            CaptureHandlers(self.books.unit_of_work, self.accounts, self.attempts, self.clock),
            RefundHandlers(self.books.unit_of_work, self.accounts, self.attempts, self.clock),
            PayoutHandlers(self.books.unit_of_work, self.accounts, self.attempts, self.clock),
            ProviderEventHandler(self.books.unit_of_work, self.accounts, self.attempts, self.ladder, self.clock),
        )

    def start(self, payment: Transaction) -> InitializePayment:
        """Put the payment on the books, and have it started."""
        self.books.put(payment)
        command = next_payment_command(payment, self.clock.now())
        assert isinstance(command, InitializePayment)
        self.handle(command)
        return command

    def check(self, payment: Transaction) -> None:
        """Have the provider asked about a payment, as it stands."""
        self.handle(next_payment_command(self.books.payment(payment), self.clock.now()))

    def refund(self, payment: Transaction, refund: Refund) -> RefundPayment:
        self.books.put(payment, refund)
        command = next_refund_command(refund, self.clock.now())
        assert isinstance(command, RefundPayment)
        self.handle(command)
        return command

    def check_refund(self, refund: Refund) -> None:
        self.handle(next_refund_command(self.books.refund(refund), self.clock.now()))

    def capture(self, payment: Transaction, capture: Capture) -> CapturePayment:
        self.books.put(payment, capture)
        command = next_capture_command(capture, self.clock.now())
        assert isinstance(command, CapturePayment)
        self.handle(command)
        return command

    def check_capture(self, capture: Capture) -> None:
        self.handle(next_capture_command(self.books.capture(capture), self.clock.now()))

    def send(self, payout: Payout) -> SendPayout:
        """Put the payout on the books, and have it sent."""
        self.books.put_payout(payout)
        command = next_payout_command(payout, self.clock.now())
        assert isinstance(command, SendPayout)
        self.handle(command)
        return command

    def check_payout(self, payout: Payout) -> None:
        self.handle(next_payout_command(self.books.payout(payout), self.clock.now()))

    def receive(
        self,
        report: ProviderReport | Exception,
        *,
        provider: str = "cpay",
        account: UUID | None = None,
        more: Mapping[str, object] | None = None,
    ) -> ProviderEventReceived:
        """Store a callback that reports ``report``; its message is the caller's to handle."""
        event_id = WebhookEventId(new_id())
        self.provider.reports[str(event_id)] = report
        event = WebhookEvent(
            id=event_id,
            provider=provider,
            provider_config_id=account,
            provider_event_id=f"evt-{event_id}",
            event_type="payment.reported",
            signature="v1",
            created_at=self.clock.now(),
            ip_address="192.0.2.9",
            user_agent="cpay/1",
            payload={"id": str(event_id)} | dict(more or {}),
        )

        def add(work: UnitOfWork) -> None:
            assert work.webhook_events.add(event)[0] is Arrival.FIRST

        self.books.do(add)
        return ProviderEventReceived(
            message_id=new_id(),
            occurred_at=self.clock.now(),
            correlation_id=event_id,
            webhook_event_id=event_id,
            provider=provider,
        )

    @property
    def forwarded(self) -> list[tuple[str, str]]:
        """Exchange and key of each message that it left in the outbox."""
        return [(message.exchange, message.routing_key) for message in self.books.outgoing]

    def event(self, message: ProviderEventReceived) -> WebhookEvent:
        return self.books.database.committed.webhook_events[message.webhook_event_id]

    def sweep_leases(self) -> int:
        """What the relay does when a lease is over."""
        return LeaseSweep(self.books.unit_of_work, self.clock, self.ladder, CheckSchedule())()

    def let_the_lease_run_out(self) -> None:
        self.clock.advance(timedelta(seconds=LEASE_SECONDS + 1).total_seconds())
