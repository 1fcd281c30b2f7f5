"""What an outcome can be about: a payment, a movement that belongs to one, or a payout."""

from dataclasses import replace
from datetime import datetime

from shared.domain.attempt import Attempt
from shared.domain.capture import Capture
from shared.domain.payout import Payout
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.persistence.unit_of_work import UnitOfWork

PaymentMovement = Capture | Refund
AnyMovement = PaymentMovement | Payout
Subject = Transaction | AnyMovement

# What has a row lock, a sequence of events and an audit trail of its own.
Owner = Transaction | Payout


def lock_owner(work: UnitOfWork, attempt: Attempt) -> Owner | None:
    """What ``attempt`` belongs to, with its row locked until the transaction ends."""
    if attempt.payout_id is not None:
        return work.payouts.lock(attempt.payout_id)
    return None if attempt.transaction_id is None else work.transactions.lock(attempt.transaction_id)


def subject_of(work: UnitOfWork, owner: Owner, attempt: Attempt) -> Subject:
    """What ``attempt`` was about, read under the lock of ``owner``."""
    movement: PaymentMovement | None = None
    if attempt.capture_id is not None:
        movement = work.captures.find(attempt.capture_id)
    elif attempt.refund_id is not None:
        movement = work.refunds.find(attempt.refund_id)
    return movement or owner


def ask_now(work: UnitOfWork, owner: Owner, now: datetime) -> None:
    """Have the provider asked what became of it, if that is not known."""
    if not owner.is_unfinished:
        return
    if isinstance(owner, Transaction):
        work.transactions.save(replace(owner, next_check_at=now))
    else:
        work.payouts.save(replace(owner, next_check_at=now))
