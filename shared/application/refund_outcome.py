"""What an outcome does to a refund, and through it to its payment."""

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from shared.application.addressing import command_later, command_now
from shared.application.commands import next_refund_command
from shared.application.failures import failure_of
from shared.application.journal import record_audit, record_payment_event, record_refund_event
from shared.application.outcome_context import OutcomeContext
from shared.application.payment_outcome import PARKED_GRACE
from shared.domain.attempt import Operation, provider_key
from shared.domain.errors import IllegalTransition
from shared.domain.failure import FailureCode
from shared.domain.outcome import Authorized, Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.domain.refund import Refund
from shared.domain.refund_status import RefundStatus, RefundTrigger
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionTrigger
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.metrics import REFUSED_REPORTS

R, T = RefundTrigger, TransactionTrigger


def apply_to_refund(
    work: UnitOfWork, payment: Transaction, refund: Refund, outcome: Outcome, context: OutcomeContext
) -> None:
    if context.is_check and isinstance(outcome, InDoubt | NotSent):
        _ask_again(work, payment, refund, outcome, context)
        return
    if isinstance(outcome, NotSent):
        _retry_or_give_up(work, payment, refund, outcome, context)
        return
    _move(work, payment, _with_facts(refund, outcome, context), _trigger(outcome), outcome, context)


def _trigger(outcome: Authorized | Declined | InDoubt | Pending | Succeeded) -> RefundTrigger:
    match outcome:
        case Succeeded() | Authorized():
            return R.SUCCEED
        case Pending():
            return R.ACCEPT
        case Declined():
            return R.DECLINE
        case InDoubt():
            return R.DOUBT
        case unreachable:
            assert_never(unreachable)


def _with_facts(refund: Refund, outcome: Outcome, context: OutcomeContext) -> Refund:
    checks_made = refund.checks_made + int(context.is_check)
    return replace(
        refund,
        provider_refund_id=refund.provider_refund_id or getattr(outcome, "reference", None),
        provider_response=getattr(outcome, "answer", None) or refund.provider_response,
        checks_made=checks_made,
        next_check_at=context.checks.after(checks_made, context.now),
    )


def _move(
    work: UnitOfWork,
    payment: Transaction,
    refund: Refund,
    trigger: RefundTrigger,
    outcome: Outcome,
    context: OutcomeContext,
) -> None:
    before = refund.status
    try:
        moved, transition = refund.on(trigger, context.now)
    except IllegalTransition:
        _stay(work, payment, refund, trigger, context)
        return
    if isinstance(outcome, Declined):
        moved = replace(moved, failure=failure_of(outcome))
    moved = moved if moved.is_unfinished else replace(moved, next_check_at=None)
    payment = replace(_resettled(payment, before, moved), version=payment.version + 1, updated_at=context.now)
    work.refunds.save(moved)
    details = {"before": before.value, "source": context.source(), "outcome": type(outcome).__name__}
    record_refund_event(work, payment, moved, transition.event_type, context.actor, details)
    _move_payment(work, payment, _payment_trigger(payment, before, moved), context, details)


def _stay(
    work: UnitOfWork, payment: Transaction, refund: Refund, trigger: RefundTrigger, context: OutcomeContext
) -> None:
    """The table has no such edge. What is unfinished keeps what was learned; a contradiction is written down."""
    work.refunds.save(refund if refund.is_unfinished else replace(refund, next_check_at=None))
    if (refund.status, trigger) == (RefundStatus.FAILED, R.SUCCEED):
        # Its sum was freed when it failed, and may have been refunded again: somebody must look.
        REFUSED_REPORTS.labels(provider=payment.provider, reason="late_refund").inc()
        details = {"refund_id": str(refund.id), "trigger": trigger.value, "status": refund.status.value}
        record_audit(work, replace(payment, updated_at=context.now), "outcome.refused", context.actor, details)


def _resettled(payment: Transaction, before: RefundStatus, refund: Refund) -> Transaction:
    """The payment's sums after the refund has moved from ``before``."""
    if refund.status is RefundStatus.SUCCEEDED:
        return replace(
            payment,
            refunded=payment.refunded + refund.amount,
            refund_pending=payment.refund_pending - refund.amount,
        )
    if refund.status is RefundStatus.FAILED and before is RefundStatus.SUCCEEDED:
        return replace(payment, refunded=payment.refunded - refund.amount)
    if refund.status is RefundStatus.FAILED:
        return replace(payment, refund_pending=payment.refund_pending - refund.amount)
    return payment


