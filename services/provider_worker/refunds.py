"""Gives money back at the provider, and asks about it."""

from dataclasses import replace

from services.provider_worker.attempts import Attempts
from services.provider_worker.payments import LEASE_GRACE
from shared.application.apply_outcome import apply_outcome
from shared.application.journal import record_refund_event
from shared.contracts.messages.commands import RefundPayment, VerifyRefund
from shared.domain.attempt import Attempt, Operation
from shared.domain.failure import FailureCode
from shared.domain.ids import RefundId, TransactionId
from shared.domain.outcome import Declined
from shared.domain.refund import Refund
from shared.domain.refund_status import RefundStatus, RefundTrigger
from shared.domain.transaction import Transaction
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.provider_kit.provider import PaymentProvider, RefundQuery, RefundRequest
from shared.runtime.clock import Clock


class RefundHandlers:
    def __init__(
        self, unit_of_work: UnitOfWorkFactory, provider: PaymentProvider, attempts: Attempts, clock: Clock
    ) -> None:
        self._unit_of_work, self._provider, self._attempts, self._clock = unit_of_work, provider, attempts, clock

    def initialize(self, command: RefundPayment) -> None:
        claim = self._claim(TransactionId(command.transaction_id), RefundId(command.refund_id))
        if claim is None:
            return
        payment, refund, attempt = claim
        request = RefundRequest(
            refund_id=refund.id,
            idempotency_key=attempt.provider_key,
            payment_reference=payment.provider_transaction_id or "",
            amount=refund.amount,
            reason=refund.reason,
        )
        self._attempts.call(attempt, lambda: self._provider.refund_payment(request))

    def verify(self, command: VerifyRefund) -> None:
        with self._unit_of_work() as work:
            payment, refund = _locked(work, TransactionId(command.transaction_id), RefundId(command.refund_id))
            if payment is None or refund is None or not _is_to_be_asked(refund):
                return
            attempt = self._attempts.begin(work, payment, Operation.VERIFY_REFUND, refund)
            work.commit()
        query = RefundQuery(
            refund_id=refund.id,
            payment_reference=payment.provider_transaction_id or "",
            amount=refund.amount,
            reference=refund.provider_refund_id,
        )
        self._attempts.call(attempt, lambda: self._provider.verify_refund(query))

    def _claim(self, transaction_id: TransactionId, refund_id: RefundId) -> tuple[Transaction, Refund, Attempt] | None:
        """Commit that we are about to call; ``None`` where there is nothing to do, or somebody else does it."""
        with self._unit_of_work() as work:
            payment, refund = _locked(work, transaction_id, refund_id)
            if payment is None or refund is None or refund.status is not RefundStatus.PENDING:
                return None
            if self._clock.now() >= refund.expires_at:
                too_late = Declined(code=FailureCode.EXPIRED)
                apply_outcome(work, payment, refund, too_late, self._attempts.context(None))
                work.commit()
                return None
            payment, claimed = self._submitted(work, payment, refund)
            attempt = self._attempts.begin(work, payment, Operation.INITIALIZE_REFUND, claimed)
            work.refunds.save(replace(claimed, next_check_at=attempt.lease_until + LEASE_GRACE))
            work.commit()
        return payment, claimed, attempt

    def _submitted(self, work: UnitOfWork, payment: Transaction, refund: Refund) -> tuple[Transaction, Refund]:
        now = self._clock.now()
        claimed, transition = refund.on(RefundTrigger.SUBMIT, now)
        payment = replace(payment, version=payment.version + 1, updated_at=now)
        work.transactions.save(payment)
        actor = self._attempts.context(None).actor
        record_refund_event(work, payment, claimed, transition.event_type, actor, {"before": refund.status.value})
        return payment, claimed


def _locked(
    work: UnitOfWork, transaction_id: TransactionId, refund_id: RefundId
) -> tuple[Transaction | None, Refund | None]:
    """The payment, locked, and its refund: always in this order, so that no two can wait for each other."""
    payment = work.transactions.lock(transaction_id)
    return payment, work.refunds.find(refund_id)


def _is_to_be_asked(refund: Refund) -> bool:
    """As of a payment: sent and unfinished, or finished and contradicted by the provider's books."""
    if refund.is_unfinished:
        return refund.status is not RefundStatus.PENDING
    return refund.next_check_at is not None
