"""What an attempt counts for when something changed, was lost or could not be read while it was under way."""

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from prometheus_client import REGISTRY

from shared.domain.webhook_delivery import DeliveryState
from shared.domain.webhook_endpoint import EndpointSecret, Lane
from shared.egress.client import Answer
from shared.messaging.delivery_schedule import DeliverySchedule
from shared.messaging.topology import delay_exchange
from shared.runtime.crypto import CredentialCipher
from tests.fakes.clock import NOON
from tests.fakes.webhooks import REFUSED, SECRET, TAKEN, Posted, WebhooksOnFakes

FIRST_DELAY = DeliverySchedule().steps_ms[0]


@pytest.fixture
def webhooks() -> WebhooksOnFakes:
    return WebhooksOnFakes()


def test_a_record_that_is_repeated_counts_once(webhooks: WebhooksOnFakes) -> None:
    """The answer of its commit was lost: nobody knows whether it is there."""
    endpoint_id = webhooks.endpoint()
    webhooks.answer = REFUSED
    webhooks.told()
    webhooks.recorder.is_repeated = True

    webhooks.work_off(endpoint_id)

    (delivery,) = webhooks.deliveries(endpoint_id)
    assert (delivery.tries, delivery.attempts) == (1, 1)
    assert webhooks.stored(endpoint_id).failures == 1
    assert len(webhooks.attempts(delivery.id)) == 1


@pytest.mark.parametrize(
    "changes", [{"url": "https://shop.example/new"}, {"listens_since": NOON + timedelta(seconds=1)}], ids=str
)
@pytest.mark.parametrize("status", [200, 410, 500])
def test_what_an_old_address_says_counts_neither_for_nor_against_the_new_one(
    webhooks: WebhooksOnFakes, changes: dict[str, object], status: int
) -> None:
    endpoint_id = webhooks.endpoint(failures=1, failing_since=NOON, failed_at=NOON)
    webhooks.told()
    before = len(webhooks.books.handed_over)

    def is_changed_meanwhile(_posted: Posted) -> Answer:
        webhooks.change(endpoint_id, failures=0, failing_since=None, failed_at=None, is_quick=False, **changes)
        return Answer(status=status, first_bytes=b"", elapsed_ms=5)

    webhooks.answer = is_changed_meanwhile
    webhooks.work_off(endpoint_id)

    endpoint = webhooks.stored(endpoint_id)
    assert (endpoint.is_active, endpoint.is_quick, endpoint.failures) == (True, False, 0)
    (delivery,) = webhooks.deliveries(endpoint_id)
    assert delivery.is_delivered == (status == 200)
    delayed = [each for each in webhooks.bells(before) if each.exchange == delay_exchange(FIRST_DELAY)]
    assert len(delayed) == (0 if status == 200 else 1)


def test_a_delivery_that_is_asked_for_while_it_is_being_sent_is_not_sent_by_two(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.told()

    def is_asked_for_meanwhile(_posted: Posted) -> Answer:
        webhooks.send_again(endpoint_id)
        assert webhooks.work_off(endpoint_id) == 0
        return TAKEN

    webhooks.answer = is_asked_for_meanwhile
    webhooks.work_off(endpoint_id)

    assert len(webhooks.posted) == 1
    assert webhooks.deliveries(endpoint_id)[0].state is DeliveryState.DELIVERED


def test_where_no_key_opens_the_secret_nothing_is_sent_or_counted_and_it_goes_on_when_one_does(
    webhooks: WebhooksOnFakes,
) -> None:
    elsewhere = CredentialCipher((Fernet.generate_key().decode(),))
    endpoint_id = webhooks.endpoint(secrets=(EndpointSecret(elsewhere.encrypt(SECRET)),))
    webhooks.told(count=3)
    before = _unreadable_count()

    webhooks.work_off(endpoint_id)

    assert webhooks.posted == []
    assert _unreadable_count() == before + 1
    assert webhooks.stored(endpoint_id).failures == 0
    assert {(each.state, each.attempts, each.lease_until) for each in webhooks.deliveries(endpoint_id)} == {
        (DeliveryState.WAITING, 0, None)
    }
    webhooks.change(endpoint_id, secrets=(EndpointSecret(webhooks.cipher.encrypt(SECRET)),))
    webhooks.clock.advance(5 * 60)
    assert webhooks.work_off(endpoint_id) == 3


def test_a_process_that_is_to_end_begins_no_further_call_and_has_somebody_else_come(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.told(count=5)
    before = len(webhooks.books.handed_over)

    def is_told_to_stop(_posted: Posted) -> Answer:
        webhooks.stopping.set()
        return TAKEN

    webhooks.answer = is_told_to_stop

    assert webhooks.work_off(endpoint_id) == 1
    assert [each.routing_key for each in webhooks.bells(before)] == [Lane.FAST]


def test_an_event_that_was_on_its_way_when_its_endpoint_was_deleted_does_not_wait_for_ever(
    webhooks: WebhooksOnFakes,
) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.told()
    webhooks.change(endpoint_id, is_active=False, deleted_at=NOON)

    assert webhooks.work_off(endpoint_id) == 0
    assert [each.state for each in webhooks.deliveries(endpoint_id)] == [DeliveryState.FAILED]


def _unreadable_count() -> float:
    return REGISTRY.get_sample_value("gateway_webhook_secrets_unreadable_total") or 0.0
