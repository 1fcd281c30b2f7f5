"""What an outcome does to a payment."""

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from shared.application.addressing import command_later, command_now
from shared.application.cancellation import (
    cancel_if_wanted,
    in_our_words,
    is_called_off_unsent,
    is_to_be_cancelled,
    keep_uncancelled,
)
from shared.application.commands import next_payment_command
from shared.application.failures import failure_of
from shared.application.journal import record_audit, record_payment_event
from shared.application.manual_capture import total_captured, trigger_of_manual, waits_for_captures
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
from shared.domain.attempt import Operation, provider_key
from shared.domain.errors import IllegalTransition
from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.outcome import Authorized, Declined, InDoubt, MaybeExecuted, NotSent, Outcome, Pending, Succeeded
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import NOT_TAKEN, TransactionStatus, TransactionTrigger
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.metrics import LATE_SUCCESSES, NEEDS_REVIEW, REFUSED_REPORTS

T = TransactionTrigger

# How a provider's "no" is told apart from the customer's and the merchant's, and from nobody acting in time.
_DECLINE_TRIGGERS = {
    FailureCode.CANCELLED_BY_CUSTOMER: T.CANCEL,
    FailureCode.CANCELLED_BY_MERCHANT: T.CANCEL,
    FailureCode.EXPIRED: T.EXPIRE,
}


def apply_to_payment(work: UnitOfWork, payment: Transaction, outcome: Outcome, context: OutcomeContext) -> None:
    if context.operation is Operation.CANCEL_PAYMENT and not isinstance(outcome, Succeeded):
        keep_uncancelled(work, payment, outcome, context)
    elif context.is_check and isinstance(outcome, InDoubt | NotSent):
        _ask_again(work, payment, outcome, context)
    elif isinstance(outcome, NotSent):
        delay_ms = delay_after_not_sent(outcome, payment.expires_at, context)
        _requeue_or_give_up(work, payment, outcome.reason, context, delay_ms)
    else:
        _learn(work, payment, in_our_words(payment, outcome, context), context)


def _learn(work: UnitOfWork, payment: Transaction, outcome: MaybeExecuted, context: OutcomeContext) -> None:
    """It may have been executed: take the edge that this leads to, if there is one."""
    contradiction = _contradiction(work, payment, outcome)
    if contradiction is not None:
        _refuse(work, payment, T.SUCCEED, contradiction, context)
        return
    trigger = _trigger(outcome)
    is_over = _still_waits(payment, trigger) and _is_overdue(payment, context)
    if is_over and not is_to_be_cancelled(work, payment, context):
        trigger, outcome = T.EXPIRE, _nobody_acted()
    payment = _with_facts(payment, outcome, context)
    if waits_for_captures(work, payment, trigger, context):
        work.transactions.save(replace(payment, updated_at=context.now))
        return
    payment = _move(work, payment, trigger_of_manual(payment, trigger, outcome), outcome, context)
    if isinstance(outcome, Authorized | Pending):
        cancel_if_wanted(work, payment, context)


def _contradiction(work: UnitOfWork, payment: Transaction, outcome: Outcome) -> str | None:
    """What of a success cannot be true of this payment."""
    if not isinstance(outcome, Succeeded):
        return None
    if not _is_part_of(payment, outcome.captured):
        return "captured"
    if outcome.receipt is None or outcome.receipt == payment.provider_receipt:
        return None
    # One receipt is one movement of money: under two payments it is a fraud, or a bug.
    is_taken = work.transactions.is_known_by(payment.provider, outcome.receipt, besides=payment.id)
    return "receipt" if is_taken or payment.provider_receipt is not None else None


def _is_part_of(payment: Transaction, part: Money | None) -> bool:
    """What was captured is some of the payment, in its currency; ``None``: all of it."""
    return part is None or (part.currency == payment.amount.currency and part.is_positive() and part <= payment.amount)


def _still_waits(payment: Transaction, trigger: TransactionTrigger) -> bool:
    """Whether the provider says that nothing has happened: the customer, or the merchant, has yet to act."""
    if trigger is T.AUTHORIZE:
        return payment.status is TransactionStatus.AUTHORIZED
    return trigger in {T.ACCEPT, T.REQUIRE_ACTION}


def _trigger(outcome: MaybeExecuted) -> TransactionTrigger:
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
    # Whatever was said ends the review: somebody knows.
    review_since = payment.review_since if isinstance(outcome, InDoubt | NotSent) else None
    return replace(
        payment,
        provider_transaction_id=payment.provider_transaction_id or reference,
        provider_receipt=payment.provider_receipt or getattr(outcome, "receipt", None),
        provider_response=answer or payment.provider_response,
        checks_made=checks_made,
        next_check_at=None if review_since else context.checks.after(checks_made, context.now),
        review_since=review_since,
    )


def _move(
    work: UnitOfWork, payment: Transaction, trigger: TransactionTrigger, outcome: Outcome, context: OutcomeContext
) -> Transaction:
    """The payment as it is afterwards, stored."""
    before = payment.status
    try:
        moved, transition = payment.on(trigger, context.now)
    except IllegalTransition:
        return _stay(work, payment, trigger, context)
    moved = _settled(moved, before, outcome, context)
    work.transactions.save(moved)
    details = {"before": before.value, "source": context.source(), "outcome": type(outcome).__name__}
    if isinstance(outcome, InDoubt):
        details["reason"] = outcome.reason
    record_payment_event(work, moved, transition.event_type, context.actor, details)
    if moved.late:
        LATE_SUCCESSES.labels(provider=moved.provider).inc()
    return moved


