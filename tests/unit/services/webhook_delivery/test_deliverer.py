"""Claims, calls, records: what one endpoint's answers mean for its deliveries, for itself, and for nobody else."""

from datetime import timedelta
from uuid import UUID

import pytest
from standardwebhooks.webhooks import Webhook

from services.webhook_delivery.claims import LEASE
from shared.application.webhook_secrets import new_secret, rotated
from shared.domain.webhook_delivery import AttemptKind, DeliveryState
from shared.domain.webhook_endpoint import DisabledReason, Lane
from shared.egress.client import Answer, Failed, FailureReason
from shared.messaging.delivery_schedule import DeliverySchedule
from shared.messaging.topology import delay_exchange, webhook_queue
from tests.fakes.clock import NOON
from tests.fakes.makers import MERCHANT, OTHER_MERCHANT
from tests.fakes.webhooks import REFUSED, SECRET, TAKEN, TIMED_OUT, Posted, WebhooksOnFakes

STEPS = DeliverySchedule().steps_ms


@pytest.fixture
def webhooks() -> WebhooksOnFakes:
    return WebhooksOnFakes()


def test_what_is_taken_is_delivered_and_the_attempt_kept(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.told()

    assert webhooks.work_off(endpoint_id) == 1

    (delivery,) = webhooks.deliveries(endpoint_id)
    assert (delivery.state, delivery.next_try_at, delivery.lease_until) == (DeliveryState.DELIVERED, None, None)
    (attempt,) = webhooks.attempts(delivery.id)
    assert (attempt.number, attempt.kind, attempt.status, attempt.response) == (1, AttemptKind.SCHEDULE, 200, "ok")
    assert webhooks.work_off(endpoint_id) == 0


def test_a_message_that_comes_twice_is_one_delivery(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    (message,) = webhooks.happens()

    webhooks.events(message)
    webhooks.events(message)

    assert len(webhooks.deliveries(endpoint_id)) == 1


def test_while_a_secret_is_rotated_both_sign(webhooks: WebhooksOnFakes) -> None:
    endpoint_id, newer = webhooks.endpoint(), new_secret()
    after = rotated(webhooks.stored(endpoint_id), newer, timedelta(hours=24), webhooks.cipher, NOON)
    webhooks.change(endpoint_id, secrets=after.secrets)
    webhooks.clock.advance(3600)
    webhooks.told()

    webhooks.work_off(endpoint_id)

    (posted,) = webhooks.posted
    assert posted.headers["webhook-signature"].count("v1,") == 2
    for secret in (SECRET, newer):
        expected = Webhook(secret).sign(posted.headers["webhook-id"], webhooks.clock.now(), posted.body.decode())
        assert expected in posted.headers["webhook-signature"].split()


def test_when_the_overlap_is_over_only_the_new_secret_signs(webhooks: WebhooksOnFakes) -> None:
    endpoint_id, newer = webhooks.endpoint(), new_secret()
    after = rotated(webhooks.stored(endpoint_id), newer, timedelta(hours=24), webhooks.cipher, NOON)
    webhooks.change(endpoint_id, secrets=after.secrets)
    webhooks.clock.advance(24 * 3600)
    webhooks.told()

    webhooks.work_off(endpoint_id)

    expected = Webhook(newer).sign(
        webhooks.posted[0].headers["webhook-id"], webhooks.clock.now(), webhooks.posted[0].body.decode()
    )
    assert webhooks.posted[0].headers["webhook-signature"] == expected


def test_the_whole_schedule_is_kept_then_it_is_failed_and_still_there(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.answer = REFUSED
    webhooks.told()

    for step in STEPS:
        webhooks.work_off(endpoint_id, webhooks.stored(endpoint_id).lane)
        (delivery,) = webhooks.deliveries(endpoint_id)
        assert delivery.next_try_at == webhooks.clock.now() + timedelta(milliseconds=step)
        webhooks.clock.advance(step / 1000 - 1)
        assert webhooks.work_off(endpoint_id, webhooks.stored(endpoint_id).lane) == 0
        webhooks.clock.advance(1)
    webhooks.work_off(endpoint_id, webhooks.stored(endpoint_id).lane)

    (delivery,) = webhooks.deliveries(endpoint_id)
    assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, len(STEPS) + 1)
    assert webhooks.clock.now() - NOON > timedelta(hours=72)
    assert len({each.body for each in webhooks.posted}) == 1
    assert len({each.headers["webhook-timestamp"] for each in webhooks.posted}) == len(STEPS) + 1


def test_a_failed_try_rings_on_the_delay_of_its_step(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.told()
    webhooks.answer, before = REFUSED, len(webhooks.books.handed_over)

    webhooks.work_off(endpoint_id)

    (bell,) = webhooks.bells(before)
    assert (bell.exchange, bell.routing_key) == (delay_exchange(STEPS[0]), webhook_queue(Lane.FAST))


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500, 503, 199])
def test_nothing_but_2xx_is_delivered(webhooks: WebhooksOnFakes, status: int) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.answer = Answer(status=status, first_bytes=b"", elapsed_ms=5)
    webhooks.told()

    webhooks.work_off(endpoint_id)

    assert webhooks.deliveries(endpoint_id)[0].state is DeliveryState.WAITING


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        ("120", timedelta(milliseconds=STEPS[1] * 85 // 100)),
        ("3600", timedelta(milliseconds=STEPS[3])),
        ("Thu, 15 Jan 2026 12:10:00 GMT", timedelta(milliseconds=STEPS[2] * 85 // 100)),
        ("9999999", timedelta(milliseconds=STEPS[-1] * 115 // 100)),
        ("soon", timedelta(milliseconds=STEPS[0])),
        ("-5", timedelta(milliseconds=STEPS[0])),
    ],
)
def test_who_says_when_to_come_back_is_heeded_within_bounds(
    webhooks: WebhooksOnFakes, retry_after: str, wait: timedelta
) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.answer = Answer(status=429, first_bytes=b"", elapsed_ms=5, headers={"retry-after": retry_after})
    webhooks.told()

    webhooks.work_off(endpoint_id)

    assert webhooks.deliveries(endpoint_id)[0].next_try_at == NOON + wait


def test_while_it_asks_to_be_left_alone_nothing_else_is_sent_to_it(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.answer = Answer(status=503, first_bytes=b"", elapsed_ms=5, headers={"retry-after": "60"})
    webhooks.told(count=3)

    assert webhooks.work_off(endpoint_id) == 1

    webhooks.clock.advance(59)
    assert webhooks.work_off(endpoint_id) == 0
    webhooks.clock.advance(1)
    assert webhooks.work_off(endpoint_id) == 1


def test_one_that_is_gone_is_switched_off_at_once_and_the_others_are_told(webhooks: WebhooksOnFakes) -> None:
    gone, other = webhooks.endpoint(), webhooks.endpoint()
    strangers, deaf = webhooks.endpoint(OTHER_MERCHANT), webhooks.endpoint(event_types=("payment.*",))
    webhooks.answer = lambda posted: Answer(status=410, first_bytes=b"", elapsed_ms=5)
    webhooks.told()

    webhooks.work_off(gone)

    endpoint = webhooks.stored(gone)
    assert (endpoint.is_active, endpoint.disabled_reason) == (False, DisabledReason.GONE)
    told = [each for each in webhooks.deliveries(other) if each.event_type == "webhook_endpoint.disabled"]
    assert [each.notice for each in told] == [{"endpoint_id": str(gone), "url": endpoint.url, "reason": "gone"}]
    assert webhooks.deliveries(strangers) == []
    assert [each.event_type for each in webhooks.deliveries(deaf)] == ["payment.initiated"]
    audited = [each.event_type for each in webhooks.books.database.committed.audit_log.values()]
    assert "webhook_endpoint.disabled" in audited
    assert webhooks.work_off(gone) == 0


def test_one_that_has_only_failed_for_five_days_is_switched_off(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.answer = REFUSED
    for _ in range(12):
        webhooks.told()
        webhooks.work_off(endpoint_id, webhooks.stored(endpoint_id).lane)
        assert webhooks.stored(endpoint_id).is_active
        webhooks.clock.advance(10 * 3600)

    webhooks.work_off(endpoint_id, webhooks.stored(endpoint_id).lane)

    assert webhooks.stored(endpoint_id).disabled_reason is DisabledReason.FAILING


def test_one_good_answer_begins_the_five_days_anew(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    for hour in range(24):
        webhooks.answer = TAKEN if hour == 12 else REFUSED
        webhooks.told()
        webhooks.work_off(endpoint_id, webhooks.stored(endpoint_id).lane)
        webhooks.clock.advance(8 * 3600)

    assert webhooks.stored(endpoint_id).is_active


def test_a_failure_long_after_the_last_is_no_streak_of_five_days(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.answer = REFUSED
    webhooks.told()
    webhooks.work_off(endpoint_id)
    webhooks.clock.advance(30 * 24 * 3600)

    webhooks.work_off(endpoint_id)

    assert webhooks.stored(endpoint_id).is_active


def test_what_a_dead_process_had_claimed_is_sent_again_under_the_same_id(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.told()

    def dies(_posted: Posted) -> Answer:
        raise SystemExit

    webhooks.answer = dies
    with pytest.raises(SystemExit):
        webhooks.work_off(endpoint_id)
    webhooks.answer = TAKEN
    webhooks.clock.advance(LEASE.total_seconds())
    assert webhooks.work_off(endpoint_id) == 0
    webhooks.clock.advance(1)
    webhooks.work_off(endpoint_id)

    first, second = webhooks.posted
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert webhooks.deliveries(endpoint_id)[0].state is DeliveryState.DELIVERED


def test_a_late_failure_does_not_undo_a_success(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.told()

    def is_overtaken(_posted: Posted) -> Answer | Failed:
        webhooks.answer = TAKEN
        webhooks.clock.advance(LEASE.total_seconds() + 1)
        webhooks.work_off(endpoint_id)
        return TIMED_OUT

    webhooks.answer = is_overtaken
    webhooks.work_off(endpoint_id)

    (delivery,) = webhooks.deliveries(endpoint_id)
    assert (delivery.state, delivery.attempts) == (DeliveryState.DELIVERED, 2)
    assert [each.number for each in webhooks.attempts(delivery.id)] == [1, 2]


def test_what_cannot_be_sent_says_why(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.answer = Failed(reason=FailureReason.REFUSED_ADDRESS, elapsed_ms=3)
    webhooks.told()

    webhooks.work_off(endpoint_id)

    (attempt,) = webhooks.attempts(webhooks.deliveries(endpoint_id)[0].id)
    assert (attempt.status, attempt.reason, attempt.response) == (None, "refused_address", None)


def test_whatever_an_endpoint_says_can_be_stored_and_tells_no_secret(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    said = b"\x00\xff\xfe card 4242 4242 4242 4242 whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    webhooks.answer = Answer(status=500, first_bytes=said, elapsed_ms=3)
    webhooks.told()

    webhooks.work_off(endpoint_id)

    (attempt,) = webhooks.attempts(webhooks.deliveries(endpoint_id)[0].id)
    assert attempt.response == "\ufffd\ufffd\ufffd card [hidden] [hidden]"


def test_the_id_that_is_signed_is_the_events(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    (message,) = webhooks.happens(MERCHANT)
    webhooks.events(message)

    webhooks.work_off(endpoint_id)

    assert UUID(webhooks.posted[0].headers["webhook-id"]) == message.event_id
