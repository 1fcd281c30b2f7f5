"""Keeps what a provider reports of disputes: each step once, in whatever order it is told."""

from collections.abc import Iterator
from dataclasses import replace

from shared.application.journal import record_dispute_event
from shared.application.outcome_context import OutcomeContext
from shared.domain.dispute import Dispute
from shared.domain.dispute_status import FUNDS_EVENTS, OPENED, TRIGGERS, DisputeFunds, initial_of
from shared.domain.errors import IllegalTransition
from shared.domain.transaction import Transaction
from shared.persistence.unit_of_work import UnitOfWork
from shared.provider_kit.disputes import DisputeReported
from shared.runtime.identifiers import new_id
from shared.runtime.metrics import DISPUTES

Step = tuple[Dispute, str]


def record_dispute(
    work: UnitOfWork, payment: Transaction, report: DisputeReported, context: OutcomeContext
) -> Dispute | None:
    """The dispute as it is now; ``None``: its reference is that of another payment's, and nothing was believed.

    The caller holds the payment's lock, and commits. The payment's own sums and status stay as they are: what was taken
    was taken, and where the disputed money is, the dispute says.
    """
    known = work.disputes.find_by_reference(payment.provider, report.reference)
    if known is not None and known.transaction_id != payment.id:
        return None
    dispute = known or _opened(payment, report, context)
    told = _latest(dispute, report)
    steps = [*([] if known else [(told, OPENED)]), *_steps(told, report, context)]
    last = steps[-1][0] if steps else told
    if known is None:
        work.disputes.add(last)
    elif last != known:
        work.disputes.save(last)
    _tell(work, payment, steps, context)
    return last


def _opened(payment: Transaction, report: DisputeReported, context: OutcomeContext) -> Dispute:
    return Dispute(
        id=new_id(),
        transaction_id=payment.id,
        merchant_id=payment.merchant_id,
        provider=payment.provider,
        reference=report.reference,
        amount=report.amount,
        status=initial_of(report.status).status,
        funds=DisputeFunds.UNMOVED,
        reason=report.reason,
        created_at=context.now,
        updated_at=context.now,
    )


def _latest(dispute: Dispute, report: DisputeReported) -> Dispute:
    due_at = report.evidence_due_at or dispute.evidence_due_at
    return replace(dispute, evidence_due_at=due_at, provider_response=report.answer or dispute.provider_response)


def _steps(dispute: Dispute, report: DisputeReported, context: OutcomeContext) -> Iterator[Step]:
    """What is new in the report: the money's moves, then the edge. A late report has neither."""
    for event_type in FUNDS_EVENTS.get((dispute.funds, report.funds), ()):
        funds = DisputeFunds(event_type.removeprefix("dispute.funds_"))
        dispute = replace(dispute, funds=funds, updated_at=context.now)
        yield dispute, event_type
    trigger = TRIGGERS.get(report.status)
    if trigger is None:
        return
    try:
        moved, transition = dispute.on(trigger, context.now)
    except IllegalTransition:
        return
    yield moved, transition.event_type


def _tell(work: UnitOfWork, payment: Transaction, steps: list[Step], context: OutcomeContext) -> None:
    for dispute, event_type in steps:
        payment = replace(payment, version=payment.version + 1, updated_at=context.now)
        record_dispute_event(work, payment, dispute, event_type, context.actor)
        DISPUTES.labels(provider=payment.provider, event=event_type.removeprefix("dispute.")).inc()
    if steps:
        work.transactions.save(payment)
