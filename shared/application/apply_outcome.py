"""The only way in: a provider's answer, its callback and a status query all end here, and nowhere else."""

from typing import assert_never

import structlog

from shared.application.capture_outcome import CaptureBook
from shared.application.movement_outcome import apply_to_movement, park_movement
from shared.application.outcome_context import OutcomeContext
from shared.application.payment_outcome import apply_to_payment, park_payment
from shared.application.payout_outcome import PayoutBook
from shared.application.refund_outcome import RefundBook
from shared.application.subjects import Owner, Subject
from shared.domain.capture import Capture
from shared.domain.outcome import Outcome, alert_of
from shared.domain.payout import Payout
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.metrics import PROVIDER_ALERTS

log = structlog.get_logger()


def apply_outcome(work: UnitOfWork, owner: Owner, subject: Subject, outcome: Outcome, context: OutcomeContext) -> None:
    """Move ``subject`` to where ``outcome`` leads, and record all that follows.

    ``owner`` is what it belongs to: a movement's payment, and of a payment or a payout that itself. It is locked by the
    caller, who also commits. A repeated outcome changes nothing; one that the state table refuses (a late failure after
    success) is audited and changes nothing.
    """
    _raise_alert(subject, outcome)
    match subject:
        case Transaction():
            apply_to_payment(work, subject, outcome, context)
        case Capture():
            apply_to_movement(CaptureBook(work, _payment(owner), context), subject, outcome, context)
        case Refund():
            apply_to_movement(RefundBook(work, _payment(owner), context), subject, outcome, context)
        case Payout():
            apply_to_movement(PayoutBook(work, context), subject, outcome, context)
        case unreachable:
            assert_never(unreachable)


def park(work: UnitOfWork, owner: Owner, subject: Subject, reason: str, context: OutcomeContext) -> None:
    """Set ``subject`` aside for somebody to look at, in the status that it has. As ``apply_outcome`` for the rest."""
    match subject:
        case Transaction():
            park_payment(work, subject, reason, context)
        case Capture():
            park_movement(CaptureBook(work, _payment(owner), context), subject, reason, context)
        case Refund():
            park_movement(RefundBook(work, _payment(owner), context), subject, reason, context)
        case Payout():
            park_movement(PayoutBook(work, context), subject, reason, context)
        case unreachable:
            assert_never(unreachable)


def _raise_alert(subject: Subject, outcome: Outcome) -> None:
    alert = alert_of(outcome)
    if alert is not None:
        PROVIDER_ALERTS.labels(provider=subject.provider, alert=alert).inc()
        log.error("provider.alert", provider=subject.provider, alert=alert, subject_id=str(subject.id))


def _payment(owner: Owner) -> Transaction:
    assert isinstance(owner, Transaction), "captures and refunds belong to a payment"
    return owner
