"""Letting go on the real database, by a role that may delete nothing but messages."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from services.scheduler.strays import StraySweep
from shared.application.addressing import command_now
from shared.application.commands import next_payment_command
from shared.application.retention import Retention, RetentionRules
from shared.domain.ids import DeliveryId, EndpointId, EndpointTestId, EventId, MerchantId, WebhookEventId
from shared.domain.movement_status import MovementStatus
from shared.domain.transaction_status import TransactionStatus
from shared.domain.webhook_delivery import AttemptKind, Delivery, DeliveryAttempt
from shared.domain.webhook_endpoint import WebhookEndpoint
from shared.persistence.idempotency import IdempotencyClaim
from shared.persistence.retention import PURGED
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.persistence.webhook_endpoint_tests import EndpointTest
from shared.persistence.webhook_events import WebhookEvent
from shared.runtime.identifiers import new_id
from tests.fakes.clock import FakeClock
from tests.integration.conftest import Database, new_database
from tests.integration.makers import AUDIT_KEYS, NOW, a_capture, a_merchant, a_payment, a_payout, a_refund
from tests.servers import Servers

RULES = RetentionRules(responses=timedelta(hours=72), outbox=timedelta(days=7), payloads=timedelta(days=90))
ONE_OF_EACH = {
    "responses": 1,
    "outbox": 1,
    "payment_answers": 1,
    "capture_answers": 1,
    "refund_answers": 1,
    "payout_answers": 1,
    "webhook_payloads": 1,
    "delivery_responses": 1,
    "endpoint_test_cases": 1,
}


@pytest.fixture
def database(servers: Servers) -> Iterator[Database]:
    with new_database(servers.urls["postgres"]) as found:
        yield found


def _retention(unit_of_work: UnitOfWorkFactory, days: float) -> Retention:
    return Retention(unit_of_work, FakeClock(NOW + timedelta(days=days)), RULES)


def _one_of_each(unit_of_work: UnitOfWorkFactory, merchant_id: MerchantId) -> WebhookEventId:
    payment = a_payment(merchant_id, status=TransactionStatus.COMPLETED, captured=100_000)
    payment = replace(payment, provider_response={"id": "P1"})
    refund = replace(a_refund(payment, 1000), provider_response={"id": "R1"})
    capture = replace(a_capture(payment, 1000), provider_response={"id": "C1"})
    payout = replace(
        a_payout(merchant_id), status=MovementStatus.SUCCEEDED, next_check_at=None, provider_response={"id": "O1"}
    )
    claim = IdempotencyClaim(
        merchant_id=merchant_id, key="k", endpoint="e", fingerprint="f", resource_id=payment.id, created_at=NOW
    )
    event = WebhookEvent(
        id=WebhookEventId(new_id()),
        provider="cpay",
        provider_event_id="e1",
        event_type="payment.succeeded",
        signature="v1",
        created_at=NOW,
        payload={"phone": "+254700000000"},
    )
    message = command_now(next_payment_command(payment, NOW))
    with unit_of_work() as work:
        work.transactions.add(payment)
        work.refunds.add(refund)
        work.captures.add(capture)
        work.payouts.add(payout)
        work._connection.execute(text("UPDATE refunds SET status = 'succeeded'"))
        work._connection.execute(text("UPDATE captures SET status = 'succeeded'"))
        work.idempotency_keys.claim(claim)
        work.idempotency_keys.store_response(merchant_id, "k", status=202, body=b"{}")
        work.webhook_events.add(event)
        work.webhook_events.mark_processed(event.id, now=NOW, result="applied", transaction_id=payment.id)
        work.outbox.add(message)
        work.commit()
    _deliver(unit_of_work, merchant_id)
    with unit_of_work() as work:
        work.outbox.mark_published([message.message_id], NOW)
        work.commit()
    return event.id


def _deliver(unit_of_work: UnitOfWorkFactory, merchant_id: MerchantId) -> None:
    """An attempt at a merchant's endpoint, and a test of it."""
    endpoint_id, delivery_id, test_id = EndpointId(new_id()), DeliveryId(new_id()), EndpointTestId(new_id())
    endpoint = WebhookEndpoint(
        id=endpoint_id,
        merchant_id=merchant_id,
        url="https://shop.example/webhooks",
        secrets=(),
        listens_since=NOW,
        created_at=NOW,
        updated_at=NOW,
    )
    delivery = Delivery(
        id=delivery_id,
        endpoint_id=endpoint_id,
        merchant_id=merchant_id,
        event_id=EventId(new_id()),
        event_type="payment.completed",
        next_try_at=NOW,
        created_at=NOW,
        updated_at=NOW,
    )
    attempt = DeliveryAttempt(
        delivery_id=delivery_id,
        number=1,
        kind=AttemptKind.SCHEDULE,
        started_at=NOW,
        milliseconds=1,
        status=500,
        response="+254700000000",
    )
    test = EndpointTest(id=test_id, endpoint_id=endpoint_id, merchant_id=merchant_id, created_at=NOW)
    with unit_of_work() as work:
        work.webhook_endpoints.add(endpoint)
        work.webhook_deliveries.add_all([delivery])
        work.webhook_deliveries.add_attempt(attempt)
        work.webhook_endpoint_tests.add(test)
        work.webhook_endpoint_tests.finish(test_id, [{"case": "good"}], NOW)
        work.commit()


