"""What Stripe's disputes mean, in our words."""

from collections.abc import Mapping
from datetime import UTC, datetime

import structlog

from shared.domain.dispute_status import DisputeFunds, DisputeStatus
from shared.provider_kit.answers import answer_of
from shared.provider_kit.disputes import DisputeReported
from shared.providers.stripe.money import from_stripe
from shared.providers.stripe.wire import Dispute

log = structlog.get_logger()

S = DisputeStatus
STATUSES: Mapping[str, DisputeStatus] = {
    "warning_needs_response": S.INQUIRY,
    "warning_under_review": S.INQUIRY,
    "warning_closed": S.CLOSED,
    "needs_response": S.OPEN,
    "under_review": S.UNDER_REVIEW,
    "won": S.WON,
    "lost": S.LOST,
    "prevented": S.CLOSED,
    # the merchant gave the money back while it was only asked for (until API version 2022-11-15)
    "charge_refunded": S.CLOSED,
}


def reported(dispute: Dispute) -> DisputeReported:
    """A status that nobody knows yet is ``open``: somebody should look. Raises ``AmountRejected``."""
    status = STATUSES.get(dispute.status or "")
    if status is None:
        log.error("stripe.unknown_dispute_status", dispute=dispute.id, status=dispute.status)
    return DisputeReported(
        reference=dispute.id,
        payment_reference=dispute.payment_intent,
        amount=from_stripe(dispute.amount, dispute.currency),
        status=status or S.OPEN,
        funds=_funds(dispute),
        reason=dispute.reason or "",
        evidence_due_at=_due_at(dispute),
        answer=answer_of(dispute),
    )


def _funds(dispute: Dispute) -> DisputeFunds:
    """Of none, one or two balance transactions the first took the money, and the second gave it back."""
    moves = len(dispute.balance_transactions)
    return (DisputeFunds.UNMOVED, DisputeFunds.WITHDRAWN, DisputeFunds.REINSTATED)[min(moves, 2)]


def _due_at(dispute: Dispute) -> datetime | None:
    due_by = dispute.evidence_details.due_by if dispute.evidence_details else None
    return None if due_by is None else datetime.fromtimestamp(due_by, UTC)
