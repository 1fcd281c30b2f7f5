"""The book of the movements that belong to a payment: they share its lock, its sums and its sequence of events."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Generic, TypeVar

from shared.application.journal import record_movement_event, record_payment_event
from shared.application.movement_book import MovementBook
from shared.application.outcome_context import OutcomeContext
from shared.domain.capture import Capture
from shared.domain.movement_status import MovementStatus, MovementTrigger
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionTrigger
from shared.persistence.movements import PaymentMovementRepository
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.metrics import LATE_SUCCESSES

MovementT = TypeVar("MovementT", Capture, Refund)


class PaymentBook(MovementBook[MovementT], Generic[MovementT]):
    """Each kind says where its movements are stored, and what they do to the payment's sums and status."""

    def __init__(self, work: UnitOfWork, payment: Transaction, context: OutcomeContext) -> None:
        super().__init__(work, context)
        self._payment = payment

    @property
    def payment(self) -> Transaction:
        """As the recorded movements have left it."""
        return self._payment

    def save(self, movement: MovementT) -> None:
        self._stored.save(movement)

    def record(self, moved: MovementT, before: MovementStatus, event_type: str, details: Mapping[str, object]) -> None:
        payment = self._resettled(self._payment, before, moved)
        payment = replace(payment, version=payment.version + 1, updated_at=self._context.now)
        self._stored.save(moved)
        record_movement_event(self._work, payment, moved, event_type, self._context.actor, details)
        self._payment = self._moved(payment, self._payment_trigger(payment, before, moved), details)
        self._work.transactions.save(self._payment)

    def contradicted(self, movement: MovementT, trigger: MovementTrigger) -> None:
        self._refuse(self._payment, movement, trigger)

    def _moved(
        self, payment: Transaction, trigger: TransactionTrigger | None, details: Mapping[str, object]
    ) -> Transaction:
        if trigger is None:
            return payment
        moved, transition = payment.on(trigger, self._context.now)
        if not moved.is_unfinished:
            moved = replace(moved, next_check_at=None, next_action=None)
        told = {**details, "before": payment.status.value}
        record_payment_event(self._work, moved, transition.event_type, self._context.actor, told)
        if moved.late and not payment.is_taken:
            LATE_SUCCESSES.labels(provider=moved.provider).inc()
        return moved

    @property
    @abstractmethod
    def _stored(self) -> PaymentMovementRepository[MovementT]: ...

    @abstractmethod
    def _resettled(self, payment: Transaction, before: MovementStatus, moved: MovementT) -> Transaction:
        """The payment's sums after the movement has moved from ``before``."""

    @abstractmethod
    def _payment_trigger(
        self, payment: Transaction, before: MovementStatus, moved: MovementT
    ) -> TransactionTrigger | None:
        """The edge that the payment takes after it; ``payment`` has its new sums."""