def _settled(moved: Transaction, before: TransactionStatus, outcome: Outcome, context: OutcomeContext) -> Transaction:
    """What follows from having moved: money reserved or taken, a failure's words, nothing more to check."""
    if moved.is_taken:
        captured = total_captured(moved, outcome)
        reserved = max(moved.authorized, captured)
        late = moved.late or before in NOT_TAKEN
        moved = replace(moved, authorized=reserved, captured=captured, failure=None, next_action=None, late=late)
    elif isinstance(outcome, Authorized):
        expires_at = context.now + context.authorization_lifetime
        moved = replace(moved, authorized=moved.amount, expires_at=expires_at, next_action=None)
    elif isinstance(outcome, Declined):
        moved = replace(moved, failure=failure_of(outcome), next_action=None)
    elif isinstance(outcome, Pending):
        moved = replace(moved, next_action=outcome.next_action)
    return moved if moved.is_unfinished else replace(moved, next_check_at=None)


def _stay(work: UnitOfWork, payment: Transaction, trigger: TransactionTrigger, context: OutcomeContext) -> Transaction:
    """The table has no such edge. What is unfinished keeps what was learned; a contradiction is written down."""
    if payment.is_unfinished:
        payment = replace(payment, updated_at=context.now)
        work.transactions.save(payment)
        return payment
    payment = replace(payment, next_check_at=None)
    work.transactions.save(payment)
    if trigger in {T.DECLINE, T.CANCEL, T.EXPIRE} and payment.status not in NOT_TAKEN:
        _refuse(work, payment, trigger, "late_failure", context)
    return payment


def _refuse(
    work: UnitOfWork, payment: Transaction, trigger: TransactionTrigger, reason: str, context: OutcomeContext
) -> None:
    """A report that contradicts what is known: written down, and nothing else."""
    REFUSED_REPORTS.labels(provider=payment.provider, reason=reason).inc()
    details = {
        "trigger": trigger.value,
        "reason": reason,
        "status": payment.status.value,
        "source": context.source(),
    }
    record_audit(work, replace(payment, updated_at=context.now), "outcome.refused", context.actor, details)


def _ask_again(work: UnitOfWork, payment: Transaction, outcome: InDoubt | NotSent, context: OutcomeContext) -> None:
    """A query that found nothing, or had no answer: only what the provider never knew of may be sent again."""
    never_arrived = isinstance(outcome, NotSent) and payment.provider_transaction_id is None
    if never_arrived and payment.status is TransactionStatus.IN_DOUBT:
        _send_again(work, payment, outcome.reason, context)
        return
    if not payment.is_unfinished and payment.next_check_at is None:
        return
    asked = _with_facts(payment, outcome, context)
    if not payment.is_unfinished:
        # Their books contradict what is finished here: they are asked until they answer, or know nothing of it.
        is_open = isinstance(outcome, InDoubt) and not checks_are_spent(outcome, asked.checks_made, context)
        work.transactions.save(asked if is_open else replace(asked, next_check_at=None))
    elif checks_are_spent(outcome, asked.checks_made, context) and context.now >= payment.expires_at:
        park_payment(work, asked, SCHEDULE_SPENT, context)
    else:
        work.transactions.save(asked)


def _send_again(work: UnitOfWork, payment: Transaction, reason: str, context: OutcomeContext) -> None:
    """Proven not to have arrived."""
    sent = work.attempts.count(_key_of(payment))
    _requeue_or_give_up(work, payment, reason, context, delay_after_proof(sent, payment.expires_at, context))


def _key_of(payment: Transaction) -> str:
    return provider_key(Operation.INITIALIZE_PAYMENT, payment.id)


def _requeue_or_give_up(
    work: UnitOfWork, payment: Transaction, reason: str, context: OutcomeContext, delay_ms: int | None
) -> None:
    if is_called_off_unsent(payment):
        _move(work, payment, T.CANCEL, Declined(code=FailureCode.CANCELLED_BY_MERCHANT), context)
    elif delay_ms is None:
        _move(work, payment, T.EXPIRE, could_not_be_sent(reason), context)
    elif key_may_be_forgotten(work.attempts.first_started_at(_key_of(payment)), delay_ms, context):
        park_payment(work, payment, KEY_FORGOTTEN, context)
    else:
        _requeue(work, payment, reason, context, delay_ms=delay_ms)


def park_payment(work: UnitOfWork, payment: Transaction, reason: str, context: OutcomeContext) -> None:
    """Nobody asks any more, nothing is sent any more: somebody must look. A callback still resolves it."""
    parked = replace(payment, review_since=payment.review_since or context.now, next_check_at=None)
    if payment.review_since is not None:
        work.transactions.save(parked)
        return
    parked = replace(parked, version=parked.version + 1, updated_at=context.now)
    work.transactions.save(parked)
    record_payment_event(work, parked, "payment.needs_review", context.actor, {"reason": reason})
    NEEDS_REVIEW.labels(provider=parked.provider, noun="payment").inc()


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
