"""The only way in: a provider's answer, its callback and a status query all end here, and nowhere else."""

from typing import assert_never

from shared.application.capture_outcome import CaptureBook
from shared.application.movement_outcome import apply_to_movement, park_movement
from shared.application.outcome_context import OutcomeContext
from shared.application.payment_outcome import apply_to_payment, park_payment
from shared.application.refund_outcome import RefundBook
from shared.application.subjects import Subject
from shared.domain.capture import Capture
from shared.domain.outcome import Outcome
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.persistence.unit_of_work import UnitOfWork


def apply_outcome(
    work: UnitOfWork, payment: Transaction, subject: Subject, outcome: Outcome, context: OutcomeContext
) -> None:
    """Move ``subject`` (the payment, or a movement of it) to where ``outcome`` leads, and record all that follows.

    ``payment`` is locked by the caller, who also commits. A repeated outcome changes nothing; one that the state table
    refuses (a late failure after success) is audited and changes nothing.
    """
    match subject:
        case Transaction():
            apply_to_payment(work, payment, outcome, context)
        case Capture():
            apply_to_movement(CaptureBook(work, payment, context), subject, outcome, context)
        case Refund():
            apply_to_movement(RefundBook(work, payment, context), subject, outcome, context)
        case unreachable:
            assert_never(unreachable)


def park(work: UnitOfWork, payment: Transaction, subject: Subject, reason: str, context: OutcomeContext) -> None:
    """Set ``subject`` aside for somebody to look at, in the status that it has. As ``apply_outcome`` for the rest."""
    match subject:
        case Transaction():
            park_payment(work, payment, reason, context)
        case Capture():
            park_movement(CaptureBook(work, payment, context), subject, reason, context)
        case Refund():
            park_movement(RefundBook(work, payment, context), subject, reason, context)
        case unreachable:
            assert_never(unreachable)
