"""One payment at a till, told many times at once, in the real database: it is taken in once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import uuid4

import pytest

from services.provider_worker.attempts import AttemptRules, Attempts
from services.provider_worker.provider_events import ProviderEventHandler
from shared.application.check_schedule import CheckSchedule
from shared.contracts.messages.events import ProviderEventReceived
from shared.domain.customer import Customer
from shared.domain.ids import MerchantId, WebhookEventId
from shared.domain.money import Money
from shared.domain.transaction import PaymentSource, Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.messaging.retry_ladder import RetryLadder
from shared.persistence.provider_configs import StoredProviderConfig
from shared.persistence.transactions import TransactionFilter
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.persistence.webhook_events import Arrival, WebhookEvent
from shared.provider_kit.provider import MoneyReceived
from shared.runtime.identifiers import new_id
from tests.fakes.clock import FakeClock
from tests.fakes.provider import OneAccount, ScriptedProvider
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, NOW, a_merchant

AT_ONCE = 16
ROUNDS = 5


@pytest.fixture
def unit_of_work(database: Database) -> UnitOfWorkFactory:
    return unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)


class Till:
    """A merchant's till at a provider of its own, and the worker that hears of it."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, *, owned: bool = True) -> None:
        self.unit_of_work = unit_of_work
        self.merchant_id, _ = a_merchant(unit_of_work)
        self.provider_name = f"cpay-{uuid4()}"
        self.told = MoneyReceived(
            reference=f"CP-{uuid4()}",
            amount=Money(90_000, "KES"),
            till="832909",
            account="INV-7",
            customer=Customer(phone="+254700000000"),
            received_at=NOW - timedelta(minutes=1),
        )
        self.give_to(self.merchant_id if owned else MerchantId(new_id()))
        provider, clock = ScriptedProvider(), FakeClock(NOW)
        rules = AttemptRules(ladder=RetryLadder(), checks=CheckSchedule(), lease_seconds=30)
        attempts = Attempts(unit_of_work, clock, rules)
        self.reports = provider.reports
        self.handler = ProviderEventHandler(unit_of_work, OneAccount(provider), attempts, RetryLadder(), clock)

    def give_to(self, merchant_id: MerchantId) -> None:
        config = StoredProviderConfig(
            id=new_id(),
            provider_name=self.provider_name,
            is_active=True,
            api_key=None,
            api_secret=None,
            webhook_secret=None,
            config={"tills": {"832909": str(merchant_id)}},
        )
        with self.unit_of_work() as work:
            work.provider_configs.save(config, NOW)
            work.commit()

    def callback(self) -> ProviderEventReceived:
        """Another callback about the same money, stored."""
        event_id = WebhookEventId(new_id())
        self.reports[str(event_id)] = self.told
        event = WebhookEvent(
            id=event_id,
            provider=self.provider_name,
            provider_event_id=f"evt-{event_id}",
            event_type="payment.received",
            signature="v1",
            created_at=NOW,
            payload={"id": str(event_id)},
        )
        with self.unit_of_work() as work:
            assert work.webhook_events.add(event)[0] is Arrival.FIRST
            work.commit()
        return ProviderEventReceived(
            message_id=new_id(),
            occurred_at=NOW,
            correlation_id=event_id,
            webhook_event_id=event_id,
            provider=self.provider_name,
        )

    def event(self, message: ProviderEventReceived) -> WebhookEvent:
        with self.unit_of_work() as work:
            event = work.webhook_events.lock(WebhookEventId(message.webhook_event_id))
        assert event is not None
        return event

    def payments(self) -> list[Transaction]:
        with self.unit_of_work() as work:
            return list(work.transactions.list_newest_first(TransactionFilter(merchant_id=self.merchant_id), limit=50))

    def events(self, payment: Transaction) -> list[str]:
        with self.unit_of_work() as work:
            return [each.event_type for each in work.event_log.of_transaction(payment.id)]


def _all_at_once(handle: Callable[[ProviderEventReceived], None], messages: list[ProviderEventReceived]) -> None:
    start = Barrier(len(messages))

    def run(message: ProviderEventReceived) -> None:
        start.wait()
        handle(message)

    with ThreadPoolExecutor(len(messages)) as pool:
        list(pool.map(run, messages))


def _is_taken_in_once(till: Till) -> None:
    (payment,) = till.payments()
    assert (payment.status, payment.source) == (TransactionStatus.COMPLETED, PaymentSource.CUSTOMER)
    assert (payment.captured, payment.provider_transaction_id) == (till.told.amount, till.told.reference)
    assert payment.idempotency_key == f"received:{till.provider_name}:{till.told.reference}"
    assert till.events(payment) == ["payment.initiated", "payment.completed"]


def test_one_message_that_sixteen_workers_get_at_once_is_one_payment(unit_of_work: UnitOfWorkFactory) -> None:
    for _ in range(ROUNDS):
        till = Till(unit_of_work)

        _all_at_once(till.handler.handle, [till.callback()] * AT_ONCE)

        _is_taken_in_once(till)


def test_sixteen_callbacks_about_the_same_money_at_once_are_one_payment(unit_of_work: UnitOfWorkFactory) -> None:
    for _ in range(ROUNDS):
        till = Till(unit_of_work)
        messages = [till.callback() for _ in range(AT_ONCE)]

        _all_at_once(till.handler.handle, messages)

        _is_taken_in_once(till)
        assert {till.event(each).result for each in messages} == {"applied"}


def test_money_at_a_till_of_nobody_is_kept_and_taken_in_when_somebody_owns_it(unit_of_work: UnitOfWorkFactory) -> None:
    till = Till(unit_of_work, owned=False)
    message = till.callback()
    till.handler.handle(message)
    event = till.event(message)
    assert (till.payments(), event.processed, event.result) == ([], False, "unmatched till 832909")

    till.give_to(till.merchant_id)
    till.handler.handle(message)

    _is_taken_in_once(till)
    assert till.event(message).processed
