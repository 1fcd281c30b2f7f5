"""Reads payments: one with its whole life, or a page of them."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from services.api.use_cases.acceptance import Resource
from shared.application.views import View, capture_view, payment_view, refund_view, time_view
from shared.domain.attempt import Attempt
from shared.domain.errors import FieldError, NotFound, ValidationFailed
from shared.domain.ids import CaptureId, MerchantId, RefundId, TransactionId
from shared.domain.movement_status import MovementStatus
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.audit_entry import AuditEntry
from shared.persistence.outbox import SentMessage
from shared.persistence.transactions import TransactionFilter
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.runtime.access_tokens import AccessTokens

# Accepted or sent, and nothing else known yet.
PAYMENT_AT_WORK = frozenset({TransactionStatus.PENDING, TransactionStatus.PROCESSING})
MOVEMENT_AT_WORK = frozenset({MovementStatus.PENDING, MovementStatus.PROCESSING})


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which page of a list; ``after`` and ``before`` are ids, and win over ``page``."""

    page: int
    limit: int
    after: str | None
    before: str | None


class ReadPayments:
    def __init__(self, unit_of_work: UnitOfWorkFactory, tokens: AccessTokens) -> None:
        self._unit_of_work, self._tokens = unit_of_work, tokens

    def one(self, transaction_id: str, merchant_id: MerchantId) -> View:
        """The payment with its audit trail, attempts, captures, refunds and messages. Raises ``NotFound``."""
        with self._unit_of_work() as work:
            payment = work.transactions.find(payment_id(transaction_id), merchant_id)
            if payment is None:
                raise NotFound("There is no such payment.")
            return self.with_token(payment) | _life_of(work, payment)

    def payments_of(self, merchant_id: MerchantId) -> Resource:
        return Resource(partial(self._current, merchant_id), self._has_outcome)

    def cancellations_of(self, merchant_id: MerchantId) -> Resource:
        """The payment; the outcome is known once it is over, or the provider has refused."""
        return Resource(partial(self._current, merchant_id), self._cancellation_has_outcome)

    def captures_of(self, merchant_id: MerchantId) -> Resource:
        return Resource(partial(self._current_capture, merchant_id), self._capture_has_outcome)

    def refunds_of(self, merchant_id: MerchantId) -> Resource:
        return Resource(partial(self._current_refund, merchant_id), self._refund_has_outcome)

    def page(self, narrowed_to: TransactionFilter, page: PageRequest) -> View:
        """One page, newest first. Raises ``ValidationFailed`` for a cursor that is no id."""
        after, before = _cursor("after", page.after), _cursor("before", page.before)
        offset = 0 if after or before else (page.page - 1) * page.limit
        with self._unit_of_work() as work:
            found = work.transactions.list_newest_first(
                narrowed_to, limit=page.limit + 1, offset=offset, before=before, after=after
            )
            total = work.transactions.count(narrowed_to)
        has_more = len(found) > page.limit
        # Going back in time the row too many is the last; coming forward it is the first.
        shown = found[-page.limit :] if before else found[: page.limit]
        return {
            "data": [self.with_token(payment) for payment in shown],
            "has_more": has_more,
            "page": page.page,
            "limit": page.limit,
            "total": total,
            "next_cursor": str(shown[-1].id) if shown and (has_more or before) else None,
        }

    def client_token_of(self, stored: bytes) -> View:
        """The token that belongs to an answer, derived from it: it is never stored."""
        payment = json.loads(stored)
        created_at = datetime.fromisoformat(payment["created_at"])
        return {"client_token": self._tokens.issue_watch(UUID(payment["id"]), created_at)}

    def with_token(self, payment: Transaction) -> View:
        return payment_view(payment) | {"client_token": self._tokens.issue_watch(payment.id, payment.created_at)}

    def _current(self, merchant_id: MerchantId, transaction_id: UUID) -> View:
        """The payment as it is now. Raises ``NotFound``."""
        with self._unit_of_work() as work:
            payment = work.transactions.find(TransactionId(transaction_id), merchant_id)
        if payment is None:
            raise NotFound("There is no such payment.")
        return payment_view(payment)

    def _current_refund(self, merchant_id: MerchantId, refund_id: UUID) -> View:
        """The refund as it is now. Raises ``NotFound``."""
        with self._unit_of_work() as work:
            refund = work.refunds.find(RefundId(refund_id))
        if refund is None or refund.merchant_id != merchant_id:
            raise NotFound("There is no such refund.")
        return refund_view(refund)

    def _current_capture(self, merchant_id: MerchantId, capture_id: UUID) -> View:
        """The capture as it is now. Raises ``NotFound``."""
        with self._unit_of_work() as work:
            capture = work.captures.find(CaptureId(capture_id))
        if capture is None or capture.merchant_id != merchant_id:
            raise NotFound("There is no such capture.")
        return capture_view(capture)

    def _has_outcome(self, transaction_id: UUID) -> bool:
        with self._unit_of_work() as work:
            return work.transactions.status_of(TransactionId(transaction_id)) not in PAYMENT_AT_WORK

    def _cancellation_has_outcome(self, transaction_id: UUID) -> bool:
        with self._unit_of_work() as work:
            payment = work.transactions.find(TransactionId(transaction_id))
        return payment is None or not payment.is_unfinished or payment.cancel_requested_at is None

    def _capture_has_outcome(self, capture_id: UUID) -> bool:
        with self._unit_of_work() as work:
            return work.captures.status_of(CaptureId(capture_id)) not in MOVEMENT_AT_WORK

    def _refund_has_outcome(self, refund_id: UUID) -> bool:
        with self._unit_of_work() as work:
            return work.refunds.status_of(RefundId(refund_id)) not in MOVEMENT_AT_WORK


