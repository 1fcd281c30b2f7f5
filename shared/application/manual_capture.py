"""What a payment-level report means for a payment that is captured by hand: the captures' own words come first."""

from dataclasses import replace

from shared.application.outcome_context import OutcomeContext
from shared.domain.money import Money
from shared.domain.outcome import Outcome, Succeeded
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus, TransactionTrigger
from shared.persistence.unit_of_work import UnitOfWork

T = TransactionTrigger

_CLOSING = frozenset({T.SUCCEED, T.DECLINE, T.CANCEL, T.EXPIRE})


def waits_for_captures(
    work: UnitOfWork, payment: Transaction, trigger: TransactionTrigger, context: OutcomeContext
) -> bool:
    """Whether captures of ours are under way, which must be known before a report may close the payment.

    Counting the report and then the capture would count one sum twice; so the captures are asked about, now.
    """
    if not payment.is_captured_by_hand or trigger not in _CLOSING:
        return False
    unfinished = [each for each in work.captures.of_transaction(payment.id) if each.is_unfinished]
    for capture in unfinished:
        if capture.status.value != "pending":
            work.captures.save(replace(capture, next_check_at=context.now))
    return bool(unfinished)


def trigger_of_manual(payment: Transaction, trigger: TransactionTrigger, outcome: Outcome) -> TransactionTrigger:
    """The edge that a report leads to, once no capture of ours is under way."""
    if payment.is_taken and isinstance(outcome, Succeeded) and total_captured(payment, outcome) > payment.captured:
        return T.CAPTURE_SOME
    if payment.status is TransactionStatus.AUTHORIZED and trigger in _CLOSING and payment.captured.is_positive():
        # What was taken stays taken, also where the rest is released or runs out.
        return T.SUCCEED
    return trigger


def total_captured(payment: Transaction, outcome: Outcome) -> Money:
    """What the provider has taken by its own count, or by ours where that knows of more (its report may be older)."""
    if not isinstance(outcome, Succeeded):
        return payment.captured
    return max(payment.captured, payment.amount if outcome.captured is None else outcome.captured)
