"""What an outcome does to a payment."""

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from shared.application.addressing import command_later, command_now
from shared.application.commands import next_payment_command
from shared.application.failures import failure_of
from shared.application.journal import record_audit, record_payment_event
from shared.application.outcome_context import OutcomeContext
from shared.domain.attempt import Operation, provider_key
from shared.domain.errors import IllegalTransition
from shared.domain.failure import FailureCode
from shared.domain.outcome import Authorized, Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import NOT_TAKEN, TransactionStatus, TransactionTrigger
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.metrics import LATE_SUCCESSES, REFUSED_REPORTS

T = TransactionTrigger

# A parked retry comes back by itself; this much later the recovery sweep assumes that it was lost.
PARKED_GRACE = timedelta(seconds=30)

# How a provider's "no" is told apart from the customer's, and from nobody acting in time.
_DECLINE_TRIGGERS = {FailureCode.CANCELLED_BY_CUSTOMER: T.CANCEL, FailureCode.EXPIRED: T.EXPIRE}


def apply_to_payment(work: UnitOfWork, payment: Transaction, outcome: Outcome, context: OutcomeContext) -> None:
    if context.is_check and isinstance(outcome, InDoubt | NotSent):
        _ask_again(work, payment, outcome, context)
        return
    if isinstance(outcome, NotSent):
        _retry_or_give_up(work, payment, outcome, context)
        return
    trigger = _trigger(outcome)
    if trigger in {T.ACCEPT, T.REQUIRE_ACTION} and _is_overdue(payment, context):
        trigger, outcome = T.EXPIRE, _nobody_acted()
    _move(work, _with_facts(payment, outcome, context), trigger, outcome, context)


def _trigger(outcome: Authorized | Declined | InDoubt | Pending | Succeeded) -> TransactionTrigger:
    match outcome:
        case Succeeded():
            return T.SUCCEED
        case Authorized():
            return T.AUTHORIZE
        case Pending(next_action=None):
            return T.ACCEPT
        case Pending():
            return T.REQUIRE_ACTION
        case Declined():
            return _DECLINE_TRIGGERS.get(FailureCode(outcome.code), T.DECLINE)
        case InDoubt():
            return T.DOUBT
        case unreachable:
            assert_never(unreachable)


def _with_facts(payment: Transaction, outcome: Outcome, context: OutcomeContext) -> Transaction:
    """The payment with what the outcome tells of it, whether or not it moves."""
    reference = getattr(outcome, "reference", None) or payment.provider_transaction_id
    # A late failure must not take the place of the proof that the money came.
    answer = getattr(outcome, "answer", None) if payment.is_unfinished or isinstance(outcome, Succeeded) else None
    checks_made = payment.checks_made + int(context.is_check)
    return replace(
        payment,
        provider_transaction_id=payment.provider_transaction_id or reference,
        provider_response=answer or payment.provider_response,
        checks_made=checks_made,
        next_check_at=context.checks.after(checks_made, context.now),
    )


def _move(
    work: UnitOfWork, payment: Transaction, trigger: TransactionTrigger, outcome: Outcome, context: OutcomeContext
) -> None:
    before = payment.status
    try:
        moved, transition = payment.on(trigger, context.now)
    except IllegalTransition:
        _stay(work, payment, trigger, context)
        return
    moved = _settled(moved, before, outcome)
    work.transactions.save(moved)
    details = {"before": before.value, "source": context.source(), "outcome": type(outcome).__name__}
    if isinstance(outcome, InDoubt):
        details["reason"] = outcome.reason
    record_payment_event(work, moved, transition.event_type, context.actor, details)
    if moved.late:
        LATE_SUCCESSES.labels(provider=moved.provider).inc()


def _settled(moved: Transaction, before: TransactionStatus, outcome: Outcome) -> Transaction:
    """What follows from having moved: money taken, a failure's words, nothing more to check."""
    if isinstance(outcome, Succeeded):
        late = moved.late or before in NOT_TAKEN
        moved = replace(moved, captured=moved.amount, failure=None, next_action=None, late=late)
    elif isinstance(outcome, Declined):
        moved = replace(moved, failure=failure_of(outcome), next_action=None)
    elif isinstance(outcome, Pending):
        moved = replace(moved, next_action=outcome.next_action)
    return moved if moved.is_unfinished else replace(moved, next_check_at=None)


