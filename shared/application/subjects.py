"""What an outcome can be about: a payment, or a movement that belongs to one."""

from shared.domain.attempt import Attempt
from shared.domain.capture import Capture
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.persistence.unit_of_work import UnitOfWork

PaymentMovement = Capture | Refund
Subject = Transaction | PaymentMovement


def subject_of(work: UnitOfWork, payment: Transaction, attempt: Attempt) -> Subject:
    """What ``attempt`` was about, read under the lock of ``payment``."""
    movement: PaymentMovement | None = None
    if attempt.capture_id is not None:
        movement = work.captures.find(attempt.capture_id)
    elif attempt.refund_id is not None:
        movement = work.refunds.find(attempt.refund_id)
    return movement or payment
