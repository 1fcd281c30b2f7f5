"""Takes a refund that somebody made at the provider, and nobody asked for here, into our books."""

from dataclasses import replace

from shared.application.journal import record_movement_event
from shared.application.outcome_context import OutcomeContext
from shared.application.refund_outcome import RefundBook
from shared.domain.ids import RefundId
from shared.domain.movement_status import MovementTrigger
from shared.domain.refund import Refund
from shared.domain.refund_status import INITIAL
from shared.domain.transaction import Transaction
from shared.persistence.unit_of_work import UnitOfWork
from shared.provider_kit.provider import RefundReported
from shared.runtime.identifiers import new_id

MADE_THERE = "made at the provider"


def take_in_refund(
    work: UnitOfWork, payment: Transaction, made: RefundReported, context: OutcomeContext
) -> tuple[Transaction, Refund] | None:
    """The road of every refund, up to where the provider has it; what it says of it is for the caller to apply.

    The caller holds the payment's lock and knows that no refund has this reference. ``None``: it is more than is left.
    """
    if not work.refunds.reserve(payment.id, made.amount):
        return None
    refund = _refund(payment, made, context)
    work.refunds.add(refund)
    payment = replace(
        payment,
        refund_pending=payment.refund_pending + refund.amount,
        version=payment.version + 1,
        updated_at=context.now,
    )
    work.transactions.save(payment)
    record_movement_event(work, payment, refund, INITIAL.event_type, context.actor, {"reason": refund.reason})
    # Never to be sent by us: it is there.
    sent, transition = refund.on(MovementTrigger.SUBMIT, context.now)
    book = RefundBook(work, payment, context)
    book.record(sent, refund.status, transition.event_type, {"before": refund.status.value, "source": MADE_THERE})
    return book.payment, sent


def made_there_key(provider: str, reference: str) -> str:
    """The idempotency key of such a refund: unique for ever, so that none is taken in twice."""
    return f"made_there:{provider}:{reference}"


def _refund(payment: Transaction, made: RefundReported, context: OutcomeContext) -> Refund:
    return Refund(
        id=RefundId(new_id()),
        transaction_id=payment.id,
        merchant_id=payment.merchant_id,
        user_id=None,
        idempotency_key=made_there_key(payment.provider, made.reference),
        provider=payment.provider,
        amount=made.amount,
        reason=f"{MADE_THERE}: {made.reason}"[:200] if made.reason else MADE_THERE,
        status=INITIAL.status,
        provider_refund_id=made.reference,
        expires_at=context.now,
        next_check_at=context.checks.after(0, context.now),
        created_at=context.now,
        updated_at=context.now,
    )
