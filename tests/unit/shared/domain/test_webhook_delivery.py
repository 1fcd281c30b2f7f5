"""The states of a delivery: the whole grid, and what an attempt and a resend make of it."""

from datetime import timedelta
from itertools import product

import pytest

from shared.domain.errors import IllegalTransition
from shared.domain.event_types import EVENT_TYPES, is_known, matches
from shared.domain.ids import DeliveryId, EndpointId, EventId
from shared.domain.webhook_delivery import (
    TRANSITIONS,
    AttemptKind,
    Delivery,
    DeliveryState,
    DeliveryTrigger,
)
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON
from tests.fakes.makers import MERCHANT

LATER = NOON + timedelta(minutes=1)
ALLOWED = {
    ("waiting", "accept"): "delivered",
    ("waiting", "try_again"): "waiting",
    ("waiting", "give_up"): "failed",
    ("waiting", "send_again"): "waiting",
    ("delivered", "accept"): "delivered",
    ("delivered", "send_again"): "waiting",
    ("failed", "accept"): "delivered",
    ("failed", "send_again"): "waiting",
}


def _delivery(state: DeliveryState) -> Delivery:
    return Delivery(
        id=DeliveryId(new_id()),
        endpoint_id=EndpointId(new_id()),
        merchant_id=MERCHANT,
        event_id=EventId(new_id()),
        event_type="payment.completed",
        state=state,
        tries=3,
        attempts=5,
        next_try_at=NOON,
        lease_until=NOON,
        created_at=NOON,
        updated_at=NOON,
    )


@pytest.mark.parametrize(("state", "trigger"), list(product(DeliveryState, DeliveryTrigger)))
def test_the_table_has_these_edges_and_no_others(state: DeliveryState, trigger: DeliveryTrigger) -> None:
    if (state.value, trigger.value) not in ALLOWED:
        with pytest.raises(IllegalTransition):
            _delivery(state).on(trigger, LATER)
        return

    after = _delivery(state).on(trigger, LATER, LATER)

    assert after.state == ALLOWED[(state.value, trigger.value)] == TRANSITIONS[(state, trigger)]
    assert (after.lease_until, after.updated_at, after.next_try_at) == (None, LATER, LATER)


def test_an_attempt_counts_and_the_next_is_of_the_schedule_again() -> None:
    before = _delivery(DeliveryState.WAITING).sent_again(AttemptKind.RESEND, NOON)

    after = before.tried(DeliveryTrigger.TRY_AGAIN, LATER, LATER)

    assert (before.tries, before.attempts, before.next_kind) == (0, 5, AttemptKind.RESEND)
    assert (after.tries, after.attempts, after.next_kind) == (1, 6, AttemptKind.SCHEDULE)


@pytest.mark.parametrize("state", [DeliveryState.DELIVERED, DeliveryState.FAILED])
@pytest.mark.parametrize("trigger", [DeliveryTrigger.TRY_AGAIN, DeliveryTrigger.GIVE_UP])
def test_a_failure_that_comes_after_the_end_changes_only_the_count(
    state: DeliveryState, trigger: DeliveryTrigger
) -> None:
    after = _delivery(state).tried(trigger, LATER)

    assert (after.state, after.attempts, after.tries) == (state, 6, 3)


@pytest.mark.parametrize(
    ("wanted", "event_type", "is_matched"),
    [
        ("payment.completed", "payment.completed", True),
        ("payment.*", "payment.completed", True),
        ("payment.*", "payments.completed", False),
        ("payment.*", "payout.completed", False),
        ("payment.complete", "payment.completed", False),
        ("webhook_endpoint.*", "webhook_endpoint.disabled", True),
        ("*", "payment.completed", False),
        (".*", "payment.completed", False),
    ],
)
def test_a_pattern_covers_its_noun(wanted: str, event_type: str, is_matched: bool) -> None:
    assert matches(wanted, event_type) == is_matched


def test_only_what_matches_an_event_is_known() -> None:
    assert all(is_known(event_type) for event_type in EVENT_TYPES)
    assert not is_known("payment.complete")
    assert not is_known("webhook_endpoint.test")
