"""Calls payments off: at once where nothing was sent, else at the provider, for as long as it says that they wait.

Whoever asks the provider to cancel has just heard from it that the payment waits. So the sweep keeps its one question
(what is true?), no answer is taken for another, and a lost command or answer costs nothing but one more question.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.application.actor import Actor
from shared.application.addressing import command_now
from shared.application.commands import cancel_command
from shared.application.failures import failure_of
from shared.application.journal import record_audit, record_payment_event
from shared.application.outcome_context import OutcomeContext
from shared.application.resending import PARKED_GRACE
from shared.domain.attempt import Operation, provider_key
from shared.domain.failure import FailureCode
from shared.domain.outcome import Declined, MaybeExecuted, NotSent, Outcome, Succeeded
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import WITH_PROVIDER, TransactionStatus, TransactionTrigger
from shared.persistence.unit_of_work import UnitOfWork

_NEVER_ARRIVED = frozenset({TransactionStatus.PROCESSING, TransactionStatus.IN_DOUBT})


def cancel_unsent(work: UnitOfWork, payment: Transaction, actor: Actor, now: datetime) -> Transaction:
    """Cancel a pending payment: nobody is asked, since nobody has it. The caller holds its lock."""
    moved, transition = payment.on(TransactionTrigger.CANCEL, now)
    failure = failure_of(Declined(code=FailureCode.CANCELLED_BY_MERCHANT))
    moved = replace(moved, failure=failure, next_check_at=None, review_since=None)
    work.transactions.save(moved)
    details = {"before": payment.status.value, "source": "merchant"}
    record_payment_event(work, moved, transition.event_type, actor, details)
    return moved


def is_called_off_unsent(payment: Transaction) -> bool:
    """Whether what surely was not executed is to be cancelled, instead of being sent again."""
    is_wanted = payment.cancel_requested_at is not None
    return is_wanted and payment.provider_transaction_id is None and payment.status in _NEVER_ARRIVED


def is_to_be_cancelled(work: UnitOfWork, payment: Transaction, context: OutcomeContext) -> bool:
    """Whether the provider should be asked, now, to cancel the payment: the merchant, or our clock, wants it.

    Past the payment's life it is asked no more often than the ladder has levels, since nothing waits for ever.
    """
    if payment.status not in WITH_PROVIDER or payment.provider_transaction_id is None:
        return False
    if payment.cancel_requested_at is None and not (context.can_cancel and is_reservation_over(payment, context)):
        return False
    if any(capture.is_unfinished for capture in work.captures.of_transaction(payment.id)):
        return False
    return context.now < payment.expires_at or not _is_in_vain(work, payment, context)


def is_reservation_over(payment: Transaction, context: OutcomeContext) -> bool:
    return payment.status is TransactionStatus.AUTHORIZED and context.now >= payment.expires_at


def _is_in_vain(work: UnitOfWork, payment: Transaction, context: OutcomeContext) -> bool:
    tries_made = work.attempts.count(provider_key(Operation.CANCEL_PAYMENT, payment.id))
    return tries_made > 0 and context.ladder.delay_ms(tries_made) is None


def cancel_if_wanted(work: UnitOfWork, payment: Transaction, context: OutcomeContext) -> None:
    """The provider has just said that the payment waits: have it cancelled there, if it is to be."""
    if not is_to_be_cancelled(work, payment, context):
        return
    # A command that was lost with its queue is found out about no later than this.
    due_at = min(payment.next_check_at or context.now + PARKED_GRACE, context.now + PARKED_GRACE)
    work.transactions.save(replace(payment, next_check_at=due_at))
    work.outbox.add(command_now(cancel_command(payment, context.now)))


def in_our_words(payment: Transaction, outcome: MaybeExecuted, context: OutcomeContext) -> MaybeExecuted:
    """What a cancellation that succeeded means for the payment, and on whose wish it ended: whoever tells it first."""
    if context.operation is Operation.CANCEL_PAYMENT and isinstance(outcome, Succeeded):
        if outcome.captured is not None and outcome.captured.is_positive():
            return outcome
        return Declined(code=_whose_wish(payment, context), reference=outcome.reference, answer=outcome.answer)
    if not isinstance(outcome, Declined) or outcome.code != FailureCode.CANCELLED_BY_CUSTOMER:
        return outcome
    is_ours = payment.cancel_requested_at is not None or is_reservation_over(payment, context)
    return replace(outcome, code=_whose_wish(payment, context)) if is_ours else outcome


def _whose_wish(payment: Transaction, context: OutcomeContext) -> FailureCode:
    if payment.cancel_requested_at is None and is_reservation_over(payment, context):
        return FailureCode.EXPIRED
    return FailureCode.CANCELLED_BY_MERCHANT


def keep_uncancelled(work: UnitOfWork, payment: Transaction, outcome: Outcome, context: OutcomeContext) -> None:
    """The provider refused, or nobody knows: it is asked what is true, at once or soon."""
    if isinstance(outcome, Declined):
        _refused(work, payment, outcome, context)
    elif payment.is_unfinished:
        due_at = context.checks.after(context.tries_made - 1, context.now)
        wish = outcome.retry_after_seconds if isinstance(outcome, NotSent) else None
        due_at = max(due_at, context.now + timedelta(seconds=wish or 0))
        work.transactions.save(replace(payment, next_check_at=due_at, updated_at=context.now))


def _refused(work: UnitOfWork, payment: Transaction, outcome: Declined, context: OutcomeContext) -> None:
    """Their no is the answer to the request, which is over: whoever still wants it asks again."""
    kept = replace(payment, updated_at=context.now)
    if payment.is_unfinished:
        kept = replace(kept, cancel_requested_at=None, next_check_at=context.now)
    work.transactions.save(kept)
    details = {
        "status": payment.status.value,
        "provider_code": outcome.provider_code,
        "provider_message": outcome.provider_message,
    }
    record_audit(work, kept, "cancellation.refused", context.actor, details)