def test_everything_old_goes_once_and_what_names_it_stays(database: Database) -> None:
    unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
    merchant_id, _ = a_merchant(unit_of_work)
    event_id = _one_of_each(unit_of_work, merchant_id)
    retention = _retention(unit_of_work, days=91)

    counted, done, again = retention.preview(), retention.run(), retention.run()

    assert (counted, done, again) == (ONE_OF_EACH, ONE_OF_EACH, dict.fromkeys(ONE_OF_EACH, 0))
    with unit_of_work() as work:
        claim, event = work.idempotency_keys.find(merchant_id, "k"), work.webhook_events.lock(event_id)
        assert claim is not None
        assert event is not None
        assert (claim.fingerprint, claim.status, claim.body) == ("f", None, None)
        assert (event.provider_event_id, event.signature, event.payload) == ("e1", "v1", PURGED)
        left = work._connection.execute(text("SELECT count(*) FROM outbox")).scalar_one()
    assert left == 0


@pytest.mark.parametrize(("days", "gone"), [(2.9, set()), (3.1, {"responses"}), (7.1, {"responses", "outbox"})])
def test_nothing_goes_before_its_time(database: Database, days: float, gone: set[str]) -> None:
    unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
    _one_of_each(unit_of_work, a_merchant(unit_of_work)[0])

    done = _retention(unit_of_work, days).run()

    assert {what for what, number in done.items() if number} == gone


def test_a_row_that_somebody_works_on_is_left_for_the_next_time(database: Database) -> None:
    unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
    event_id = _one_of_each(unit_of_work, a_merchant(unit_of_work)[0])

    with unit_of_work() as holding:
        holding.webhook_events.lock(event_id)
        done = _retention(unit_of_work, days=91).run()

    assert done == {**ONE_OF_EACH, "webhook_payloads": 0}


def test_the_services_may_delete_messages_and_turns_and_nothing_else(database: Database) -> None:
    with database.owner.connect() as connection:
        names = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
    refused = set()
    for name in names:
        with database.application.connect() as connection:
            try:
                connection.execute(text(f"DELETE FROM {name}"))
            except ProgrammingError:
                refused.add(name)

    assert set(names) - refused == {"outbox", "webhook_waiting_turns"}


def test_what_is_unfinished_and_would_never_be_looked_at_is(database: Database) -> None:
    unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
    payment = a_payment(a_merchant(unit_of_work)[0], status=TransactionStatus.PROCESSING)
    far = replace(a_payment(payment.merchant_id), next_check_at=NOW + timedelta(days=400))
    done = a_payment(payment.merchant_id, status=TransactionStatus.FAILED)
    with unit_of_work() as work:
        for each in (payment, far, done):
            work.transactions.add(each)
        work.refunds.add(a_refund(payment, 10))
        work.commit()
    sweep = StraySweep(unit_of_work, FakeClock(NOW))

    assert (sweep(), sweep()) == (3, 0)

    with unit_of_work() as work:
        found = [work.transactions.find(each.id) for each in (payment, far, done)]
    assert [each and each.next_check_at for each in found] == [NOW, NOW, None]
