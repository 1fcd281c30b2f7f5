"""Claim, call, record: the same for everything that moves the money of a payment after it was made."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import ClassVar, Generic, TypeVar
from uuid import UUID

from services.provider_worker.attempts import Attempts
from services.provider_worker.payments import LEASE_GRACE
from shared.application.apply_outcome import apply_outcome, park
from shared.application.journal import record_movement_event
from shared.application.resending import KEY_FORGOTTEN
from shared.application.subjects import PaymentMovement
from shared.domain.attempt import Attempt, Operation
from shared.domain.capture import Capture
from shared.domain.failure import FailureCode
from shared.domain.ids import TransactionId
from shared.domain.movement_status import MovementStatus, MovementTrigger
from shared.domain.outcome import Declined, Outcome
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.persistence.movements import MovementRepository
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.provider_kit.provider import PaymentProvider
from shared.runtime.clock import Clock

MovementT = TypeVar("MovementT", Capture, Refund)


class MovementHandlers(ABC, Generic[MovementT]):
    """Each kind says where its movements are stored, and how the provider is asked."""

    _sending: ClassVar[Operation]
    _asking: ClassVar[Operation]

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, provider: PaymentProvider, attempts: Attempts, clock: Clock
    ) -> None:
        self._unit_of_work, self._provider, self._attempts, self._clock = unit_of_work, provider, attempts, clock

    @abstractmethod
    def _stored(self, work: UnitOfWork) -> MovementRepository[MovementT]: ...

    @abstractmethod
    def _move(self, payment: Transaction, movement: MovementT, idempotency_key: str) -> Outcome:
        """Ask the provider to move the money."""

    @abstractmethod
    def _ask(self, payment: Transaction, movement: MovementT) -> Outcome:
        """Ask the provider what became of it."""

    def _initialize(self, transaction_id: UUID, movement_id: UUID) -> None:
        claim = self._claim(TransactionId(transaction_id), movement_id)
        if claim is None:
            return
        payment, movement, attempt = claim
        self._attempts.call(attempt, lambda: self._move(payment, movement, attempt.provider_key))

    def _verify(self, transaction_id: UUID, movement_id: UUID) -> None:
        with self._unit_of_work() as work:
            payment, movement = self._locked(work, TransactionId(transaction_id), movement_id)
            if payment is None or movement is None or not _is_to_be_asked(movement):
                return
            attempt = self._attempts.begin(work, payment, self._asking, movement)
            work.commit()
        self._attempts.call(attempt, lambda: self._ask(payment, movement))

    def _claim(self, transaction_id: TransactionId, movement_id: UUID) -> tuple[Transaction, MovementT, Attempt] | None:
        """Commit that we are about to call; ``None`` where there is nothing to do, or somebody else does it."""
        with self._unit_of_work() as work:
            payment, movement = self._locked(work, transaction_id, movement_id)
            if payment is None or movement is None or movement.status is not MovementStatus.PENDING:
                return None
            refusal = self._refusal(payment, movement)
            if refusal is not None:
                apply_outcome(work, payment, movement, Declined(code=refusal), self._attempts.context(None))
                work.commit()
                return None
            if self._attempts.may_be_taken_for_new(work, self._sending, movement.id):
                park(work, payment, movement, KEY_FORGOTTEN, self._attempts.context(None))
                work.commit()
                return None
            payment, claimed = self._submitted(work, payment, movement)
            attempt = self._attempts.begin(work, payment, self._sending, claimed)
            self._stored(work).save(replace(claimed, next_check_at=attempt.lease_until + LEASE_GRACE))
            work.commit()
        return payment, claimed, attempt

    def _refusal(self, payment: Transaction, movement: MovementT) -> FailureCode | None:  # noqa: ARG002 - for kinds
        """Why it must not be sent any more."""
        return FailureCode.EXPIRED if self._clock.now() >= movement.expires_at else None

    def _submitted(self, work: UnitOfWork, payment: Transaction, movement: MovementT) -> tuple[Transaction, MovementT]:
        now = self._clock.now()
        claimed, transition = movement.on(MovementTrigger.SUBMIT, now)
        payment = replace(payment, version=payment.version + 1, updated_at=now)
        work.transactions.save(payment)
        actor = self._attempts.context(None).actor
        details = {"before": movement.status.value}
        record_movement_event(work, payment, claimed, transition.event_type, actor, details)
        return payment, claimed

    def _locked(
        self, work: UnitOfWork, transaction_id: TransactionId, movement_id: UUID
    ) -> tuple[Transaction | None, MovementT | None]:
        """The payment, locked, and its movement: always in this order, so that no two can wait for each other."""
        payment = work.transactions.lock(transaction_id)
        return payment, self._stored(work).find(movement_id)


def _is_to_be_asked(movement: PaymentMovement) -> bool:
    """Whether it has been sent and is unfinished; or finished, and the provider's books say something else."""
    if movement.is_unfinished:
        return movement.status is not MovementStatus.PENDING
    return movement.next_check_at is not None
