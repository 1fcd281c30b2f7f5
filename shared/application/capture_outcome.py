"""What follows from a capture's having moved: its payment's sums and status."""

from dataclasses import replace

from shared.application.payment_book import PaymentBook
from shared.domain.attempt import Operation
from shared.domain.capture import Capture
from shared.domain.movement_status import MovementStatus, MovementTrigger
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import NOT_TAKEN, REFUNDABLE, TransactionStatus, TransactionTrigger
from shared.persistence.captures import CaptureRepository

T = TransactionTrigger


class CaptureBook(PaymentBook[Capture]):
    _sending = Operation.INITIALIZE_CAPTURE

    @property
    def _stored(self) -> CaptureRepository:
        return self._work.captures

    def contradicted(self, movement: Capture, trigger: MovementTrigger) -> None:
        super().contradicted(movement, trigger)
        if self._payment.is_unfinished:
            self._work.transactions.save(replace(self._payment, next_check_at=self._context.now))

    def _resettled(self, payment: Transaction, before: MovementStatus, moved: Capture) -> Transaction:  # noqa: ARG002 - what was taken stays taken
        if moved.status is MovementStatus.SUCCEEDED:
            return replace(
                payment,
                captured=payment.captured + moved.amount,
                capture_pending=payment.capture_pending - moved.amount,
                failure=None,
                late=payment.late or payment.status in NOT_TAKEN,
            )
        if moved.status is MovementStatus.FAILED:
            # Whether the rest can still be taken, or was released meanwhile, the provider knows.
            due_at = self._context.now if payment.is_unfinished else None
            return replace(payment, capture_pending=payment.capture_pending - moved.amount, next_check_at=due_at)
        return payment

    def _payment_trigger(
        self,
        payment: Transaction,
        before: MovementStatus,  # noqa: ARG002 - what was taken stays taken
        moved: Capture,
    ) -> TransactionTrigger | None:
        if moved.status is not MovementStatus.SUCCEEDED:
            return None
        if payment.status in REFUNDABLE | {TransactionStatus.REFUNDED}:
            return T.CAPTURE_SOME
        is_last = moved.is_final or payment.captured == payment.authorized
        return T.SUCCEED if is_last or payment.status is not TransactionStatus.AUTHORIZED else T.CAPTURE_SOME
