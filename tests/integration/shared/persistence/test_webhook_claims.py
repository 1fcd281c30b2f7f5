"""Who may call which endpoint, in PostgreSQL: locks that block nobody needlessly, and nobody forgotten."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.webhook_delivery.claims import Claims
from shared.application.webhook_fanout import Happening, fan_out
from shared.domain.ids import DeliveryId, EndpointId, EventId, MerchantId
from shared.domain.webhook_delivery import AttemptKind, Delivery, DeliveryAttempt, DeliveryState
from shared.domain.webhook_endpoint import MOST_OF_MERCHANT, EndpointSecret, Lane, WebhookEndpoint
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.runtime.identifiers import new_id
from tests.fakes.clock import FakeClock
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, NOW, a_merchant

LEASE = NOW + timedelta(seconds=40)
LONG_AGO = NOW - timedelta(seconds=11)


@pytest.fixture
def unit_of_work(database: Database) -> UnitOfWorkFactory:
    return unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)


@pytest.fixture
def merchant_id(unit_of_work: UnitOfWorkFactory) -> MerchantId:
    return a_merchant(unit_of_work)[0]


@pytest.fixture
def endpoint(unit_of_work: UnitOfWorkFactory, merchant_id: MerchantId) -> Iterator[WebhookEndpoint]:
    (made,) = _endpoints(unit_of_work, merchant_id, 1)
    yield made
    with unit_of_work() as work:
        work.webhook_endpoints.save(replace(made, is_active=False, deleted_at=NOW))
        work.commit()


def _endpoints(
    unit_of_work: UnitOfWorkFactory, merchant_id: MerchantId, count: int, **facts: Any
) -> list[WebhookEndpoint]:
    made = []
    with unit_of_work() as work:
        for _ in range(count):
            endpoint_id = EndpointId(new_id())
            endpoint = WebhookEndpoint(
                id=endpoint_id,
                merchant_id=merchant_id,
                url=f"https://shop.example/{endpoint_id}",
                secrets=(EndpointSecret("ciphertext"),),
                listens_since=NOW,
                created_at=NOW,
                updated_at=NOW,
            )
            made.append(replace(endpoint, **facts))
            assert work.webhook_endpoints.add(made[-1])
        work.commit()
    return made


def _delivery(endpoint: WebhookEndpoint, **facts: Any) -> Delivery:
    made = Delivery(
        id=DeliveryId(new_id()),
        endpoint_id=endpoint.id,
        merchant_id=endpoint.merchant_id,
        event_id=EventId(new_id()),
        event_type="payment.completed",
        next_try_at=NOW,
        created_at=NOW,
        updated_at=NOW,
        notice={"of": "a test"},
    )
    return replace(made, **facts)


def _add(unit_of_work: UnitOfWorkFactory, deliveries: Sequence[Delivery]) -> None:
    with unit_of_work() as work:
        work.webhook_deliveries.add_all(deliveries)
        work.commit()


def _find(unit_of_work: UnitOfWorkFactory, delivery: Delivery) -> Delivery:
    with unit_of_work() as work:
        found = work.webhook_deliveries.find(delivery.id)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("facts", "due_at", "is_neglected"),
    [
        ({}, LONG_AGO, True),
        ({}, NOW - timedelta(seconds=9), False),
        ({"rests_until": NOW}, NOW, True),
        ({"rests_until": NOW + timedelta(seconds=1)}, NOW - timedelta(seconds=60), False),
        ({"is_active": False}, NOW - timedelta(seconds=60), False),
    ],
)
def test_an_endpoint_is_neglected_when_something_is_due_and_nobody_is_at_it(
    unit_of_work: UnitOfWorkFactory,
    endpoint: WebhookEndpoint,
    facts: dict[str, Any],
    due_at: datetime,
    is_neglected: bool,
) -> None:
    _add(unit_of_work, [_delivery(endpoint, next_try_at=due_at)])
    with unit_of_work() as work:
        work.webhook_endpoints.save(replace(endpoint, **facts))
        taken = _taken(work.webhook_endpoints.take_neglected(NOW, NOW - timedelta(seconds=10), 500))

    assert (endpoint.id in taken) == is_neglected


def test_one_that_is_being_sent_to_is_not_neglected(unit_of_work: UnitOfWorkFactory, endpoint: WebhookEndpoint) -> None:
    _add(unit_of_work, [_delivery(endpoint, next_try_at=LONG_AGO) for _ in range(2)])
    with unit_of_work() as work:
        assert work.webhook_deliveries.lease_next(endpoint, NOW, LEASE) is not None
        taken = _taken(work.webhook_endpoints.take_neglected(NOW, NOW - timedelta(seconds=10), 500))

    assert endpoint.id not in taken


def test_who_was_taken_is_not_taken_again_for_a_while_unless_a_rest_ends_meanwhile(
    unit_of_work: UnitOfWorkFactory, endpoint: WebhookEndpoint
) -> None:
    _add(unit_of_work, [_delivery(endpoint, next_try_at=LONG_AGO)])

    def is_taken(seconds: int) -> bool:
        now = NOW + timedelta(seconds=seconds)
        with unit_of_work() as work:
            taken = _taken(work.webhook_endpoints.take_neglected(now, now - timedelta(seconds=10), 500))
            work.commit()
        return endpoint.id in taken

    without_rest = [is_taken(seconds) for seconds in (0, 0, 9, 10, 11)]
    with unit_of_work() as work:
        work.webhook_endpoints.save(replace(endpoint, rests_until=NOW + timedelta(seconds=13)))
        work.commit()

    assert without_rest == [True, False, False, True, False]
    assert [is_taken(seconds) for seconds in (12, 13, 14)] == [False, True, False]


def test_two_sweeps_at_once_do_not_take_the_same(unit_of_work: UnitOfWorkFactory, endpoint: WebhookEndpoint) -> None:
    _add(unit_of_work, [_delivery(endpoint, next_try_at=LONG_AGO)])
    before = NOW - timedelta(seconds=10)

    with unit_of_work() as first, unit_of_work() as second:
        taken = _taken(first.webhook_endpoints.take_neglected(NOW, before, 500))
        passed_over = _taken(second.webhook_endpoints.take_neglected(NOW, before, 500))

    assert endpoint.id in taken
    assert endpoint.id not in passed_over


@pytest.mark.parametrize("lock", ["lock", "lock_in_turn", "lock_even_deleted"])
def test_while_an_endpoint_is_locked_events_are_fanned_out_to_it(
    unit_of_work: UnitOfWorkFactory, endpoint: WebhookEndpoint, lock: str
) -> None:
    happening = Happening(
        event_id=EventId(new_id()),
        event_type="payment.completed",
        merchant_id=endpoint.merchant_id,
        occurred_at=NOW,
    )
    with unit_of_work() as holder, unit_of_work() as other:
        assert getattr(holder.webhook_endpoints, lock)(endpoint.id) == endpoint
        other._connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")

        assert fan_out(other, [happening], NOW) == 1
        other.commit()


def test_two_who_switch_off_endpoints_of_one_merchant_do_not_wait_for_each_other(
    unit_of_work: UnitOfWorkFactory, merchant_id: MerchantId
) -> None:
    """Each holds its own, and tells the other."""
    one, two = _endpoints(unit_of_work, merchant_id, 2)
    with unit_of_work() as first, unit_of_work() as second:
        for work in (first, second):
            work._connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
        first.webhook_endpoints.lock(one.id)
        second.webhook_endpoints.lock(two.id)
        first.webhook_deliveries.add_all([_delivery(two)])
        second.webhook_deliveries.add_all([_delivery(one)])
        first.commit()
        second.commit()


def test_two_who_add_the_same_in_opposite_order_do_not_deadlock(
    unit_of_work: UnitOfWorkFactory, endpoint: WebhookEndpoint
) -> None:
    together = threading.Barrier(2)

    def add(deliveries: Sequence[Delivery]) -> int:
        with unit_of_work() as work:
            together.wait()
            added = work.webhook_deliveries.add_all([replace(each, id=DeliveryId(new_id())) for each in deliveries])
            work.commit()
        return len(added)

    with ThreadPoolExecutor(2) as pool:
        for _ in range(10):
            rows = [_delivery(endpoint) for _ in range(400)]
            assert sum(pool.map(add, [rows, rows[::-1]])) == 400


def test_of_many_who_claim_at_once_a_merchant_has_no_more_than_its_share_and_all_others_wait(
    unit_of_work: UnitOfWorkFactory, merchant_id: MerchantId
) -> None:
    endpoints = _endpoints(unit_of_work, merchant_id, 10)
    _add(unit_of_work, [_delivery(each) for each in endpoints for _ in range(2)])
    claims = Claims(unit_of_work, FakeClock(NOW))

    with ThreadPoolExecutor(10) as pool:
        found = [each for each in pool.map(lambda each: claims.next(Lane.SLOW, each.id), endpoints) if each]

    assert len(found) == MOST_OF_MERCHANT[Lane.SLOW]
    claimed = {each.endpoint.id for each in found}
    with unit_of_work() as work:
        nobody = work.webhook_waiting_turns.take(merchant_id, Lane.FAST)
        waiting = [work.webhook_waiting_turns.take(merchant_id, Lane.SLOW) for _ in range(7)]
    assert set(waiting[:6]) == {each.id for each in endpoints} - claimed
    assert (waiting[6], nobody) == (None, None)


def test_threads_of_another_lane_and_leases_that_are_over_take_no_room(
    unit_of_work: UnitOfWorkFactory, endpoint: WebhookEndpoint
) -> None:
    quick = replace(endpoint, is_quick=True)
    _add(unit_of_work, [_delivery(endpoint) for _ in range(3)])
    with unit_of_work() as work:
        for each in (endpoint, quick, quick):
            assert work.webhook_deliveries.lease_next(each, NOW, LEASE) is not None
        counts = [work.webhook_deliveries.in_flight(endpoint.merchant_id, lane, NOW) for lane in Lane]
        over = work.webhook_deliveries.in_flight(endpoint.merchant_id, Lane.FAST, LEASE + timedelta(seconds=1))
        others = work.webhook_deliveries.in_flight(MerchantId(new_id()), Lane.FAST, NOW)

    assert (dict(zip(Lane, counts, strict=True)), over, others) == ({Lane.FAST: 2, Lane.SLOW: 1}, 0, 0)


def test_who_waits_longest_is_let_in_first_and_keeps_its_place(
    unit_of_work: UnitOfWorkFactory, merchant_id: MerchantId
) -> None:
    late, early = _endpoints(unit_of_work, merchant_id, 2)
    with unit_of_work() as work:
        turns = work.webhook_waiting_turns
        turns.add(early, Lane.SLOW, NOW)
        turns.add(late, Lane.SLOW, NOW + timedelta(seconds=1))
        turns.add(early, Lane.SLOW, NOW + timedelta(seconds=2))
        turns.add(late, Lane.FAST, NOW - timedelta(seconds=1))
        assert [turns.take(merchant_id, Lane.SLOW) for _ in range(3)] == [early.id, late.id, None]
        assert [turns.take(merchant_id, Lane.FAST) for _ in range(2)] == [late.id, None]


def test_what_waits_is_brought_forward_and_nothing_else(
    unit_of_work: UnitOfWorkFactory, endpoint: WebhookEndpoint
) -> None:
    later = NOW + timedelta(hours=6)
    waiting, sent = _delivery(endpoint, next_try_at=later), _delivery(endpoint, next_try_at=later, lease_until=LEASE)
    done = _delivery(endpoint, state=DeliveryState.DELIVERED, next_try_at=None)
    _add(unit_of_work, [waiting, sent, done])

    with unit_of_work() as work:
        assert work.webhook_deliveries.bring_forward(endpoint.id, NOW) == 1
        work.commit()

    assert [_find(unit_of_work, each).next_try_at for each in (waiting, sent, done)] == [NOW, later, None]


def test_what_waits_for_a_deleted_endpoint_is_given_up(
    unit_of_work: UnitOfWorkFactory, endpoint: WebhookEndpoint
) -> None:
    waiting, done = _delivery(endpoint), _delivery(endpoint, state=DeliveryState.DELIVERED, next_try_at=None)
    _add(unit_of_work, [waiting, done])

    with unit_of_work() as work:
        assert work.webhook_deliveries.give_up_on(endpoint.id, NOW) == 1
        work.commit()

    states = [_find(unit_of_work, each).state for each in (waiting, done)]
    assert states == [DeliveryState.FAILED, DeliveryState.DELIVERED]


def test_an_attempt_is_known_by_when_it_began(unit_of_work: UnitOfWorkFactory, endpoint: WebhookEndpoint) -> None:
    delivery, other = _delivery(endpoint), _delivery(endpoint)
    _add(unit_of_work, [delivery, other])
    attempt = DeliveryAttempt(
        delivery_id=delivery.id, number=1, kind=AttemptKind.SCHEDULE, started_at=NOW, milliseconds=1, status=200
    )
    with unit_of_work() as work:
        deliveries = work.webhook_deliveries
        deliveries.add_attempt(attempt)
        assert deliveries.has_attempt_since(delivery, NOW)
        assert not deliveries.has_attempt_since(delivery, NOW + timedelta(microseconds=1))
        assert not deliveries.has_attempt_since(replace(delivery, attempts=1), NOW)
        assert not deliveries.has_attempt_since(other, NOW)


def _taken(endpoints: Sequence[WebhookEndpoint]) -> set[EndpointId]:
    return {each.id for each in endpoints}