def _stay(work: UnitOfWork, payment: Transaction, trigger: TransactionTrigger, context: OutcomeContext) -> None:
    """The table has no such edge. What is unfinished keeps what was learned; a contradiction is written down."""
    if payment.is_unfinished:
        work.transactions.save(replace(payment, updated_at=context.now))
        return
    work.transactions.save(replace(payment, next_check_at=None))
    if trigger in {T.DECLINE, T.CANCEL, T.EXPIRE} and payment.status not in NOT_TAKEN:
        REFUSED_REPORTS.labels(provider=payment.provider, reason="late_failure").inc()
        details = {"trigger": trigger.value, "status": payment.status.value, "source": context.source()}
        record_audit(work, replace(payment, updated_at=context.now), "outcome.refused", context.actor, details)


def _ask_again(work: UnitOfWork, payment: Transaction, outcome: InDoubt | NotSent, context: OutcomeContext) -> None:
    """A query that found nothing, or had no answer: only what the provider never knew of may be sent again."""
    never_arrived = isinstance(outcome, NotSent) and payment.provider_transaction_id is None
    if never_arrived and payment.status is TransactionStatus.IN_DOUBT:
        _send_again(work, payment, outcome.reason, context)
    elif payment.is_unfinished or (payment.next_check_at is not None and isinstance(outcome, InDoubt)):
        work.transactions.save(_with_facts(payment, outcome, context))
    else:
        # Finished, and they know nothing that contradicts it.
        work.transactions.save(replace(payment, next_check_at=None))


def _send_again(work: UnitOfWork, payment: Transaction, reason: str, context: OutcomeContext) -> None:
    """Proven not to have arrived: at once the first time, then up the ladder, until that is spent."""
    sent = work.attempts.count(provider_key(Operation.INITIALIZE_PAYMENT, payment.id))
    delay_ms = context.ladder.delay_ms(sent - 1) if sent > 1 else 0
    if delay_ms is None or context.now + timedelta(milliseconds=delay_ms) >= payment.expires_at:
        _move(work, payment, T.EXPIRE, _could_not_be_sent(reason), context)
    else:
        _requeue(work, payment, reason, context, delay_ms=delay_ms)


def _retry_or_give_up(work: UnitOfWork, payment: Transaction, outcome: NotSent, context: OutcomeContext) -> None:
    """Surely not executed: send it again later, while there is time; the only outcome that is sent again."""
    delay_ms = context.ladder.delay_ms(context.tries_made)
    if outcome.retry_after_seconds is not None and delay_ms is not None:
        delay_ms = context.ladder.at_least(outcome.retry_after_seconds * 1000, delay_ms)
    if delay_ms is None or context.now + timedelta(milliseconds=delay_ms) >= payment.expires_at:
        _move(work, payment, T.EXPIRE, _could_not_be_sent(outcome.reason), context)
        return
    _requeue(work, payment, outcome.reason, context, delay_ms=delay_ms)


def _requeue(work: UnitOfWork, payment: Transaction, reason: str, context: OutcomeContext, *, delay_ms: int) -> None:
    before = payment.status
    try:
        moved, transition = payment.on(T.REQUEUE, context.now)
    except IllegalTransition:
        _stay(work, payment, T.REQUEUE, context)
        return
    due_at = context.now + timedelta(milliseconds=delay_ms)
    moved = replace(moved, next_check_at=due_at + PARKED_GRACE)
    work.transactions.save(moved)
    details = {"before": before.value, "reason": reason, "retry_in_ms": delay_ms}
    record_payment_event(work, moved, transition.event_type, context.actor, details)
    command = next_payment_command(moved, context.now)
    work.outbox.add(command_later(command, delay_ms) if delay_ms else command_now(command))


def _is_overdue(payment: Transaction, context: OutcomeContext) -> bool:
    return context.is_check and context.now >= payment.expires_at


def _nobody_acted() -> Declined:
    return Declined(code=FailureCode.EXPIRED)


def _could_not_be_sent(reason: str) -> Declined:
    return Declined(code=FailureCode.PROVIDER_UNAVAILABLE, provider_message=reason)
