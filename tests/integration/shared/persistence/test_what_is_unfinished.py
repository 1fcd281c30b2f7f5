"""What a rebuild of the queues reads: everything unfinished, in the order of its ids, behind where it stands."""

from dataclasses import replace
from uuid import UUID

import pytest

from shared.application.actor import process_actor
from shared.application.rebuild_queues import RebuildQueues
from shared.domain.ids import WebhookEventId
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.persistence.webhook_events import WebhookEvent
from shared.runtime.clock import SystemClock
from shared.runtime.identifiers import new_id
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, NOW, a_merchant, a_payment, a_refund

FIRST = UUID(int=0)


@pytest.fixture
def unit_of_work(database: Database) -> UnitOfWorkFactory:
    return unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)


def _callback() -> WebhookEvent:
    event_id = WebhookEventId(new_id())
    return WebhookEvent(
        id=event_id,
        provider="cpay",
        provider_event_id=str(event_id),
        event_type="payment.succeeded",
        signature="v1,x",
        created_at=NOW,
    )


def test_unfinished_payments_come_in_order_and_finished_ones_do_not(unit_of_work: UnitOfWorkFactory) -> None:
    merchant_id, _ = a_merchant(unit_of_work)
    waiting = [
        a_payment(merchant_id, status=status) for status in (TransactionStatus.PENDING, TransactionStatus.IN_DOUBT)
    ]
    done = a_payment(merchant_id, status=TransactionStatus.FAILED)
    with unit_of_work() as work:
        for payment in (*waiting, done):
            work.transactions.add(payment)
        work.commit()

    with unit_of_work() as work:
        first = work.transactions.unfinished(waiting[0].id, 1)
        found = {payment.id for payment in work.transactions.unfinished(FIRST, 10_000)}

    assert [payment.id for payment in first] == [waiting[1].id]
    assert {payment.id for payment in waiting} <= found
    assert done.id not in found


def test_unfinished_refunds_and_unprocessed_callbacks_are_found(unit_of_work: UnitOfWorkFactory) -> None:
    merchant_id, _ = a_merchant(unit_of_work)
    payment = a_payment(merchant_id, status=TransactionStatus.COMPLETED, captured=100_000)
    waiting, done = a_refund(payment, 100), replace(a_refund(payment, 200), status=RefundStatus.FAILED)
    fresh, processed = _callback(), _callback()
    with unit_of_work() as work:
        work.transactions.add(payment)
        for refund in (waiting, done):
            work.refunds.add(refund)
        for event in (fresh, processed):
            work.webhook_events.add(event)
        work.webhook_events.mark_processed(processed.id, now=NOW, result="applied", transaction_id=None)
        work.commit()

    with unit_of_work() as work:
        refunds = {refund.id for refund in work.refunds.unfinished(FIRST, 10_000)}
        events = {event.id for event in work.webhook_events.unprocessed(FIRST, 10_000)}

    assert (waiting.id in refunds, done.id in refunds) == (True, False)
    assert (fresh.id in events, processed.id in events) == (True, False)


def test_a_rebuild_leaves_its_messages_in_the_outbox_and_its_counts_in_the_audit_trail(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    merchant_id, _ = a_merchant(unit_of_work)
    with unit_of_work() as work:
        work.transactions.add(a_payment(merchant_id))
        work.commit()
    with unit_of_work() as work:
        before = work.outbox.count_unpublished()

    rebuilt = RebuildQueues(unit_of_work, SystemClock())(process_actor("payctl"))

    with unit_of_work() as work:
        added = work.outbox.count_unpublished() - before
    assert rebuilt.payments >= 1
    assert added == rebuilt.payments + rebuilt.refunds + rebuilt.callbacks
    assert rebuilt.unpublished == before
