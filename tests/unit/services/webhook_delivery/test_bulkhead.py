"""A bulkhead for each endpoint: what hangs, fails or is slow holds up nobody else."""

from datetime import timedelta

import pytest

from services.webhook_delivery.deliverer import TURN
from shared.contracts.messages.codec import decode
from shared.contracts.messages.commands import DeliverWebhooks
from shared.domain.webhook_delivery import DeliveryState
from shared.domain.webhook_endpoint import MOST_OF_MERCHANT, Lane
from shared.egress.client import Answer
from shared.messaging.delivery_schedule import DeliverySchedule
from tests.fakes.makers import OTHER_MERCHANT
from tests.fakes.webhooks import REFUSED, TAKEN, TIMED_OUT, Posted, WebhooksOnFakes

STEPS = DeliverySchedule().steps_ms
SLOW = Answer(status=200, first_bytes=b"", elapsed_ms=9_000)


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
    assert {each.routing_key for each in webhooks.bells(before)} == {Lane.FAST}
    assert webhooks.work_off(endpoint_id) == 14


def test_when_it_is_back_what_it_refused_hours_ago_does_not_wait_for_its_hour(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.answer = REFUSED
    webhooks.told()
    for _ in range(5):
        webhooks.clock.advance(3600)
        webhooks.work_off(endpoint_id, webhooks.stored(endpoint_id).lane)
    webhooks.clock.advance(3600)
    webhooks.told()
    webhooks.answer = TAKEN
    before = len(webhooks.books.handed_over)

    webhooks.work_off(endpoint_id, Lane.SLOW)
    webhooks.work_off_all(before)

    assert {each.state for each in webhooks.deliveries(endpoint_id)} == {DeliveryState.DELIVERED}


def test_a_slow_endpoint_is_called_by_other_threads(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.answer = SLOW
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
    webhooks.told(count=TURN[Lane.FAST] + 5)
    before = len(webhooks.books.handed_over)

    assert webhooks.work_off(endpoint_id) == TURN[Lane.FAST]

    assert len(webhooks.bells(before)) == 1
    assert webhooks.work_off(endpoint_id) == 5


def test_a_slow_endpoint_has_one_delivery_and_then_it_is_the_others_turn(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint(is_quick=False)
    webhooks.answer = SLOW
    webhooks.told(count=3)
    before = len(webhooks.books.handed_over)

    assert webhooks.work_off(endpoint_id, Lane.SLOW) == 1
    assert [each.routing_key for each in webhooks.bells(before)] == [Lane.SLOW]


@pytest.mark.parametrize(("lane", "is_quick"), [(Lane.SLOW, False), (Lane.FAST, True)])
def test_all_endpoints_of_a_merchant_together_have_no_more_than_a_share_of_the_threads(
    webhooks: WebhooksOnFakes, lane: Lane, is_quick: bool
) -> None:
    endpoints = [webhooks.endpoint(is_quick=is_quick) for _ in range(10)]
    webhooks.told(count=6)
    under_way, most = 0, 0

    def answer(_posted: Posted) -> Answer:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        # While this one is being sent, others come for every endpoint.
        for each in endpoints:
            webhooks.work_off(each, lane)
        under_way -= 1
        return TAKEN if is_quick else SLOW

    webhooks.answer = answer
    webhooks.work_off(endpoints[0], lane)

    assert most == MOST_OF_MERCHANT[lane]


def test_one_merchants_calls_take_no_room_from_anothers(webhooks: WebhooksOnFakes) -> None:
    theirs = [webhooks.endpoint(is_quick=False) for _ in range(MOST_OF_MERCHANT[Lane.SLOW])]
    other = webhooks.endpoint(OTHER_MERCHANT, is_quick=False)
    webhooks.told()
    webhooks.told(OTHER_MERCHANT)
    for each in theirs:
        webhooks.lease(each)

    assert webhooks.work_off(other, Lane.SLOW) == 1


@pytest.mark.parametrize(("lane", "is_quick"), [(Lane.SLOW, False), (Lane.FAST, True)])
def test_who_had_to_leave_for_the_merchants_other_calls_is_sent_to_when_there_is_room(
    webhooks: WebhooksOnFakes, lane: Lane, is_quick: bool
) -> None:
    endpoints = [webhooks.endpoint(is_quick=is_quick) for _ in range(10)]
    webhooks.told()
    before = len(webhooks.books.handed_over)

    def others_come_and_leave(_posted: Posted) -> Answer:
        webhooks.answer = TAKEN if is_quick else SLOW
        for each in endpoints[1 : MOST_OF_MERCHANT[lane]]:
            webhooks.lease(each)
        for each in endpoints:
            assert webhooks.work_off(each, lane) == 0
        webhooks.give_back_leases()
        return TAKEN if is_quick else SLOW

    webhooks.answer = others_come_and_leave
    webhooks.work_off(endpoints[0], lane)
    # No bell is left but those that were rung since.
    webhooks.work_off_all(before)

    assert {each.url.rsplit("/")[-1] for each in webhooks.posted} == {str(each) for each in endpoints}


def test_who_waits_for_the_merchants_other_calls_comes_before_what_is_left_of_them(webhooks: WebhooksOnFakes) -> None:
    busy, waiting = webhooks.endpoint(is_quick=False), webhooks.endpoint(is_quick=False)
    webhooks.told(count=9)
    webhooks.answer = SLOW
    with webhooks.books.unit_of_work() as work:
        work.webhook_waiting_turns.add(webhooks.stored(waiting), Lane.SLOW, webhooks.clock.now())
        work.commit()
    before = len(webhooks.books.handed_over)

    webhooks.work_off(busy, Lane.SLOW)

    assert [decode(each.body).correlation_id for each in webhooks.bells(before)] == [waiting, busy]
