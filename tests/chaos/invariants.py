"""What must be true after every fault, one function each; each returns a sentence for everything that is broken.

The numbers are those of docs/proof.md.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

from shared.domain.movement_status import UNFINISHED as UNFINISHED_MOVEMENTS
from shared.domain.movement_status import MovementStatus
from shared.domain.transaction import CaptureMethod
from shared.domain.transaction_status import UNFINISHED, TransactionStatus
from tests.chaos.kinds import EDGES
from tests.chaos.truth import Event, Movement, Payment, Taken, Told, Truth

Invariant = Callable[[Truth], list[str]]

TAKEN = frozenset({TransactionStatus.COMPLETED, TransactionStatus.PARTIALLY_REFUNDED, TransactionStatus.REFUNDED})
NOTHING = Taken()


def taken_at_most_once(truth: Truth) -> list[str]:
    """I1: the provider took, or gave back, at most once for each reference, and was asked with one key alone."""
    return [
        f"{reference}: the provider acted {taken.times} times, asked with {taken.keys} keys"
        for reference, taken in truth.provider.items()
        if taken.times > 1 or taken.keys > 1
    ]


def doubled(truth: Truth) -> int:
    """How many payments and movements were executed more than once."""
    twice = sum(taken.times > 1 for taken in truth.provider.values())
    return twice + sum(_taken(truth, each.id).captured > each.amount for each in truth.payments.values())


def nothing_accepted_is_lost(truth: Truth) -> list[str]:
    """I2a: what was answered with 202 is there, in the database and at the API."""
    return [f"{kind} {each}: accepted, and not {where}" for kind, each, where in _lost(truth)]


def lost(truth: Truth) -> int:
    return len({each for _, each, _ in _lost(truth)})


def _lost(truth: Truth) -> Iterator[tuple[str, str, str]]:
    for request in truth.requests:
        accepted = request.resource_id
        if accepted is None:
            continue
        stored = truth.payments if request.kind == "payment" else truth.movements
        if accepted not in stored:
            yield request.kind, accepted, "in the database"
        if request.kind == "payment" and accepted not in truth.shown:
            yield request.kind, accepted, "shown by the API"


def everything_comes_to_an_end(truth: Truth) -> list[str]:
    """I2b: every payment and movement is finished when the deadline is over; a reservation waits for its merchant."""
    payments = [
        f"payment {each.id}: still {each.status}"
        for each in truth.payments.values()
        if _is_open(each.status) and not _waits_for_its_merchant(truth, each)
    ]
    return payments + [
        f"{each.kind} {each.id}: still {each.status}"
        for each in truth.movements.values()
        if MovementStatus(each.status) in UNFINISHED_MOVEMENTS
    ]


def stuck(truth: Truth) -> int:
    return len(everything_comes_to_an_end(truth))


def _is_open(status: str) -> bool:
    return TransactionStatus(status) in UNFINISHED


def _waits_for_its_merchant(truth: Truth, payment: Payment) -> bool:
    """Reserved, and some of it may still be captured."""
    is_reserved = payment.status == TransactionStatus.AUTHORIZED and payment.capture_method == CaptureMethod.MANUAL
    return (
        is_reserved
        and payment.captured < payment.authorized
        and not any(
            each.is_final and each.status == MovementStatus.SUCCEEDED
            for each in truth.movements.values()
            if each.payment_id == payment.id
        )
    )


def sums_agree(truth: Truth) -> list[str]:
    """I3: taken less given back is the same here and there, in each currency, for each payment and each movement."""
    ours: defaultdict[str, int] = defaultdict(int)
    theirs: defaultdict[str, int] = defaultdict(int)
    problems = []
    for payment in truth.payments.values():
        taken = _taken(truth, payment.id)
        ours[payment.currency] += payment.captured - payment.refunded
        theirs[payment.currency] += taken.captured - taken.refunded
        if (payment.captured, payment.refunded) != (taken.captured, taken.refunded):
            problems.append(
                f"payment {payment.id}: we say {payment.captured} taken and {payment.refunded} given back, "
                f"the provider {taken.captured} and {taken.refunded}"
            )
    problems += [problem for each in truth.movements.values() for problem in _moved_otherwise(truth, each)]
    return problems + [
        f"{currency}: {ours[currency]} here, {theirs[currency]} at the provider"
        for currency in ours
        if ours[currency] != theirs[currency]
    ]


def _moved_otherwise(truth: Truth, movement: Movement) -> Iterator[str]:
    here = movement.amount if movement.status == MovementStatus.SUCCEEDED else 0
    there = _taken(truth, movement.id).moved
    if here != there:
        yield f"{movement.kind} {movement.id}: {here} moved here, {there} at the provider"


def completed_means_taken(truth: Truth) -> list[str]:
    """I4: completed, and the provider has the money; failed, cancelled or expired, and it has not."""
    problems = []
    for payment in truth.payments.values():
        was_taken = _taken(truth, payment.id).captured > 0
        if TransactionStatus(payment.status) in TAKEN and not was_taken:
            problems.append(f"payment {payment.id}: {payment.status}, and the provider took nothing")
        if TransactionStatus(payment.status) not in TAKEN and not _is_open(payment.status) and was_taken:
            problems.append(f"payment {payment.id}: {payment.status}, and the provider took the money")
    return problems


def only_legal_transitions(truth: Truth) -> list[str]:
    """I5: the event log of each payment has no hole, and walks along the state tables."""
    by_payment: defaultdict[str, list[Event]] = defaultdict(list)
    for event in truth.events:
        by_payment[event.payment_id].append(event)
    return [
        problem
        for payment_id, events in by_payment.items()
        for problem in _walk(payment_id, sorted(events, key=lambda event: event.sequence))
    ]


def _walk(payment_id: str, events: Sequence[Event]) -> Iterator[str]:
    if [event.sequence for event in events] != list(range(1, len(events) + 1)):
        yield f"payment {payment_id}: its events have a hole"
    now: dict[str, str] = {}  # of the payment and of each of its movements
    for event in events:
        before = now.get(event.subject, "")
        if (before, event.status, event.type) not in EDGES[event.kind]:
            yield f"payment {payment_id}: {event.type} from {before or 'nothing'} to {event.status}"
        now[event.subject] = event.status


def every_transition_is_audited(truth: Truth) -> list[str]:
    """I6: the audit trail has at least one entry for each event."""
    happened = Counter((event.payment_id, event.type) for event in truth.events)
    return [
        f"payment {payment_id}: {kind} happened {times} times, audited {truth.audited.get((payment_id, kind), 0)} times"
        for (payment_id, kind), times in happened.items()
        if truth.audited.get((payment_id, kind), 0) < times
    ]


def one_key_one_answer(truth: Truth) -> list[str]:
    """I7: whoever repeats a key gets the first answer, byte for byte."""
    return [
        f"key {request.key}: {len(answers)} different answers"
        for request in truth.requests
        if len(answers := {reply.body for reply in request.replies if reply.accepted}) > 1
    ]


def every_key_has_an_answer(truth: Truth) -> list[str]:
    """I7: a merchant who keeps asking is answered."""
    return [
        f"key {request.key}: never answered ({request.unanswered} tries, {[each.status for each in request.replies]})"
        for request in truth.requests
        if not any(reply.is_final for reply in request.replies)
    ]


def every_event_is_heard(truth: Truth) -> list[str]:
    """I8: the client that listens has heard of every event, at least once."""
    missed = [event.id for event in truth.events if event.id not in truth.heard]
    return [f"{len(missed)} of {len(truth.events)} events were not heard, such as {missed[0]}"] if missed else []


def every_event_is_in_the_log(truth: Truth) -> list[str]:
    """I8: the log that the API gives has every event."""
    missed = [event.id for event in truth.events if event.id not in truth.logged]
    return [f"{len(missed)} of {len(truth.events)} events are not in the log, such as {missed[0]}"] if missed else []


def every_event_is_delivered(truth: Truth) -> list[str]:
    """I8: each endpoint has taken every event that it asks for, at least once."""
    return [
        f"{told.endpoint}: {len(missed)} of {len(told.wanted)} events were never taken, such as {missed[0]}"
        for told in truth.told
        if (missed := [each for each in told.wanted if each not in told.came or not told.came[each].taken])
    ]


def delivered(truth: Truth) -> int:
    """How many webhooks were taken, each counted once for its endpoint."""
    return sum(arrived.taken > 0 for told in truth.told for arrived in told.came.values())


def deliveries_say_what_the_log_says(truth: Truth) -> list[str]:
    """I8: a webhook is signed, says what the log says, and says the same under the same id however often it comes."""
    return [problem for told in truth.told for problem in _said_otherwise(told)]


def _said_otherwise(told: Told) -> Iterator[str]:
    yield from (f"{told.endpoint}: {each}" for each in told.unbelievable)
    for event_id, logged in told.wanted.items():
        if event_id not in told.came:
            continue
        arrived = told.came[event_id]
        yield from (f"{told.endpoint}: event {event_id}: {each}" for each in arrived.complaints)
        if arrived.payload != logged:
            yield f"{told.endpoint}: event {event_id} says something else than the log"


def nobody_is_told_of_others(truth: Truth) -> list[str]:
    """I14: no endpoint gets an event of another merchant, or one that it does not ask for."""
    return [f"{told.endpoint}: event {each} is not for it" for told in truth.told for each in told.strange]


def refunds_stay_within_the_payment(truth: Truth) -> list[str]:
    """I9: no more is given back than was taken, here and there."""
    return [
        f"payment {each.id}: {each.refunded} given back here, {_taken(truth, each.id).refunded} there, "
        f"of {each.captured} taken"
        for each in truth.payments.values()
        if max(each.refunded + each.refund_pending, _taken(truth, each.id).refunded) > each.captured
    ]


def captures_stay_within_the_reservation(truth: Truth) -> list[str]:
    """I9: no more is captured by hand than was reserved, here and there."""
    return [
        f"payment {each.id}: {each.captured} captured here, {_taken(truth, each.id).captured} there, "
        f"of {each.authorized} reserved"
        for each in truth.payments.values()
        if each.capture_method == CaptureMethod.MANUAL
        and max(each.captured + each.capture_pending, _taken(truth, each.id).captured) > each.authorized
    ]


def nothing_waits_anywhere(truth: Truth) -> list[str]:
    """I11: the outbox and all work queues are empty, every callback is processed, every webhook delivered."""
    backlog = truth.backlog
    counts = {
        "messages in the outbox": backlog.unpublished,
        "unprocessed callbacks": backlog.unprocessed,
        "undelivered webhooks": backlog.untold,
    }
    counts |= {f"messages in {name}": waiting for name, waiting in backlog.queued.items()}
    return [f"{count} {what}" for what, count in counts.items() if count]


def only_honest_refusals(truth: Truth) -> list[str]:
    """I13: the API answers no 5xx but 503 with ``Retry-After``."""
    count = server_errors(truth)
    statuses = {reply.status for request in truth.requests for reply in request.replies if reply.status >= 500}
    return [f"{count} answers of {sorted(statuses)} without Retry-After"] if count else []


def server_errors(truth: Truth) -> int:
    replies = (reply for request in truth.requests for reply in request.replies)
    return sum(reply.status >= 500 and not (reply.status == 503 and reply.retry_after) for reply in replies)


INVARIANTS: tuple[Invariant, ...] = (
    taken_at_most_once,
    nothing_accepted_is_lost,
    everything_comes_to_an_end,
    sums_agree,
    completed_means_taken,
    only_legal_transitions,
    every_transition_is_audited,
    one_key_one_answer,
    every_key_has_an_answer,
    every_event_is_heard,
    every_event_is_in_the_log,
    every_event_is_delivered,
    deliveries_say_what_the_log_says,
    nobody_is_told_of_others,
    refunds_stay_within_the_payment,
    captures_stay_within_the_reservation,
    nothing_waits_anywhere,
    only_honest_refusals,
)


def problems_of(truth: Truth) -> list[str]:
    """Everything that is broken, each with the invariant that says so."""
    return [f"{each.__name__}: {problem}" for each in INVARIANTS for problem in each(truth)]


def _taken(truth: Truth, reference: str) -> Taken:
    return truth.provider.get(reference, NOTHING)