def payment_id(text: str) -> TransactionId:
    """Raises ``NotFound`` for what is no id: there is no such payment."""
    try:
        return TransactionId(UUID(text))
    except ValueError:
        raise NotFound("There is no such payment.") from None


def _cursor(name: str, text: str | None) -> TransactionId | None:
    try:
        return None if text is None else TransactionId(UUID(text))
    except ValueError:
        problem = FieldError(name, "must be the id of a payment, or a next_cursor")
        raise ValidationFailed("Some fields are not acceptable.", problem) from None


def _life_of(work: UnitOfWork, payment: Transaction) -> View:
    return {
        "audit_trail": [_audit_view(entry) for entry in work.audit_log.of_transaction(payment.id)],
        "attempts": [_attempt_view(attempt) for attempt in work.attempts.of_transaction(payment.id)],
        "captures": [capture_view(capture) for capture in work.captures.of_transaction(payment.id)],
        "refunds": [refund_view(refund) for refund in work.refunds.of_transaction(payment.id)],
        "messages": [_message_view(message) for message in work.outbox.of_correlation(str(payment.id))],
    }


def _audit_view(entry: AuditEntry) -> View:
    return {
        "id": str(entry.id),
        "event_type": entry.event_type,
        "event_data": dict(entry.event_data),
        "user_id": entry.user_id,
        "ip_address": entry.ip_address,
        "user_agent": entry.user_agent,
        "request_id": entry.request_id,
        "timestamp": time_view(entry.timestamp),
    }


def _attempt_view(attempt: Attempt) -> View:
    return {
        "id": str(attempt.id),
        "operation": attempt.operation.value,
        "number": attempt.number,
        "outcome": attempt.outcome,
        "reason": attempt.reason,
        "started_at": time_view(attempt.started_at),
        "finished_at": time_view(attempt.finished_at),
    }


def _message_view(message: SentMessage) -> View:
    return {
        "type": message.type,
        "routing_key": message.routing_key,
        "committed_at": time_view(message.committed_at),
        "confirmed_at": time_view(message.confirmed_at),
    }