def _payment_trigger(payment: Transaction, before: RefundStatus, refund: Refund) -> TransactionTrigger | None:
    if refund.status is RefundStatus.SUCCEEDED:
        return T.REFUND_ALL if payment.refunded == payment.captured else T.REFUND_SOME
    if refund.status is RefundStatus.FAILED and before is RefundStatus.SUCCEEDED:
        return T.REFUND_RETURNED_SOME if payment.refunded.is_positive() else T.REFUND_RETURNED_ALL
    return None


def _move_payment(
    work: UnitOfWork,
    payment: Transaction,
    trigger: TransactionTrigger | None,
    context: OutcomeContext,
    details: dict[str, str],
) -> None:
    if trigger is None:
        work.transactions.save(payment)
        return
    before = payment.status
    moved, transition = payment.on(trigger, context.now)
    work.transactions.save(moved)
    record_payment_event(work, moved, transition.event_type, context.actor, {**details, "before": before.value})


def _ask_again(
    work: UnitOfWork, payment: Transaction, refund: Refund, outcome: InDoubt | NotSent, context: OutcomeContext
) -> None:
    """A query that found nothing, or had no answer: only what the provider never knew of may be sent again."""
    never_arrived = isinstance(outcome, NotSent) and refund.provider_refund_id is None
    if never_arrived and refund.status is RefundStatus.IN_DOUBT:
        _send_again(work, payment, refund, outcome.reason, context)
    elif refund.is_unfinished or (refund.next_check_at is not None and isinstance(outcome, InDoubt)):
        work.refunds.save(_with_facts(refund, outcome, context))
    else:
        # Finished, and they know nothing that contradicts it.
        work.refunds.save(replace(refund, next_check_at=None))


def _send_again(work: UnitOfWork, payment: Transaction, refund: Refund, reason: str, context: OutcomeContext) -> None:
    """Proven not to have arrived: at once the first time, then up the ladder, until that is spent."""
    sent = work.attempts.count(provider_key(Operation.INITIALIZE_REFUND, refund.id))
    delay_ms = context.ladder.delay_ms(sent - 1) if sent > 1 else 0
    if delay_ms is None or context.now + timedelta(milliseconds=delay_ms) >= refund.expires_at:
        _move(work, payment, refund, R.DECLINE, _could_not_be_sent(reason), context)
    else:
        _requeue(work, payment, refund, reason, context, delay_ms)


def _retry_or_give_up(
    work: UnitOfWork, payment: Transaction, refund: Refund, outcome: NotSent, context: OutcomeContext
) -> None:
    delay_ms = context.ladder.delay_ms(context.tries_made)
    if outcome.retry_after_seconds is not None and delay_ms is not None:
        delay_ms = context.ladder.at_least(outcome.retry_after_seconds * 1000, delay_ms)
    if delay_ms is None or context.now + timedelta(milliseconds=delay_ms) >= refund.expires_at:
        _move(work, payment, refund, R.DECLINE, _could_not_be_sent(outcome.reason), context)
        return
    _requeue(work, payment, refund, outcome.reason, context, delay_ms)


def _requeue(
    work: UnitOfWork, payment: Transaction, refund: Refund, reason: str, context: OutcomeContext, delay_ms: int
) -> None:
    before = refund.status
    try:
        moved, transition = refund.on(R.REQUEUE, context.now)
    except IllegalTransition:
        _stay(work, payment, refund, R.REQUEUE, context)
        return
    due_at = context.now + timedelta(milliseconds=delay_ms)
    moved = replace(moved, next_check_at=due_at + PARKED_GRACE)
    payment = replace(payment, version=payment.version + 1, updated_at=context.now)
    work.refunds.save(moved)
    work.transactions.save(payment)
    details = {"before": before.value, "reason": reason, "retry_in_ms": delay_ms}
    record_refund_event(work, payment, moved, transition.event_type, context.actor, details)
    command = next_refund_command(moved, context.now)
    work.outbox.add(command_later(command, delay_ms) if delay_ms else command_now(command))


def _could_not_be_sent(reason: str) -> Declined:
    return Declined(code=FailureCode.PROVIDER_UNAVAILABLE, provider_message=reason)
