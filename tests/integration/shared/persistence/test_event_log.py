"""The feeds over the event log: nothing missed, nothing twice, nobody else's."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.application.actor import process_actor
from shared.application.journal import record_payment_event
from shared.domain.ids import DeliveryId, EndpointId, MerchantId, TransactionId, UserId
from shared.domain.webhook_delivery import Delivery, DeliveryState
from shared.domain.webhook_endpoint import EndpointSecret, WebhookEndpoint
from shared.persistence.event_log import BEGINNING, LoggedEvent, is_cursor
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory, unit_of_work_factory
from shared.runtime.identifiers import new_id
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, NOW, a_merchant, a_payment

Read = Callable[[UnitOfWork, str], Sequence[LoggedEvent]]


@pytest.fixture
def unit_of_work(database: Database) -> UnitOfWorkFactory:
    return unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)


@pytest.mark.parametrize("of", ["user", "merchant"])
def test_a_feed_over_many_writers_misses_nothing(unit_of_work: UnitOfWorkFactory, of: str) -> None:
    """A reader that follows the cursor while eight write sees every event, once."""
    merchant_id, user_id = a_merchant(unit_of_work)
    feeds: dict[str, Read] = {
        "user": lambda work, after: work.event_log.of_user(user_id, after=after, limit=50),
        "merchant": lambda work, after: work.event_log.of_merchant(merchant_id, after=after, limit=50),
    }
    cursor, seen = BEGINNING, list[TransactionId | None]()
    with ThreadPoolExecutor(8) as pool:
        written = [pool.submit(_write_payment, unit_of_work, merchant_id, user_id) for _ in range(200)]
        while not all(each.done() for each in written):
            cursor = _read_on(unit_of_work, feeds[of], cursor, seen)
    for _ in range(5):
        cursor = _read_on(unit_of_work, feeds[of], cursor, seen)

    assert sorted(map(str, seen)) == sorted(str(each.result()) for each in written)


def test_a_merchants_feed_is_narrowed_by_type_and_payment(unit_of_work: UnitOfWorkFactory) -> None:
    merchant_id, user_id = a_merchant(unit_of_work)
    first, second = (_write_payment(unit_of_work, merchant_id, user_id) for _ in range(2))
    stranger, _ = a_merchant(unit_of_work)

    with unit_of_work() as work:
        log = work.event_log
        everything = log.of_merchant(merchant_id, after=BEGINNING)
        assert [each.transaction_id for each in everything] == [first, second]
        assert log.of_merchant(merchant_id, after=BEGINNING, types={"payment.initiated"}) == everything
        assert log.of_merchant(merchant_id, after=BEGINNING, types={"payment.failed"}) == []
        assert log.of_merchant(merchant_id, after=BEGINNING, transaction_id=second) == everything[1:]
        assert log.of_merchant(merchant_id, after=everything[0].cursor) == everything[1:]
        assert log.of_merchant(merchant_id, after=BEGINNING, limit=1) == everything[:1]
        assert log.of_merchant(stranger, after=BEGINNING, transaction_id=first) == []
        assert all(is_cursor(each.cursor) for each in everything)


def test_a_merchants_feed_is_narrowed_by_what_became_of_its_webhooks(unit_of_work: UnitOfWorkFactory) -> None:
    merchant_id, user_id = a_merchant(unit_of_work)
    first, second = (_write_payment(unit_of_work, merchant_id, user_id) for _ in range(2))
    with unit_of_work() as work:
        lost, taken = work.event_log.of_merchant(merchant_id, after=BEGINNING)
        endpoint = _endpoint(merchant_id)
        work.webhook_endpoints.add(endpoint)
        work.webhook_deliveries.add_all(
            [
                _delivery(endpoint, lost, DeliveryState.FAILED),
                _delivery(endpoint, taken, DeliveryState.DELIVERED),
            ]
        )
        work.commit()

    with unit_of_work() as work:
        found = {
            state: [
                each.transaction_id
                for each in work.event_log.of_merchant(merchant_id, after=BEGINNING, delivery_state=state)
            ]
            for state in DeliveryState
        }
    assert found == {DeliveryState.FAILED: [first], DeliveryState.DELIVERED: [second], DeliveryState.WAITING: []}


def _endpoint(merchant_id: MerchantId) -> WebhookEndpoint:
    endpoint_id = EndpointId(new_id())
    return WebhookEndpoint(
        id=endpoint_id,
        merchant_id=merchant_id,
        url=f"https://shop.example/{endpoint_id}",
        secrets=(EndpointSecret("ciphertext"),),
        listens_since=NOW,
        created_at=NOW,
        updated_at=NOW,
        is_active=False,
    )


def _delivery(endpoint: WebhookEndpoint, event: LoggedEvent, state: DeliveryState) -> Delivery:
    return Delivery(
        id=DeliveryId(new_id()),
        endpoint_id=endpoint.id,
        merchant_id=endpoint.merchant_id,
        event_id=event.id,
        event_type=event.event_type,
        next_try_at=None,
        created_at=NOW,
        updated_at=NOW,
        state=state,
    )


def _write_payment(unit_of_work: UnitOfWorkFactory, merchant_id: MerchantId, user_id: UserId) -> TransactionId:
    payment = a_payment(merchant_id, user_id)
    with unit_of_work() as work:
        work.transactions.add(payment)
        record_payment_event(work, payment, "payment.initiated", process_actor("test"), {})
        work.commit()
    return payment.id


def _read_on(unit_of_work: UnitOfWorkFactory, read: Read, cursor: str, seen: list[TransactionId | None]) -> str:
    with unit_of_work() as work:
        events = read(work, cursor)
    seen += [event.transaction_id for event in events]
    return events[-1].cursor if events else cursor
