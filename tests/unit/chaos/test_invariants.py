"""Each invariant of the proof can fail: a hand-made truth that breaks it is told in a sentence; a sound one is not."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.chaos import invariants
from tests.chaos.invariants import INVARIANTS, Invariant, problems_of
from tests.chaos.merchant import Reply, Request
from tests.chaos.truth import Backlog, Event, Payment, Refund, Taken, Truth
from tests.fakes.clock import NOON

PAID, REFUNDED = "payment-1", "refund-1"


def _asked(resource_id: str, path: str = "/payments/initialize") -> Request:
    body = json.dumps({"id": resource_id}).encode()
    first, again = Reply(202, body), Reply(202, body, repeated=True)
    return Request("row", path, {}, f"key of {resource_id}", [Reply(503, b"", retry_after=True), first, again])


def _event(sequence: int, kind: str, status: str, refund_id: str | None = None) -> Event:
    at = NOON + timedelta(seconds=sequence)
    return Event(
        id=f"event-{sequence}",
        payment_id=PAID,
        refund_id=refund_id,
        sequence=sequence,
        type=kind,
        status=status,
        at=at,
    )


EVENTS = (
    _event(1, "payment.initiated", "pending"),
    _event(2, "payment.processing", "processing"),
    _event(3, "payment.completed", "completed"),
    _event(4, "refund.initiated", "pending", REFUNDED),
    _event(5, "refund.processing", "processing", REFUNDED),
    _event(6, "refund.completed", "succeeded", REFUNDED),
    _event(7, "payment.partially_refunded", "partially_refunded"),
)
PAYMENT = Payment(
    id=PAID,
    status="partially_refunded",
    amount=1000,
    captured=1000,
    refunded=400,
    refund_pending=0,
    currency="KES",
    version=7,
    created_at=NOON,
)
REFUND = Refund(id=REFUNDED, payment_id=PAID, status="succeeded", amount=400, created_at=NOON)
PROVIDER = {
    PAID: Taken(times=1, captured=1000, refunded=400, keys=1),
    REFUNDED: Taken(times=1, refunded=400, keys=1),
}
SOUND = Truth(
    requests=(_asked(PAID), _asked(REFUNDED, f"/payments/{PAID}/refund")),
    payments={PAID: PAYMENT},
    refunds={REFUNDED: REFUND},
    events=EVENTS,
    audited={(PAID, event.type): 1 for event in EVENTS},
    provider=PROVIDER,
    shown={PAID: "partially_refunded"},
    heard=frozenset(event.id for event in EVENTS),
)


def _payment(**changed: object) -> Mapping[str, Payment]:
    return {PAID: replace(PAYMENT, **changed)}  # type: ignore[arg-type] # the test's own names


def _provider(reference: str, taken: Taken) -> Mapping[str, Taken]:
    return {**PROVIDER, reference: taken}


def _answered(*replies: Reply) -> tuple[Request, ...]:
    return (Request("row", "/payments/initialize", {}, "key", list(replies)),)


BROKEN: list[tuple[Invariant, Truth]] = [
    (
        invariants.taken_at_most_once,
        replace(SOUND, provider=_provider(PAID, Taken(times=2, captured=2000, refunded=400, keys=1))),
    ),
    (
        invariants.taken_at_most_once,
        replace(SOUND, provider=_provider(REFUNDED, Taken(times=1, refunded=400, keys=2))),
    ),
    (invariants.nothing_accepted_is_lost, replace(SOUND, payments={}, events=())),
    (invariants.nothing_accepted_is_lost, replace(SOUND, refunds={})),
    (invariants.nothing_accepted_is_lost, replace(SOUND, shown={})),
    (invariants.everything_comes_to_an_end, replace(SOUND, payments=_payment(status="in_doubt"))),
    (
        invariants.everything_comes_to_an_end,
        replace(SOUND, refunds={REFUNDED: replace(REFUND, status="processing")}),
    ),
    (invariants.sums_agree, replace(SOUND, payments=_payment(captured=999))),
    (
        invariants.sums_agree,
        replace(SOUND, provider=_provider(PAID, Taken(times=1, captured=1000, refunded=800, keys=1))),
    ),
    (invariants.completed_means_taken, replace(SOUND, provider={})),
    (invariants.completed_means_taken, replace(SOUND, payments=_payment(status="failed"))),
    (invariants.completed_means_taken, replace(SOUND, payments=_payment(status="expired"))),
    (invariants.only_legal_transitions, replace(SOUND, events=(*EVENTS[:2], *EVENTS[3:]))),
    (
        invariants.only_legal_transitions,
        replace(SOUND, events=(*EVENTS, _event(8, "payment.failed", "failed"))),
    ),
    (
        invariants.only_legal_transitions,
        replace(SOUND, events=(*EVENTS, _event(8, "refund.processing", "processing", REFUNDED))),
    ),
    (invariants.only_legal_transitions, replace(SOUND, events=(_event(1, "payment.completed", "completed"),))),
    (invariants.every_transition_is_audited, replace(SOUND, audited={})),
    (
        invariants.one_key_one_answer,
        replace(SOUND, requests=_answered(Reply(202, b'{"id":1}'), Reply(202, b'{"id":2}'))),
    ),
    (invariants.every_key_has_an_answer, replace(SOUND, requests=_answered(Reply(503, b"", retry_after=True)))),
    (invariants.every_event_is_heard, replace(SOUND, heard=frozenset({"event-1"}))),
    (invariants.refunds_stay_within_the_payment, replace(SOUND, payments=_payment(refund_pending=601))),
    (
        invariants.refunds_stay_within_the_payment,
        replace(SOUND, provider=_provider(PAID, Taken(times=1, captured=1000, refunded=1001, keys=1))),
    ),
    (invariants.nothing_waits_anywhere, replace(SOUND, backlog=Backlog(unpublished=1))),
    (invariants.nothing_waits_anywhere, replace(SOUND, backlog=Backlog(unprocessed=1))),
    (invariants.nothing_waits_anywhere, replace(SOUND, backlog=Backlog(queued={"gw.q.cmd.cpay": 1}))),
    (invariants.only_honest_refusals, replace(SOUND, requests=_answered(Reply(500, b"")))),
    (invariants.only_honest_refusals, replace(SOUND, requests=_answered(Reply(503, b"")))),
]


def test_a_sound_truth_has_no_problems() -> None:
    assert problems_of(SOUND) == []


@pytest.mark.parametrize(("invariant", "truth"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_a_broken_truth_is_told(invariant: Invariant, truth: Truth) -> None:
    assert len(invariant(truth)) >= 1


def test_every_invariant_has_been_broken_once() -> None:
    assert {invariant for invariant, _ in BROKEN} == set(INVARIANTS)


def test_the_counts_are_those_of_the_sentences() -> None:
    doubled = replace(SOUND, provider=_provider(PAID, Taken(times=2, captured=2000, refunded=400, keys=1)))
    lost = replace(SOUND, payments={}, refunds={})
    stuck = replace(SOUND, payments=_payment(status="processing"))

    assert (invariants.doubled(SOUND), invariants.lost(SOUND), invariants.stuck(SOUND)) == (0, 0, 0)
    assert invariants.doubled(doubled) > 0
    assert invariants.lost(lost) == 2
    assert invariants.stuck(stuck) == 1
