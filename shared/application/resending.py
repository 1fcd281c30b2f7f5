"""When something may be sent to the provider again, and when that is over; the same for payments and movements."""

from datetime import datetime, timedelta

from shared.application.outcome_context import OutcomeContext
from shared.domain.failure import FailureCode
from shared.domain.outcome import Declined, InDoubt, NotSent

# A parked retry comes back by itself; this much later the recovery sweep assumes that it was lost.
PARKED_GRACE = timedelta(seconds=30)

# Between our clock's "still known" and the provider's, with a queue between them.
WINDOW_MARGIN = timedelta(hours=1)

# Why somebody must look.
SCHEDULE_SPENT = "check_schedule_spent"
KEY_FORGOTTEN = "idempotency_window_over"


def delay_after_not_sent(outcome: NotSent, expires_at: datetime, context: OutcomeContext) -> int | None:
    """Milliseconds until the next try of what surely was not executed; ``None``: there is no time left."""
    delay_ms = context.ladder.delay_ms(context.tries_made)
    if outcome.retry_after_seconds is not None and delay_ms is not None:
        delay_ms = context.ladder.at_least(outcome.retry_after_seconds * 1000, delay_ms)
    return _in_time(delay_ms, expires_at, context)


def delay_after_proof(sent: int, expires_at: datetime, context: OutcomeContext) -> int | None:
    """The same for what was sent ``sent`` times and provably never arrived: at once first, then up the ladder."""
    delay_ms = context.ladder.delay_ms(sent - 1) if sent > 1 else 0
    return _in_time(delay_ms, expires_at, context)


def key_may_be_forgotten(first_sent_at: datetime | None, delay_ms: int, context: OutcomeContext) -> bool:
    """Whether the provider may take a repetition after ``delay_ms`` for something new: then nothing is sent again."""
    if first_sent_at is None or context.idempotency_window is None:
        return False
    sent_at = context.now + timedelta(milliseconds=delay_ms)
    return sent_at >= first_sent_at + context.idempotency_window - WINDOW_MARGIN


def checks_are_spent(outcome: InDoubt | NotSent, checks_made: int, context: OutcomeContext) -> bool:
    """Whether this was the last check of the schedule; one that was not made never is."""
    was_asked = isinstance(outcome, NotSent) or outcome.was_asked
    return was_asked and context.checks.is_spent(checks_made)


def could_not_be_sent(reason: str) -> Declined:
    return Declined(code=FailureCode.PROVIDER_UNAVAILABLE, provider_message=reason)


def _in_time(delay_ms: int | None, expires_at: datetime, context: OutcomeContext) -> int | None:
    if delay_ms is None or context.now + timedelta(milliseconds=delay_ms) >= expires_at:
        return None
    return delay_ms
