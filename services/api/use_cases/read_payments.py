"""Reads payments: one with its whole life, or a page of them."""

import json
from datetime import datetime
from functools import partial
from uuid import UUID

from services.api.use_cases.acceptance import Resource
from services.api.use_cases.ids import id_of
from services.api.use_cases.pages import PageRequest, page_view
from shared.application.views import View, capture_view, dispute_view, payment_view, refund_view, time_view
from shared.domain.attempt import Attempt
from shared.domain.errors import NotFound
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


class ReadPayments:
    def __init__(self, unit_of_work: UnitOfWorkFactory, tokens: AccessTokens) -> None:
        self._unit_of_work, self._tokens = unit_of_work, tokens

    def one(self, transaction_id: str, merchant_id: MerchantId) -> View:
        """The payment with its audit trail, attempts, captures, refunds and messages. Raises ``NotFound``."""
        with self._unit_of_work() as work:
            # Else a refund could be told as over, and its payment's sums as they were before.
            work.see_one_moment()
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

    def page(self, narrowed_to: TransactionFilter, asked: PageRequest) -> View:
        """One page, newest first. Raises ``ValidationFailed`` for a cursor that is no id."""
        after, before = asked.places("payment")
        with self._unit_of_work() as work:
            found = work.transactions.list_newest_first(
                narrowed_to,
                limit=asked.limit + 1,
                offset=asked.offset,
                before=None if before is None else TransactionId(before),
                after=None if after is None else TransactionId(after),
            )
            total = work.transactions.count(narrowed_to)
        return page_view(asked, found, total, self.with_token)

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
    return TransactionId(id_of("payment", text))


def _life_of(work: UnitOfWork, payment: Transaction) -> View:
    return {
        "audit_trail": [audit_view(entry) for entry in work.audit_log.of_transaction(payment.id)],
        "attempts": [attempt_view(attempt) for attempt in work.attempts.of_transaction(payment.id)],
        "captures": [capture_view(capture) for capture in work.captures.of_transaction(payment.id)],
        "refunds": [refund_view(refund) for refund in work.refunds.of_transaction(payment.id)],
        "disputes": [dispute_view(dispute) for dispute in work.disputes.of_transaction(payment.id)],
        "messages": [_message_view(message) for message in work.outbox.of_correlation(str(payment.id))],
    }


def audit_view(entry: AuditEntry) -> View:
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


def attempt_view(attempt: Attempt) -> View:
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
