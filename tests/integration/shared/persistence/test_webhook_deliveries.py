"""Deliveries in PostgreSQL: each is claimed once, never too many of one endpoint, and nothing is forgotten."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from shared.domain.ids import DeliveryId, EndpointId, EndpointTestId, EventId, MerchantId
from shared.domain.webhook_delivery import AttemptKind, Delivery, DeliveryAttempt, DeliveryState
from shared.domain.webhook_endpoint import DisabledReason, EndpointSecret, WebhookEndpoint
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.persistence.webhook_deliveries import DeliveryFilter
from shared.persistence.webhook_endpoint_tests import EndpointTest
from shared.runtime.identifiers import new_id
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, NOW, a_merchant

LEASE = NOW + timedelta(seconds=40)


@pytest.fixture
def unit_of_work(database: Database) -> UnitOfWorkFactory:
    return unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)


@pytest.fixture
def endpoint(unit_of_work: UnitOfWorkFactory) -> Iterator[WebhookEndpoint]:
    merchant_id, _ = a_merchant(unit_of_work)
    made = _endpoint(merchant_id)
    with unit_of_work() as work:
        assert work.webhook_endpoints.add(made)
        work.commit()
    yield made
    with unit_of_work() as work:
        work.webhook_endpoints.save(replace(made, is_active=False, deleted_at=NOW))
        work.commit()


def _endpoint(merchant_id: MerchantId, **facts: Any) -> WebhookEndpoint:
    endpoint_id = EndpointId(new_id())
    made = WebhookEndpoint(
        id=endpoint_id,
        merchant_id=merchant_id,
        url=f"https://shop.example/{endpoint_id}",
        event_types=("payment.*",),
        secrets=(EndpointSecret("ciphertext"), EndpointSecret("older", NOW)),
        listens_since=NOW,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(made, **facts)


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
    )
    return replace(made, **facts)


def _add(unit_of_work: UnitOfWorkFactory, *deliveries: Delivery) -> list[DeliveryId]:
    with unit_of_work() as work:
        added = work.webhook_deliveries.add_all(deliveries)
        work.commit()
    return [each.id for each in added]


def test_an_endpoint_reads_as_it_was_stored(unit_of_work: UnitOfWorkFactory, endpoint: WebhookEndpoint) -> None:
    changed = replace(
        endpoint,
        failures=3,
        failing_since=NOW,
        failed_at=NOW,
        rests_until=NOW,
        is_active=False,
        disabled_at=NOW,
        disabled_reason=DisabledReason.FAILING,
    )
    with unit_of_work() as work:
        assert work.webhook_endpoints.lock(endpoint.id) == endpoint
        work.webhook_endpoints.save(changed)
        work.commit()

    with unit_of_work() as work:
        assert work.webhook_endpoints.find(endpoint.id, endpoint.merchant_id) == changed
        assert work.webhook_endpoints.find(endpoint.id, MerchantId(new_id())) is None
        assert work.webhook_endpoints.at(endpoint.url, endpoint.merchant_id) == changed
        assert work.webhook_endpoints.of_merchant(endpoint.merchant_id, active_only=True) == []


def test_an_address_has_one_endpoint_until_that_is_deleted(
    unit_of_work: UnitOfWorkFactory, endpoint: WebhookEndpoint
) -> None:
    same = _endpoint(endpoint.merchant_id, url=endpoint.url)
    with unit_of_work() as work:
        refused = work.webhook_endpoints.add(same)
        work.webhook_endpoints.save(replace(endpoint, is_active=False, deleted_at=NOW))
        taken = work.webhook_endpoints.add(same)

    assert (refused, taken) == (False, True)


def test_an_event_is_one_delivery_to_an_endpoint(unit_of_work: UnitOfWorkFactory, endpoint: WebhookEndpoint) -> None:
    first = _delivery(endpoint, notice={"reason": "gone"})
    again, other = _delivery(endpoint, event_id=first.event_id), _delivery(endpoint)

    assert _add(unit_of_work, first) == [first.id]
    assert _add(unit_of_work, again, other) == [other.id]

    with unit_of_work() as work:
        assert work.webhook_deliveries.find(first.id) == first


def test_of_many_who_claim_at_once_no_two_get_the_same_and_no_more_than_the_endpoint_may_have(
    unit_of_work: UnitOfWorkFactory, endpoint: WebhookEndpoint
) -> None:
    _add(unit_of_work, *(_delivery(endpoint) for _ in range(20)))

    def claim(_number: int) -> DeliveryId | None:
        with unit_of_work() as work:
            work.webhook_endpoints.lock(endpoint.id)
            claimed = work.webhook_deliveries.lease_next(replace(endpoint, is_quick=True), NOW, LEASE)
            work.commit()
        return None if claimed is None else claimed.id

    with ThreadPoolExecutor(12) as pool:
        claimed = [each for each in pool.map(claim, range(24)) if each is not None]

    assert len(claimed) == len(set(claimed)) == 4


def test_the_longest_due_goes_first_and_what_is_leased_comes_free_when_the_lease_is_over(
    unit_of_work: UnitOfWorkFactory, endpoint: WebhookEndpoint
) -> None:
    late, early = _delivery(endpoint), _delivery(endpoint, next_try_at=NOW - timedelta(minutes=1))
    not_yet, done = (
        _delivery(endpoint, next_try_at=NOW + timedelta(hours=1)),
        _delivery(endpoint, state=DeliveryState.DELIVERED, next_try_at=None),
    )
    _add(unit_of_work, late, early, not_yet, done)

    with unit_of_work() as work:
        found = [work.webhook_deliveries.lease_next(replace(endpoint, is_quick=True), NOW, LEASE) for _ in range(3)]
        after_lease = work.webhook_deliveries.lease_next(
            replace(endpoint, is_quick=True), LEASE + timedelta(seconds=1), LEASE
        )

    assert [each and each.id for each in found] == [early.id, late.id, None]
    assert after_lease is not None
    assert after_lease.id == early.id


def test_attempts_are_kept_in_order_with_whatever_was_said(
    unit_of_work: UnitOfWorkFactory, endpoint: WebhookEndpoint
) -> None:
    delivery = _delivery(endpoint)
    _add(unit_of_work, delivery)
    answered = DeliveryAttempt(
        delivery_id=delivery.id,
        number=1,
        kind=AttemptKind.SCHEDULE,
        started_at=NOW,
        milliseconds=12,
        status=500,
        response="\ufffd \U0001f4a5 '; DROP TABLE x",
    )
    unanswered = replace(answered, number=2, kind=AttemptKind.RESEND, status=None, response=None, reason="timeout")
    with unit_of_work() as work:
        work.webhook_deliveries.add_attempt(unanswered)
        work.webhook_deliveries.add_attempt(answered)
        work.commit()

    with unit_of_work() as work:
        assert work.webhook_deliveries.attempts_of(delivery.id) == [answered, unanswered]
    with unit_of_work() as work, pytest.raises(IntegrityError):
        work.webhook_deliveries.add_attempt(answered)


def test_a_page_is_narrowed_and_goes_on_behind_its_last(
    unit_of_work: UnitOfWorkFactory, endpoint: WebhookEndpoint
) -> None:
    rows = [_delivery(endpoint) for _ in range(3)]
    failed = _delivery(endpoint, state=DeliveryState.FAILED, next_try_at=None, event_type="payment.failed")
    _add(unit_of_work, *rows, failed)
    everything = DeliveryFilter(endpoint_id=endpoint.id)

    with unit_of_work() as work:
        page = work.webhook_deliveries.page(everything, after=None, limit=2)
        rest = work.webhook_deliveries.page(everything, after=page[-1].id, limit=10)
        of_state = work.webhook_deliveries.page(replace(everything, state=DeliveryState.FAILED), after=None, limit=9)
        of_type = work.webhook_deliveries.page(replace(everything, event_type="payment.failed"), after=None, limit=9)

    assert [each.id for each in [*page, *rest]] == [each.id for each in reversed([*rows, failed])]
    assert [each.id for each in of_state] == [each.id for each in of_type] == [failed.id]


def test_one_reader_of_the_log_at_a_time(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as first, unit_of_work() as second:
        cursor = first.webhook_feed.take("webhook_delivery")
        taken = second.webhook_feed.take("webhook_delivery")

    assert cursor is not None
    assert taken is None


def test_a_test_of_an_endpoint_is_kept(unit_of_work: UnitOfWorkFactory, endpoint: WebhookEndpoint) -> None:
    test = EndpointTest(
        id=EndpointTestId(new_id()), endpoint_id=endpoint.id, merchant_id=endpoint.merchant_id, created_at=NOW
    )
    with unit_of_work() as work:
        work.webhook_endpoint_tests.add(test)
        running = work.webhook_endpoint_tests.is_running(endpoint.id, NOW - timedelta(seconds=1))
        work.webhook_endpoint_tests.finish(test.id, [{"case": "good", "passed": True}], NOW)
        finished = work.webhook_endpoint_tests.find(test.id, endpoint.merchant_id)
        others = work.webhook_endpoint_tests.find(test.id, MerchantId(new_id()))

    assert (running, others) == (True, None)
    assert finished == replace(test, finished_at=NOW, cases=[{"case": "good", "passed": True}])


def test_nothing_of_it_can_be_deleted_by_the_services(database: Database) -> None:
    with database.application.connect() as connection, pytest.raises(DBAPIError, match="permission denied"):
        connection.execute(text("DELETE FROM webhook_deliveries"))
