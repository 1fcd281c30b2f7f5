"""Writes down what happened: the event, its message and the audit entry of one transition, together."""

from collections.abc import Mapping
from datetime import datetime

from shared.application.actor import Actor
from shared.application.addressing import change_event
from shared.application.subjects import AnyMovement, Owner, PaymentMovement
from shared.application.views import View, dispute_view, movement_view, payment_view, payout_view
from shared.contracts.messages.events import PaymentChanged, PayoutChanged
from shared.domain.capture import Capture
from shared.domain.dispute import Dispute
from shared.domain.ids import EventId
from shared.domain.payout import Payout
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.persistence.audit_entry import AuditEntry
from shared.persistence.event_log import LoggedEvent
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.identifiers import new_id
from shared.runtime.metrics import MOVEMENT_TRANSITIONS, TRANSITIONS
from shared.runtime.redaction import redact


def record_payment_event(
    work: UnitOfWork, payment: Transaction, event_type: str, actor: Actor, details: Mapping[str, object]
) -> None:
    """The payment has taken an edge; ``details`` is what the audit trail says of how."""
    _append_event(work, payment, None, event_type, payment_view(payment))
    record_audit(work, payment, event_type, actor, {**details, "after": payment.status.value})
    TRANSITIONS.labels(provider=payment.provider, status=payment.status).inc()


def record_movement_event(
    work: UnitOfWork,
    payment: Transaction,
    movement: PaymentMovement,
    event_type: str,
    actor: Actor,
    details: Mapping[str, object],
) -> None:
    """A movement of the payment has taken an edge; ``payment`` carries the version that the event gets."""
    _append_event(work, payment, movement, event_type, movement_view(movement))
    record_audit(work, payment, event_type, actor, _named(movement, details))
    MOVEMENT_TRANSITIONS[movement.noun].labels(provider=movement.provider, status=movement.status).inc()


def record_payout_event(
    work: UnitOfWork, payout: Payout, event_type: str, actor: Actor, details: Mapping[str, object]
) -> None:
    """The payout has taken an edge; its ``version`` is the one that the event gets."""
    _append_payout_event(work, payout, event_type)
    record_audit(work, payout, event_type, actor, _named(payout, details))
    MOVEMENT_TRANSITIONS[payout.noun].labels(provider=payout.provider, status=payout.status).inc()


def record_dispute_event(
    work: UnitOfWork, payment: Transaction, dispute: Dispute, event_type: str, actor: Actor
) -> None:
    """A dispute of the payment has come a step further; ``payment`` carries the version that the event gets."""
    _append_event(work, payment, None, event_type, dispute_view(dispute))
    record_audit(work, payment, event_type, actor, {"dispute_id": str(dispute.id), "after": dispute.status.value})


def _named(movement: AnyMovement, details: Mapping[str, object]) -> Mapping[str, object]:
    named = {f"{movement.noun}_id": str(movement.id), "amount": str(movement.amount)}
    return {**details, **named, "after": movement.status.value}


def record_audit(
    work: UnitOfWork,
    owner: Owner,
    event_type: str,
    actor: Actor,
    details: Mapping[str, object],
    *,
    at: datetime | None = None,
) -> None:
    """Add to the audit trail of a payment or payout; ``at``: when, if it is not when that was last changed."""
    redacted = redact(details if isinstance(owner, Transaction) else {**details, "payout_id": str(owner.id)})
    work.audit_log.append(
        AuditEntry(
            id=new_id(),
            event_type=event_type,
            timestamp=at or owner.updated_at,
            merchant_id=owner.merchant_id,
            transaction_id=owner.id if isinstance(owner, Transaction) else None,
            event_data=redacted if isinstance(redacted, dict) else {},
            user_id=actor.user_id,
            ip_address=actor.ip_address,
            user_agent=actor.user_agent,
            request_id=actor.request_id,
        )
    )


def _append_event(
    work: UnitOfWork, payment: Transaction, movement: PaymentMovement | None, event_type: str, snapshot: View
) -> None:
    event_id = EventId(new_id())
    work.event_log.append(
        LoggedEvent(
            id=event_id,
            merchant_id=payment.merchant_id,
            user_id=payment.user_id,
            transaction_id=payment.id,
            refund_id=movement.id if isinstance(movement, Refund) else None,
            capture_id=movement.id if isinstance(movement, Capture) else None,
            sequence=payment.version,
            event_type=event_type,
            data=snapshot,
            occurred_at=payment.updated_at,
        )
    )
    work.outbox.add(
        change_event(
            PaymentChanged(
                message_id=new_id(),
                occurred_at=payment.updated_at,
                correlation_id=payment.id,
                event_id=event_id,
                event_type=event_type,
                transaction_id=payment.id,
                merchant_id=payment.merchant_id,
                user_id=payment.user_id,
                sequence=payment.version,
            )
        )
    )


def _append_payout_event(work: UnitOfWork, payout: Payout, event_type: str) -> None:
    event_id = EventId(new_id())
    work.event_log.append(
        LoggedEvent(
            id=event_id,
            merchant_id=payout.merchant_id,
            user_id=payout.user_id,
            transaction_id=None,
            refund_id=None,
            payout_id=payout.id,
            sequence=payout.version,
            event_type=event_type,
            data=payout_view(payout),
            occurred_at=payout.updated_at,
        )
    )
    work.outbox.add(
        change_event(
            PayoutChanged(
                message_id=new_id(),
                occurred_at=payout.updated_at,
                correlation_id=payout.id,
                event_id=event_id,
                event_type=event_type,
                payout_id=payout.id,
                merchant_id=payout.merchant_id,
                user_id=payout.user_id,
                sequence=payout.version,
            )
        )
    )
