"""Each invariant of the proof can fail: a hand-made truth that breaks it is told in a sentence; a sound one is not."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.chaos import invariants
from tests.chaos.invariants import INVARIANTS, Invariant, problems_of
from tests.chaos.merchant import Reply, Request
from tests.chaos.truth import Arrived, Backlog, Event, Movement, Payment, Taken, Told, Truth
from tests.fakes.clock import NOON

PAID, REFUNDED = "payment-1", "refund-1"
RESERVED, CAPTURED, CAPTURED_LATER = "payment-2", "capture-1", "capture-2"


def _asked(resource_id: str, path: str = "/payments/initialize") -> Request:
    body = json.dumps({"id": resource_id}).encode()
    first, again = Reply(202, body), Reply(202, body, repeated=True)
    replies = [Reply(503, b"", retry_after=True), first, again]
    return Request("row", path, {}, f"key of {resource_id}", replies=replies)


def _event(sequence: int, kind: str, status: str, movement_id: str | None = None, payment_id: str = PAID) -> Event:
    at = NOON + timedelta(seconds=sequence)
    return Event(
        id=f"{payment_id} event {sequence}",
        payment_id=payment_id,
        movement_id=movement_id,
        kind="payment" if movement_id is None else movement_id.partition("-")[0],
        sequence=sequence,
        type=kind,
        status=status,
        at=at,
    )


def _of_reserved(sequence: int, kind: str, status: str, movement_id: str | None = None) -> Event:
    return _event(sequence, kind, status, movement_id, RESERVED)


EVENTS = (
    _event(1, "payment.initiated", "pending"),
    _event(2, "payment.processing", "processing"),
    _event(3, "payment.completed", "completed"),
    _event(4, "refund.initiated", "pending", REFUNDED),
    _event(5, "refund.processing", "processing", REFUNDED),
    _event(6, "refund.completed", "succeeded", REFUNDED),
    _event(7, "payment.partially_refunded", "partially_refunded"),
)
EVENTS_OF_RESERVED = (
    _of_reserved(1, "payment.initiated", "pending"),
    _of_reserved(2, "payment.processing", "processing"),
    _of_reserved(3, "payment.authorized", "authorized"),
    _of_reserved(4, "capture.initiated", "pending", CAPTURED),
    _of_reserved(5, "capture.processing", "processing", CAPTURED),
    _of_reserved(6, "capture.completed", "succeeded", CAPTURED),
    _of_reserved(7, "payment.partially_captured", "authorized"),
    _of_reserved(8, "capture.initiated", "pending", CAPTURED_LATER),
    _of_reserved(9, "capture.processing", "processing", CAPTURED_LATER),
    _of_reserved(10, "capture.in_doubt", "in_doubt", CAPTURED_LATER),
    _of_reserved(11, "capture.completed", "succeeded", CAPTURED_LATER),
    _of_reserved(12, "payment.completed", "completed"),
)
PAYMENT = Payment(
    id=PAID,
    status="partially_refunded",
    capture_method="automatic",
    amount=1000,
    authorized=0,
    capture_pending=0,
    captured=1000,
    refunded=400,
    refund_pending=0,
    currency="KES",
    version=7,
    created_at=NOON,
)
# Captured in two parts, the last of them final: 100 of 1000 were released.
BY_HAND = Payment(
    id=RESERVED,
    status="completed",
    capture_method="manual",
    amount=1000,
    authorized=1000,
    capture_pending=0,
    captured=900,
    refunded=0,
    refund_pending=0,
    currency="KES",
    version=12,
    created_at=NOON,
)
REFUND = Movement(kind="refund", id=REFUNDED, payment_id=PAID, status="succeeded", amount=400, created_at=NOON)
CAPTURE = Movement(kind="capture", id=CAPTURED, payment_id=RESERVED, status="succeeded", amount=300, created_at=NOON)
LAST_CAPTURE = replace(CAPTURE, id=CAPTURED_LATER, amount=600, is_final=True)
PROVIDER = {
    PAID: Taken(times=1, captured=1000, refunded=400, keys=1),
    REFUNDED: Taken(times=1, refunded=400, moved=400, keys=1),
    RESERVED: Taken(times=1, captured=900, keys=1),
    CAPTURED: Taken(times=1, captured=300, moved=300, keys=1),
    CAPTURED_LATER: Taken(times=1, captured=600, moved=600, keys=1),
}
# It asks for what ended well.
ENDED = {each.id: f"what {each.id} says" for each in (EVENTS[2], EVENTS[5])}
CAME = {event_id: Arrived(payload=payload, times=2, taken=1) for event_id, payload in ENDED.items()}
TOLD = Told(endpoint="shop", wanted=ENDED, came=CAME)
SOUND = Truth(
    requests=(
        _asked(PAID),
        _asked(REFUNDED, f"/payments/{PAID}/refund"),
        _asked(RESERVED),
        _asked(CAPTURED, f"/payments/{RESERVED}/capture"),
        _asked(CAPTURED_LATER, f"/payments/{RESERVED}/capture"),
    ),
    payments={PAID: PAYMENT, RESERVED: BY_HAND},
    movements={REFUNDED: REFUND, CAPTURED: CAPTURE, CAPTURED_LATER: LAST_CAPTURE},
    events=(*EVENTS, *EVENTS_OF_RESERVED),
    audited={(event.payment_id, event.type): 2 for event in (*EVENTS, *EVENTS_OF_RESERVED)},
    provider=PROVIDER,
    shown={PAID: "partially_refunded", RESERVED: "completed"},
    heard=frozenset(event.id for event in (*EVENTS, *EVENTS_OF_RESERVED)),
    logged=frozenset(event.id for event in (*EVENTS, *EVENTS_OF_RESERVED)),
    told=(TOLD,),
)


def _payment(**changed: object) -> Mapping[str, Payment]:
    return {**SOUND.payments, PAID: replace(PAYMENT, **changed)}  # type: ignore[arg-type] # the test's own names


def _by_hand(**changed: object) -> Mapping[str, Payment]:
    return {**SOUND.payments, RESERVED: replace(BY_HAND, **changed)}  # type: ignore[arg-type] # the test's own names


def _movement(movement: Movement) -> Mapping[str, Movement]:
    return {**SOUND.movements, movement.id: movement}


def _without(movement_id: str) -> Mapping[str, Movement]:
    return {each: movement for each, movement in SOUND.movements.items() if each != movement_id}


def _and_then(event: Event) -> tuple[Event, ...]:
    return (*SOUND.events, event)


def _provider(reference: str, taken: Taken) -> Mapping[str, Taken]:
    return {**PROVIDER, reference: taken}


def _came(**changed: object) -> tuple[Told, ...]:
    """The first event came otherwise."""
    first = EVENTS[2].id
    return (replace(TOLD, came={**CAME, first: replace(CAME[first], **changed)}),)  # type: ignore[arg-type] # own names


def _answered(*replies: Reply) -> tuple[Request, ...]:
    return (Request("row", "/payments/initialize", {}, "key", replies=list(replies)),)


BROKEN: list[tuple[Invariant, Truth]] = [
    (
        invariants.taken_at_most_once,
        replace(SOUND, provider=_provider(PAID, Taken(times=2, captured=2000, refunded=400, keys=1))),
    ),
    (
        invariants.taken_at_most_once,
        replace(SOUND, provider=_provider(REFUNDED, Taken(times=1, refunded=400, moved=400, keys=2))),
    ),
    (
        invariants.taken_at_most_once,
        replace(SOUND, provider=_provider(CAPTURED, Taken(times=2, captured=600, moved=600, keys=1))),
    ),
    (invariants.nothing_accepted_is_lost, replace(SOUND, payments={}, events=())),
    (invariants.nothing_accepted_is_lost, replace(SOUND, movements=_without(REFUNDED))),
    (invariants.nothing_accepted_is_lost, replace(SOUND, movements=_without(CAPTURED))),
    (invariants.nothing_accepted_is_lost, replace(SOUND, shown={})),
    (invariants.everything_comes_to_an_end, replace(SOUND, payments=_payment(status="in_doubt"))),
    (
        invariants.everything_comes_to_an_end,
        replace(SOUND, movements=_movement(replace(REFUND, status="processing"))),
    ),
    (
        invariants.everything_comes_to_an_end,
        replace(SOUND, movements=_movement(replace(CAPTURE, status="in_doubt"))),
    ),
    # Its final capture is taken, and it still waits for another.
    (invariants.everything_comes_to_an_end, replace(SOUND, payments=_by_hand(status="authorized"))),
    # All of it is taken.
    (
        invariants.everything_comes_to_an_end,
        replace(SOUND, payments=_by_hand(status="authorized", captured=1000), movements={}),
    ),
    # Nobody captures what is taken at once.
    (
        invariants.everything_comes_to_an_end,
        replace(SOUND, payments=_payment(status="authorized", authorized=1000, captured=0)),
    ),
    (invariants.sums_agree, replace(SOUND, payments=_payment(captured=999))),
    (
        invariants.sums_agree,
        replace(SOUND, provider=_provider(PAID, Taken(times=1, captured=1000, refunded=800, keys=1))),
    ),
    (invariants.sums_agree, replace(SOUND, payments=_by_hand(captured=300))),
    (invariants.sums_agree, replace(SOUND, movements=_movement(replace(CAPTURE, status="failed")))),
    (
        invariants.sums_agree,
        replace(SOUND, provider=_provider(CAPTURED_LATER, Taken(times=1, keys=1))),
    ),
    (invariants.completed_means_taken, replace(SOUND, provider={})),
    (invariants.completed_means_taken, replace(SOUND, payments=_payment(status="failed"))),
    (invariants.completed_means_taken, replace(SOUND, payments=_payment(status="expired"))),
    (invariants.only_legal_transitions, replace(SOUND, events=(*EVENTS[:2], *EVENTS[3:]))),
    (invariants.only_legal_transitions, replace(SOUND, events=_and_then(_event(8, "payment.failed", "failed")))),
    (
        invariants.only_legal_transitions,
        replace(SOUND, events=_and_then(_event(8, "refund.processing", "processing", REFUNDED))),
    ),
    # A refund may still fail when it has succeeded; a capture may not.
    (
        invariants.only_legal_transitions,
        replace(SOUND, events=_and_then(_of_reserved(13, "capture.failed", "failed", CAPTURED))),
    ),
    (invariants.only_legal_transitions, replace(SOUND, events=(_event(1, "payment.completed", "completed"),))),
    (invariants.every_transition_is_audited, replace(SOUND, audited={})),
    (
        invariants.one_key_one_answer,
        replace(SOUND, requests=_answered(Reply(202, b'{"id":1}'), Reply(202, b'{"id":2}'))),
    ),
    (invariants.every_key_has_an_answer, replace(SOUND, requests=_answered(Reply(503, b"", retry_after=True)))),
    (invariants.every_event_is_heard, replace(SOUND, heard=frozenset({EVENTS[0].id}))),
    (invariants.every_event_is_in_the_log, replace(SOUND, logged=frozenset({EVENTS[0].id}))),
    (invariants.every_event_is_delivered, replace(SOUND, told=(replace(TOLD, came={}),))),
    # It was refused, or its answer came too late.
    (invariants.every_event_is_delivered, replace(SOUND, told=_came(taken=0))),
    (invariants.deliveries_say_what_the_log_says, replace(SOUND, told=_came(payload="something else"))),
    (invariants.deliveries_say_what_the_log_says, replace(SOUND, told=_came(complaints=("with another body",)))),
    (
        invariants.deliveries_say_what_the_log_says,
        replace(SOUND, told=(replace(TOLD, unbelievable=("no matching signature",)),)),
    ),
    (invariants.nobody_is_told_of_others, replace(SOUND, told=(replace(TOLD, strange=("another's",)),))),
    (invariants.refunds_stay_within_the_payment, replace(SOUND, payments=_payment(refund_pending=601))),
    (
        invariants.refunds_stay_within_the_payment,
        replace(SOUND, provider=_provider(PAID, Taken(times=1, captured=1000, refunded=1001, keys=1))),
    ),
    (invariants.captures_stay_within_the_reservation, replace(SOUND, payments=_by_hand(capture_pending=101))),
    (
        invariants.captures_stay_within_the_reservation,
        replace(SOUND, provider=_provider(RESERVED, Taken(times=1, captured=1001, keys=1))),
    ),
    (invariants.nothing_waits_anywhere, replace(SOUND, backlog=Backlog(unpublished=1))),
    (invariants.nothing_waits_anywhere, replace(SOUND, backlog=Backlog(unprocessed=1))),
    (invariants.nothing_waits_anywhere, replace(SOUND, backlog=Backlog(untold=1))),
    (invariants.nothing_waits_anywhere, replace(SOUND, backlog=Backlog(queued={"gw.q.cmd.cpay": 1}))),
    (invariants.only_honest_refusals, replace(SOUND, requests=_answered(Reply(500, b"")))),
    (invariants.only_honest_refusals, replace(SOUND, requests=_answered(Reply(503, b"")))),
]


def test_a_sound_truth_has_no_problems() -> None:
    assert problems_of(SOUND) == []


@pytest.mark.parametrize(("invariant", "truth"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_a_broken_truth_is_told(invariant: Invariant, truth: Truth) -> None:
    assert len(invariant(truth)) >= 1


@pytest.mark.parametrize(
    "movements", [{}, {CAPTURED: CAPTURE}], ids=["nothing was captured", "a part was, and it was not the last"]
)
def test_what_is_reserved_may_wait_for_its_merchant(movements: Mapping[str, Movement]) -> None:
    captured = sum(each.amount for each in movements.values())
    waiting = replace(SOUND, payments=_by_hand(status="authorized", captured=captured), movements=movements)

    assert invariants.everything_comes_to_an_end(waiting) == []


def test_every_invariant_has_been_broken_once() -> None:
    assert {invariant for invariant, _ in BROKEN} == set(INVARIANTS)


def test_the_counts_are_those_of_the_sentences() -> None:
    doubled = replace(SOUND, provider=_provider(PAID, Taken(times=2, captured=2000, refunded=400, keys=1)))
    lost = replace(SOUND, payments={}, movements={})
    stuck = replace(SOUND, payments=_payment(status="processing"))

    assert (invariants.doubled(SOUND), invariants.lost(SOUND), invariants.stuck(SOUND)) == (0, 0, 0)
    assert invariants.doubled(doubled) > 0
    assert invariants.lost(lost) == 5
    assert invariants.stuck(stuck) == 1


def test_a_debt_of_earlier_rows_is_not_counted_again() -> None:
    left, debts = Backlog(untold=3, unfinished=2), Backlog(untold=2, unfinished=2)

    assert (left.total, left.less(debts).total, left.less(debts).untold) == (5, 1, 1)


def test_a_webhook_that_comes_twice_is_delivered_once() -> None:
    assert invariants.delivered(SOUND) == len(ENDED)
    assert invariants.delivered(replace(SOUND, told=_came(taken=0))) == len(ENDED) - 1
