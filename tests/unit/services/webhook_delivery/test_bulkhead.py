"""A bulkhead for each endpoint: what hangs, fails or is slow holds up nobody else."""

from datetime import timedelta

import pytest

from services.webhook_delivery.deliverer import TURN
from shared.contracts.messages.codec import decode
from shared.contracts.messages.commands import DeliverWebhooks
from shared.domain.webhook_delivery import DeliveryState
from shared.domain.webhook_endpoint import Lane
from shared.egress.client import Answer
from shared.messaging.delivery_schedule import DeliverySchedule
from tests.fakes.webhooks import REFUSED, TAKEN, TIMED_OUT, Posted, WebhooksOnFakes

STEPS = DeliverySchedule().steps_ms


@pytest.fixture
def webhooks() -> WebhooksOnFakes:
    return WebhooksOnFakes()


def test_no_more_than_a_few_are_sent_to_one_endpoint_at_once(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.told(count=10)
    under_way, most = 0, 0

    def answer(_posted: Posted) -> Answer:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        # While this one is being sent, somebody else comes and looks.
        webhooks.work_off(endpoint_id)
        under_way -= 1
        return TAKEN

    webhooks.answer = answer
    webhooks.work_off(endpoint_id)

    assert most == 4
    assert len(webhooks.posted) == 10
    assert {each.state for each in webhooks.deliveries(endpoint_id)} == {DeliveryState.DELIVERED}


def test_an_endpoint_in_trouble_is_only_asked_whether_it_is_back(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.answer = REFUSED
    webhooks.told(count=50)

    webhooks.work_off(endpoint_id)

    assert len(webhooks.posted) == 3
    assert webhooks.stored(endpoint_id).lane is Lane.SLOW
    webhooks.clock.advance(50)
    assert webhooks.work_off(endpoint_id, Lane.SLOW) == 0
    webhooks.clock.advance(1)
    assert webhooks.work_off(endpoint_id, Lane.SLOW) == 1


def test_the_longer_it_is_in_trouble_the_more_seldom_it_is_asked_but_every_hour(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.answer = REFUSED
    webhooks.told(count=50)
    webhooks.work_off(endpoint_id)

    rests = []
    for _ in range(6):
        until = webhooks.stored(endpoint_id).rests_until
        assert until is not None
        rests.append((until - webhooks.clock.now()) // timedelta(seconds=1))
        webhooks.clock.set(until)
        webhooks.work_off(endpoint_id, Lane.SLOW)

    assert rests == [51, 255, 765, 3060, 3060, 3060]


def test_when_it_is_back_all_that_waits_is_sent(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.answer = REFUSED
    webhooks.told(count=15)
    webhooks.work_off(endpoint_id)
    webhooks.clock.advance(3600)
    webhooks.answer, before = TAKEN, len(webhooks.books.handed_over)

    sent = webhooks.work_off(endpoint_id, Lane.SLOW)

    assert sent == 1
    assert [each.routing_key for each in webhooks.bells(before)] == [Lane.FAST]
    assert webhooks.work_off(endpoint_id) == 14


def test_a_slow_endpoint_is_called_by_other_threads(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.answer = Answer(status=200, first_bytes=b"", elapsed_ms=9_000)
    webhooks.told(count=2)

    webhooks.work_off(endpoint_id)

    assert webhooks.stored(endpoint_id).lane is Lane.SLOW
    assert len(webhooks.posted) == 1


def test_one_that_hangs_leaves_the_quick_lane_with_its_first_call(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.answer = TIMED_OUT
    webhooks.told(count=2)

    webhooks.work_off(endpoint_id)

    assert len(webhooks.posted) == 1
    assert webhooks.stored(endpoint_id).lane is Lane.SLOW


def test_a_new_endpoint_shows_first_that_it_is_quick(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint(is_quick=False)
    webhooks.told(count=2)

    assert webhooks.work_off(endpoint_id, Lane.FAST) == 0
    assert webhooks.work_off(endpoint_id, Lane.SLOW) == 1
    assert webhooks.stored(endpoint_id).lane is Lane.FAST


def test_a_bell_in_the_wrong_lane_is_passed_on(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.told()
    before = len(webhooks.books.handed_over)

    webhooks.work_off(endpoint_id, Lane.SLOW)

    (bell,) = webhooks.bells(before)
    message = decode(bell.body)
    assert isinstance(message, DeliverWebhooks)
    assert (message.endpoint_id, bell.routing_key) == (endpoint_id, "fast")


def test_after_a_turn_the_others_come_first(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.told(count=TURN + 5)
    before = len(webhooks.books.handed_over)

    assert webhooks.work_off(endpoint_id) == TURN

    assert len(webhooks.bells(before)) == 1
    assert webhooks.work_off(endpoint_id) == 5
