"""Payments, what belongs to them, and payouts, as merchants read them: over HTTP, in events and in frames alike."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from shared.application.subjects import PaymentMovement
from shared.domain.capture import Capture
from shared.domain.dispute import Dispute
from shared.domain.failure_advice import ADVICE
from shared.domain.payout import Payout
from shared.domain.refund import Refund
from shared.domain.transaction import Failure, Transaction
from shared.domain.transaction_status import BASIC_STATUS
from shared.persistence.event_log import LoggedEvent

View = dict[str, object]


def payment_view(payment: Transaction) -> View:
    """The public form of a payment; amounts are decimal strings in major units, ``amount_minor`` whole minor units."""
    return {
        "id": str(payment.id),
        "status": payment.status.value,
        "basic_status": BASIC_STATUS[payment.status],
        "amount": str(payment.amount),
        "amount_minor": payment.amount.amount_minor_units,
        "currency": payment.amount.currency,
        "provider": payment.provider,
        "provider_transaction_id": payment.provider_transaction_id,
        "receipt": payment.provider_receipt,
        "customer": asdict(payment.customer),
        "customer_id": payment.customer_id,
        "payment_method": payment.payment_method,
        "metadata": dict(payment.metadata),
        "next_action": _copied(payment.next_action),
        "failure": failure_view(payment.failure),
        "capture_method": payment.capture_method.value,
        "source": payment.source.value,
        "amount_authorized": str(payment.authorized),
        "amount_authorized_minor": payment.authorized.amount_minor_units,
        "amount_captured": str(payment.captured),
        "amount_captured_minor": payment.captured.amount_minor_units,
        "amount_refunded": str(payment.refunded),
        "amount_refunded_minor": payment.refunded.amount_minor_units,
        "amount_refundable": str(payment.refundable),
        "amount_refundable_minor": payment.refundable.amount_minor_units,
        "late": payment.late,
        "idempotency_key": payment.idempotency_key,
        "safe_to_retry": payment.is_safe_to_retry,
        "needs_review": payment.review_since is not None,
        "cancel_requested_at": time_view(payment.cancel_requested_at),
        "next_check_at": time_view(payment.next_check_at if payment.is_unfinished else None),
        "expires_at": time_view(payment.expires_at),
        "sequence": payment.version,
        "created_at": time_view(payment.created_at),
        "updated_at": time_view(payment.updated_at),
    }


def refund_view(refund: Refund) -> View:
    return {
        "id": str(refund.id),
        "transaction_id": str(refund.transaction_id),
        "status": refund.status.value,
        "amount": str(refund.amount),
        "amount_minor": refund.amount.amount_minor_units,
        "currency": refund.amount.currency,
        "reason": refund.reason,
        "provider_refund_id": refund.provider_refund_id,
        "failure": failure_view(refund.failure),
        "idempotency_key": refund.idempotency_key,
        "needs_review": refund.review_since is not None,
        "next_check_at": time_view(refund.next_check_at if refund.is_unfinished else None),
        "created_at": time_view(refund.created_at),
        "updated_at": time_view(refund.updated_at),
    }


def movement_view(movement: PaymentMovement) -> View:
    """The public form of a movement of a payment."""
    return capture_view(movement) if isinstance(movement, Capture) else refund_view(movement)


def capture_view(capture: Capture) -> View:
    return {
        "id": str(capture.id),
        "transaction_id": str(capture.transaction_id),
        "status": capture.status.value,
        "amount": str(capture.amount),
        "amount_minor": capture.amount.amount_minor_units,
        "currency": capture.amount.currency,
        "final": capture.is_final,
        "provider_capture_id": capture.provider_capture_id,
        "failure": failure_view(capture.failure),
        "idempotency_key": capture.idempotency_key,
        "needs_review": capture.review_since is not None,
        "next_check_at": time_view(capture.next_check_at if capture.is_unfinished else None),
        "created_at": time_view(capture.created_at),
        "updated_at": time_view(capture.updated_at),
    }


def dispute_view(dispute: Dispute) -> View:
    return {
        "id": str(dispute.id),
        "transaction_id": str(dispute.transaction_id),
        "status": dispute.status.value,
        "amount": str(dispute.amount),
        "amount_minor": dispute.amount.amount_minor_units,
        "currency": dispute.amount.currency,
        "reason": dispute.reason,
        "funds": dispute.funds.value,
        "evidence_due_at": time_view(dispute.evidence_due_at),
        "provider_dispute_id": dispute.reference,
        "created_at": time_view(dispute.created_at),
        "updated_at": time_view(dispute.updated_at),
    }


def payout_view(payout: Payout) -> View:
    return {
        "id": str(payout.id),
        "status": payout.status.value,
        "amount": str(payout.amount),
        "amount_minor": payout.amount.amount_minor_units,
        "currency": payout.amount.currency,
        "provider": payout.provider,
        "recipient": asdict(payout.recipient),
        "reason": payout.reason,
        "metadata": dict(payout.metadata),
        "provider_payout_id": payout.provider_payout_id,
        "failure": failure_view(payout.failure),
        "needs_review": payout.review_since is not None,
        "idempotency_key": payout.idempotency_key,
        "safe_to_retry": payout.is_safe_to_retry,
        "next_check_at": time_view(payout.next_check_at if payout.is_unfinished else None),
        "expires_at": time_view(payout.expires_at),
        "sequence": payout.version,
        "created_at": time_view(payout.created_at),
        "updated_at": time_view(payout.updated_at),
    }


def event_view(event: LoggedEvent) -> View:
    """One event of the log; ``data`` is the payment or movement as it was at that moment."""
    of = {"transaction_id": event.transaction_id, "payout_id": event.payout_id}
    return {
        "id": str(event.id),
        "type": event.event_type,
        "sequence": event.sequence,
        "cursor": event.cursor,
        **{name: str(given) for name, given in of.items() if given is not None},
        "occurred_at": time_view(event.occurred_at),
        "data": dict(event.data),
    }


def failure_view(failure: Failure | None) -> View | None:
    if failure is None:
        return None
    known = ADVICE[failure.code]
    return {
        "code": failure.code.value,
        "category": known.category.value,
        "retryable": known.retryable,
        "message": failure.message,
        "customer_message": {"en": known.english, "sw": known.swahili},
        "advice": known.advice,
        "provider_code": failure.provider_code or None,
        "provider_message": failure.provider_message or None,
    }


def time_view(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the millisecond: ``2026-01-15T10:00:00.000Z``."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _copied(mapping: Mapping[str, str] | None) -> View | None:
    return None if mapping is None else dict(mapping)
