"""Claim, call, record: the same for everything that moves money and is not the payment itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Generic, TypeVar
from uuid import UUID

from services.provider_worker.attempts import Attempts
from services.provider_worker.payments import LEASE_GRACE
from shared.application.apply_outcome import apply_outcome, park
from shared.application.journal import record_movement_event
from shared.application.provider_accounts import Accounts
from shared.application.resending import KEY_FORGOTTEN
from shared.application.subjects import AnyMovement
from shared.domain.attempt import Attempt, Operation
from shared.domain.capture import Capture
from shared.domain.failure import FailureCode
from shared.domain.ids import TransactionId
from shared.domain.movement_status import MovementStatus, MovementTrigger
from shared.domain.outcome import Declined, Outcome
from shared.domain.payout import Payout
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.persistence.movements import MovementRepository
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.provider_kit.provider import PaymentProvider
from shared.runtime.clock import Clock

OwnerT = TypeVar("OwnerT", Transaction, Payout)
MovementT = TypeVar("MovementT", Capture, Refund, Payout)
PaymentMovementT = TypeVar("PaymentMovementT", Capture, Refund)


class MovementHandlers(ABC, Generic[OwnerT, MovementT]):
    """Each kind says what its movements belong to, where they are stored, and how the provider is asked."""

    _sending: ClassVar[Operation]
    _asking: ClassVar[Operation]

    def __init__(self, unit_of_work: UnitOfWorkFactory, accounts: Accounts, attempts: Attempts, clock: Clock) -> None:
        self._unit_of_work, self._accounts, self._attempts, self._clock = unit_of_work, accounts, attempts, clock

    @abstractmethod
    def _stored(self, work: UnitOfWork) -> MovementRepository[MovementT]: ...

    @abstractmethod
    def _locked(self, work: UnitOfWork, owner_id: UUID, movement_id: UUID) -> tuple[OwnerT, MovementT] | None:
        """The movement and what it belongs to, under the lock of the latter."""

    @abstractmethod
    def _recorded(
        self, work: UnitOfWork, owner: OwnerT, moved: MovementT, event_type: str, details: Mapping[str, object]
    ) -> tuple[OwnerT, MovementT]:
        """Both, one version on, with the event of an edge that the movement took."""

    @abstractmethod
    def _move(self, provider: PaymentProvider, owner: OwnerT, movement: MovementT, idempotency_key: str) -> Outcome:
        """Ask the provider to move the money."""

    @abstractmethod
    def _ask(self, provider: PaymentProvider, owner: OwnerT, movement: MovementT) -> Outcome:
        """Ask the provider what became of it."""

    def _initialize(self, owner_id: UUID, movement_id: UUID) -> None:
        claim = self._claim(owner_id, movement_id)
        if claim is None:
            return
        owner, movement, attempt = claim
        self._attempts.call(attempt, lambda: self._move(self._provider(owner), owner, movement, attempt.provider_key))

    def _verify(self, owner_id: UUID, movement_id: UUID) -> None:
        with self._unit_of_work() as work:
            held = self._locked(work, owner_id, movement_id)
            if held is None or not _is_to_be_asked(held[1]):
                return
            owner, movement = held
            attempt = self._attempts.begin(work, owner, self._asking, movement)
            work.commit()
        self._attempts.call(attempt, lambda: self._ask(self._provider(owner), owner, movement))

    def _provider(self, owner: OwnerT) -> PaymentProvider:
        return self._accounts.adapter(owner.provider_config_id)

    def _claim(self, owner_id: UUID, movement_id: UUID) -> tuple[OwnerT, MovementT, Attempt] | None:
        """Commit that we are about to call; ``None`` where there is nothing to do, or somebody else does it."""
        with self._unit_of_work() as work:
            held = self._locked(work, owner_id, movement_id)
            if held is None or held[1].status is not MovementStatus.PENDING:
                return None
            owner, movement = held
            refusal = self._refusal(owner, movement)
            if refusal is not None:
                apply_outcome(work, owner, movement, Declined(code=refusal), self._attempts.context(None))
                work.commit()
                return None
            if self._attempts.may_be_taken_for_new(work, self._sending, movement.id):
                park(work, owner, movement, KEY_FORGOTTEN, self._attempts.context(None))
                work.commit()
                return None
            placed = self._with_account(work, owner, movement)
            if placed is None:
                look_again_at = self._attempts.wait_for_account(owner.provider)
                self._stored(work).save(replace(movement, next_check_at=look_again_at))
                work.commit()
                return None
            owner, claimed = self._submitted(work, *placed)
            attempt = self._attempts.begin(work, owner, self._sending, claimed)
            self._stored(work).save(replace(claimed, next_check_at=attempt.lease_until + LEASE_GRACE))
            work.commit()
        return owner, claimed, attempt

    def _with_account(self, work: UnitOfWork, owner: OwnerT, movement: MovementT) -> tuple[OwnerT, MovementT] | None:  # noqa: ARG002 - for kinds
        """Both, with the account that it is sent with; ``None``: there is none yet. A payment has one already."""
        return owner, movement

    def _refusal(self, owner: OwnerT, movement: MovementT) -> FailureCode | None:  # noqa: ARG002 - for kinds
        """Why it must not be sent any more."""
        return FailureCode.EXPIRED if self._clock.now() >= movement.expires_at else None

    def _submitted(self, work: UnitOfWork, owner: OwnerT, movement: MovementT) -> tuple[OwnerT, MovementT]:
        claimed, transition = movement.on(MovementTrigger.SUBMIT, self._clock.now())
        return self._recorded(work, owner, claimed, transition.event_type, {"before": movement.status.value})


class PaymentMovementHandlers(MovementHandlers[Transaction, PaymentMovementT], Generic[PaymentMovementT]):
    """Of what belongs to a payment, whose lock and sequence it shares."""

    def _locked(
        self, work: UnitOfWork, owner_id: UUID, movement_id: UUID
    ) -> tuple[Transaction, PaymentMovementT] | None:
        """Always in this order, so that no two can wait for each other."""
        payment = work.transactions.lock(TransactionId(owner_id))
        movement = self._stored(work).find(movement_id)
        return None if payment is None or movement is None else (payment, movement)

    def _recorded(
        self,
        work: UnitOfWork,
        owner: Transaction,
        moved: PaymentMovementT,
        event_type: str,
        details: Mapping[str, object],
    ) -> tuple[Transaction, PaymentMovementT]:
        payment = replace(owner, version=owner.version + 1, updated_at=moved.updated_at)
        work.transactions.save(payment)
        record_movement_event(work, payment, moved, event_type, self._attempts.context(None).actor, details)
        return payment, moved


def _is_to_be_asked(movement: AnyMovement) -> bool:
    """Whether it has been sent and is unfinished; or finished, and the provider's books say something else."""
    if movement.is_unfinished:
        return movement.status is not MovementStatus.PENDING
    return movement.next_check_at is not None
