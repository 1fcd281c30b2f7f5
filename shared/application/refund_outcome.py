"""What follows from a refund's having moved: its payment's sums and status."""

from dataclasses import replace

from shared.application.payment_book import PaymentBook
from shared.domain.attempt import Operation
from shared.domain.refund import Refund
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionTrigger
from shared.persistence.refunds import RefundRepository

T = TransactionTrigger


class RefundBook(PaymentBook[Refund]):
    _sending = Operation.INITIALIZE_REFUND

    @property
    def _stored(self) -> RefundRepository:
        return self._work.refunds

    def _resettled(self, payment: Transaction, before: RefundStatus, moved: Refund) -> Transaction:
        if moved.status is RefundStatus.SUCCEEDED:
            return replace(
                payment,
                refunded=payment.refunded + moved.amount,
                refund_pending=payment.refund_pending - moved.amount,
            )
        if moved.status is RefundStatus.FAILED and before is RefundStatus.SUCCEEDED:
            return replace(payment, refunded=payment.refunded - moved.amount)
        if moved.status is RefundStatus.FAILED:
            return replace(payment, refund_pending=payment.refund_pending - moved.amount)
        return payment

    def _payment_trigger(self, payment: Transaction, before: RefundStatus, moved: Refund) -> TransactionTrigger | None:
        if moved.status is RefundStatus.SUCCEEDED:
            return T.REFUND_ALL if payment.refunded == payment.captured else T.REFUND_SOME
        if moved.status is RefundStatus.FAILED and before is RefundStatus.SUCCEEDED:
            return T.REFUND_RETURNED_SOME if payment.refunded.is_positive() else T.REFUND_RETURNED_ALL
        return None
