"""What no message told of is found: lost events, forgotten endpoints, and nothing twice."""

import threading
from datetime import timedelta

import pytest

from services.webhook_delivery.handlers import lane_handler
from services.webhook_delivery.sweep import EventSweep, NeglectSweep, Sweep
from shared.contracts.messages.codec import MessageUnreadable, decode
from shared.contracts.messages.events import ProviderEventReceived
from shared.domain.webhook_delivery import DeliveryState
from shared.domain.webhook_endpoint import MOST_IN_FLIGHT, Lane
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON
from tests.fakes.webhooks import REFUSED, WebhooksOnFakes


@pytest.fixture
def webhooks() -> WebhooksOnFakes:
    return WebhooksOnFakes()


def _events(webhooks: WebhooksOnFakes) -> EventSweep:
    return EventSweep(webhooks.books.unit_of_work, webhooks.clock)


def _neglected(webhooks: WebhooksOnFakes) -> NeglectSweep:
    return NeglectSweep(webhooks.books.unit_of_work, webhooks.clock)


def test_an_event_whose_message_was_lost_is_found_after_a_while_and_once(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.happens(count=3)

    early = _events(webhooks)()
    webhooks.clock.advance(10)
    found, again = _events(webhooks)(), _events(webhooks)()

    assert (early, found, again) == (0, 3, 0)
    assert len(webhooks.deliveries(endpoint_id)) == 3


def test_what_was_told_of_is_not_delivered_twice(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.told()
    webhooks.work_off(endpoint_id)
    webhooks.clock.advance(10)

    _events(webhooks)()

    assert [each.state for each in webhooks.deliveries(endpoint_id)] == [DeliveryState.DELIVERED]


def test_no_endpoint_is_told_of_what_was_before_it(webhooks: WebhooksOnFakes) -> None:
    webhooks.happens()
    webhooks.clock.advance(10)
    endpoint_id = webhooks.endpoint(listens_since=webhooks.clock.now())

    _events(webhooks)()

    assert webhooks.deliveries(endpoint_id) == []


def test_an_endpoint_whose_bell_was_lost_is_rung_for_after_a_while(webhooks: WebhooksOnFakes) -> None:
    webhooks.endpoint()
    webhooks.told()
    before = len(webhooks.books.handed_over)

    early = _neglected(webhooks)()
    webhooks.clock.advance(10)
    late = _neglected(webhooks)()

    assert (early, late) == (0, 1)
    assert [each.routing_key for each in webhooks.bells(before)] == ["fast"] * MOST_IN_FLIGHT[Lane.FAST]


def test_who_was_rung_for_is_left_time_to_be_called(webhooks: WebhooksOnFakes) -> None:
    webhooks.endpoint()
    webhooks.told()
    webhooks.clock.advance(10)
    first, at_once = _neglected(webhooks)(), _neglected(webhooks)()
    webhooks.clock.advance(9)
    soon = _neglected(webhooks)()
    webhooks.clock.advance(1)

    assert (first, at_once, soon, _neglected(webhooks)()) == (1, 0, 0, 1)


def test_a_rest_that_ends_soon_after_somebody_was_rung_for_is_not_made_longer(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.told()
    webhooks.clock.advance(10)
    assert _neglected(webhooks)() == 1
    webhooks.change(endpoint_id, rests_until=webhooks.clock.now() + timedelta(seconds=2))
    webhooks.clock.advance(2)

    assert _neglected(webhooks)() == 1


def test_when_a_rest_is_over_the_endpoint_is_rung_for_at_once(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.answer = REFUSED
    webhooks.told(count=10)
    webhooks.work_off(endpoint_id)

    during = _neglected(webhooks)()
    webhooks.clock.advance(51)
    after = _neglected(webhooks)()

    assert (during, after) == (0, 1)


def test_nobody_is_rung_for_whose_deliveries_are_done_or_under_way_or_who_is_off(webhooks: WebhooksOnFakes) -> None:
    done, busy, off, waiting = (webhooks.endpoint() for _ in range(4))
    webhooks.told()
    webhooks.work_off(done)
    webhooks.clock.advance(60)
    webhooks.lease(busy)
    webhooks.change(off, is_active=False)
    before = len(webhooks.books.handed_over)

    assert _neglected(webhooks)() == 1

    rung_for = {decode(each.body).correlation_id for each in webhooks.bells(before)}
    assert rung_for == {waiting}


def test_what_waited_while_an_endpoint_was_off_goes_on_when_it_is_on(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.told()
    webhooks.change(endpoint_id, is_active=False)
    assert webhooks.work_off(endpoint_id) == 0

    webhooks.change(endpoint_id, is_active=True)

    assert webhooks.work_off(endpoint_id) == 1


def test_an_error_ends_a_turn_and_not_the_loop() -> None:
    stopping, turns, failures = threading.Event(), [], []

    def fails() -> int:
        failures.append(1)
        raise RuntimeError

    def counts() -> int:
        turns.append(1)
        if len(turns) == 3:
            stopping.set()
        return 0

    Sweep(fails, counts, pause_seconds=0.001).run(stopping)

    assert (len(turns), len(failures)) == (3, 3)


def test_what_is_for_others_is_set_aside(webhooks: WebhooksOnFakes) -> None:
    stray = ProviderEventReceived(
        message_id=new_id(), occurred_at=NOON, correlation_id=new_id(), webhook_event_id=new_id(), provider="cpay"
    )

    with pytest.raises(MessageUnreadable):
        webhooks.events(stray)
    with pytest.raises(MessageUnreadable):
        lane_handler(webhooks.deliverer, Lane.FAST)(stray)
