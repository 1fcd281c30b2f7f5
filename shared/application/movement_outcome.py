"""What an outcome does to a movement: one implementation, whatever moves."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar, assert_never

from shared.application.failures import failure_of
from shared.application.outcome_context import OutcomeContext
from shared.application.resending import (
    KEY_FORGOTTEN,
    PARKED_GRACE,
    SCHEDULE_SPENT,
    checks_are_spent,
    could_not_be_sent,
    delay_after_not_sent,
    delay_after_proof,
    key_may_be_forgotten,
)
from shared.domain.errors import IllegalTransition
from shared.domain.movement import Movement
from shared.domain.movement_status import MovementStatus, MovementTrigger
from shared.domain.outcome import Authorized, Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.runtime.metrics import NEEDS_REVIEW

MovementT = TypeVar("MovementT", bound=Movement)
T = MovementTrigger


class Book(ABC, Generic[MovementT]):
    """Where movements of one kind are written down, and what follows from one of them having moved.

    Whoever opens it holds the lock that guards the movement, and commits.
    """

    @abstractmethod
    def save(self, movement: MovementT) -> None:
        """Keep what was learned of it; it took no edge."""

    @abstractmethod
    def record(self, moved: MovementT, before: MovementStatus, event_type: str, details: Mapping[str, object]) -> None:
        """It took an edge: keep it, its event, and what follows."""

    @abstractmethod
    def contradicted(self, movement: MovementT, trigger: MovementTrigger) -> None:
        """Money is reported to have moved that was counted as not moved: somebody must look."""

    @abstractmethod
    def times_sent(self, movement: MovementT) -> int:
        """How many calls were meant to move the money."""

    @abstractmethod
    def first_sent_at(self, movement: MovementT) -> datetime | None:
        """When the first of these calls began."""

    @abstractmethod
    def send_again(self, movement: MovementT, delay_ms: int) -> None:
        """Have the worker send it, at once or after ``delay_ms``."""


def apply_to_movement(book: Book[MovementT], movement: MovementT, outcome: Outcome, context: OutcomeContext) -> None:
    if context.is_check and isinstance(outcome, InDoubt | NotSent):
        _ask_again(book, movement, outcome, context)
        return
    if isinstance(outcome, NotSent):
        delay_ms = delay_after_not_sent(outcome, movement.expires_at, context)
        _requeue_or_give_up(book, movement, outcome.reason, context, delay_ms)
        return
    _move(book, _with_facts(movement, outcome, context), _trigger(outcome), outcome, context)


def _trigger(outcome: Authorized | Declined | InDoubt | Pending | Succeeded) -> MovementTrigger:
    match outcome:
        case Succeeded():
            return T.SUCCEED
        case Pending() | Authorized():  # what is only reserved has not moved
            return T.ACCEPT
        case Declined():
            return T.DECLINE
        case InDoubt():
            return T.DOUBT
        case unreachable:
            assert_never(unreachable)


def _with_facts(movement: MovementT, outcome: Outcome, context: OutcomeContext) -> MovementT:
    checks_made = movement.checks_made + int(context.is_check)
    # Whatever was said ends the review: somebody knows.
    review_since = movement.review_since if isinstance(outcome, InDoubt | NotSent) else None
    return replace(
        movement.with_reference(movement.reference or getattr(outcome, "reference", None)),
        provider_response=getattr(outcome, "answer", None) or movement.provider_response,
        checks_made=checks_made,
        next_check_at=None if review_since else context.checks.after(checks_made, context.now),
        review_since=review_since,
    )


def _move(
    book: Book[MovementT], movement: MovementT, trigger: MovementTrigger, outcome: Outcome, context: OutcomeContext
) -> None:
    try:
        moved, transition = movement.on(trigger, context.now)
    except IllegalTransition:
        _stay(book, movement, trigger)
        return
    if isinstance(outcome, Declined):
        moved = replace(moved, failure=failure_of(outcome))
    moved = moved if moved.is_unfinished else replace(moved, next_check_at=None)
    details = {"before": movement.status.value, "source": context.source(), "outcome": type(outcome).__name__}
    book.record(moved, movement.status, transition.event_type, details)


def _stay(book: Book[MovementT], movement: MovementT, trigger: MovementTrigger) -> None:
    """The table has no such edge. What is unfinished keeps what was learned; a contradiction is written down."""
    book.save(movement if movement.is_unfinished else replace(movement, next_check_at=None))
    if (movement.status, trigger) == (MovementStatus.FAILED, T.SUCCEED):
        book.contradicted(movement, trigger)


def _ask_again(book: Book[MovementT], movement: MovementT, outcome: InDoubt | NotSent, context: OutcomeContext) -> None:
    """A query that found nothing, or had no answer: only what the provider never knew of may be sent again."""
    never_arrived = isinstance(outcome, NotSent) and movement.reference is None
    if never_arrived and movement.status is MovementStatus.IN_DOUBT:
        delay_ms = delay_after_proof(book.times_sent(movement), movement.expires_at, context)
        _requeue_or_give_up(book, movement, outcome.reason, context, delay_ms)
        return
    if not movement.is_unfinished and movement.next_check_at is None:
        return
    asked = _with_facts(movement, outcome, context)
    if not movement.is_unfinished:
        # Their books contradict what is finished here: they are asked until they answer, or know nothing of it.
        is_open = isinstance(outcome, InDoubt) and not checks_are_spent(outcome, asked.checks_made, context)
        book.save(asked if is_open else replace(asked, next_check_at=None))
    elif checks_are_spent(outcome, asked.checks_made, context) and context.now >= movement.expires_at:
        park_movement(book, asked, SCHEDULE_SPENT, context)
    else:
        book.save(asked)


def park_movement(book: Book[MovementT], movement: MovementT, reason: str, context: OutcomeContext) -> None:
    """Nobody asks any more, nothing is sent any more: somebody must look. A callback still resolves it."""
    parked = replace(movement, review_since=movement.review_since or context.now, next_check_at=None)
    if movement.review_since is not None:
        book.save(parked)
        return
    book.record(parked, movement.status, f"{movement.noun}.needs_review", {"reason": reason})
    NEEDS_REVIEW.labels(provider=movement.provider, noun=movement.noun).inc()


def _requeue_or_give_up(
    book: Book[MovementT], movement: MovementT, reason: str, context: OutcomeContext, delay_ms: int | None
) -> None:
    if delay_ms is None:
        _move(book, movement, T.DECLINE, could_not_be_sent(reason), context)
        return
    if key_may_be_forgotten(book.first_sent_at(movement), delay_ms, context):
        park_movement(book, movement, KEY_FORGOTTEN, context)
        return
    try:
        moved, transition = movement.on(T.REQUEUE, context.now)
    except IllegalTransition:
        _stay(book, movement, T.REQUEUE)
        return
    due_at = context.now + timedelta(milliseconds=delay_ms)
    moved = replace(moved, next_check_at=due_at + PARKED_GRACE)
    details = {"before": movement.status.value, "reason": reason, "retry_in_ms": delay_ms}
    book.record(moved, movement.status, transition.event_type, details)
    book.send_again(moved, delay_ms)
