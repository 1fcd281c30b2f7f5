"""Stores what all movements have; each kind adds its own columns and its guard."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, ClassVar, Generic, TypedDict, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Row, RowMapping, Select, Table, bindparam, insert, select, update

from shared.domain.ids import MerchantId, UserId
from shared.domain.money import Money
from shared.domain.movement import Movement
from shared.domain.movement_status import UNFINISHED, MovementStatus
from shared.domain.transaction import Failure
from shared.persistence.transactions import failure_from

MovementT = TypeVar("MovementT", bound=Movement)


class SharedFacts(TypedDict):
    """The fields of ``Movement`` that are read from every kind's table; ``id`` is each kind's own."""

    merchant_id: MerchantId
    user_id: UserId | None
    idempotency_key: str
    provider: str
    amount: Money
    status: MovementStatus
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    provider_response: Mapping[str, object]
    failure: Failure | None
    next_check_at: datetime | None
    checks_made: int
    review_since: datetime | None


class MovementRepository(ABC, Generic[MovementT]):
    """``_reference`` names the column with the provider's id."""

    _table: ClassVar[Table]
    _reference: ClassVar[str]

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, movement: MovementT) -> None:
        columns = {
            "id": movement.id,
            "merchant_id": movement.merchant_id,
            "user_id": movement.user_id,
            "idempotency_key": movement.idempotency_key,
            "provider": movement.provider,
            "amount_minor": movement.amount.amount_minor_units,
            "currency": movement.amount.currency,
            "expires_at": movement.expires_at,
            "created_at": movement.created_at,
        }
        row = columns | self._own_columns(movement) | self._changing_columns(movement)
        self._connection.execute(insert(self._table), row)

    def save(self, movement: MovementT) -> None:
        """Write what can change. The caller holds the lock that guards it: the payment's, or the payout's own."""
        statement = update(self._table).where(self._table.c.id == bindparam("saved_id"))
        self._connection.execute(statement, {"saved_id": movement.id, **self._changing_columns(movement)})

    def find(self, movement_id: UUID) -> MovementT | None:
        return self._one(select(self._table).where(self._table.c.id == movement_id))

    def status_of(self, movement_id: UUID) -> MovementStatus | None:
        """As ``TransactionRepository.status_of``."""
        row = self._connection.execute(select(self._table.c.status).where(self._table.c.id == movement_id))
        status: str | None = row.scalar_one_or_none()
        return None if status is None else MovementStatus(status)

    def find_by_reference(self, provider: str, reference: str) -> MovementT | None:
        theirs = (self._table.c.provider == provider, self._table.c[self._reference] == reference)
        return self._one(select(self._table).where(*theirs))

    def claim_due_checks(self, now: datetime, until: datetime, limit: int) -> Sequence[MovementT]:
        """As ``TransactionRepository.claim_due_checks``."""
        due = (
            select(self._table.c.id)
            .where(self._table.c.next_check_at <= now)
            .order_by(self._table.c.next_check_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        claimed = update(self._table).where(self._table.c.id.in_(due)).values(next_check_at=until)
        return [self._entity(row) for row in self._connection.execute(claimed.returning(self._table))]

    def in_review(self, limit: int) -> Sequence[MovementT]:
        """What somebody must look at, of all merchants, the oldest first."""
        waiting = select(self._table).where(self._table.c.review_since.is_not(None))
        rows = self._connection.execute(waiting.order_by(self._table.c.review_since).limit(limit))
        return [self._entity(row) for row in rows]

    def unfinished(self, after: UUID, limit: int) -> Sequence[MovementT]:
        """As ``TransactionRepository.unfinished``."""
        statement = select(self._table).where(self._table.c.status.in_(sorted(UNFINISHED)), self._table.c.id > after)
        rows = self._connection.execute(statement.order_by(self._table.c.id).limit(limit))
        return [self._entity(row) for row in rows]

    @abstractmethod
    def _own_columns(self, movement: MovementT) -> dict[str, object]:
        """What this kind has besides, and never changes."""

    @abstractmethod
    def _entity(self, row: Row[Any]) -> MovementT:
        """The movement that a row holds."""

    def _one(self, statement: Select[Any]) -> MovementT | None:
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else self._entity(row)

    def _changing_columns(self, movement: MovementT) -> dict[str, object]:
        return {
            "status": movement.status,
            self._reference: movement.reference,
            "provider_response": dict(movement.provider_response),
            "failure": None if movement.failure is None else asdict(movement.failure),
            "next_check_at": movement.next_check_at,
            "checks_made": movement.checks_made,
            "review_since": movement.review_since,
            "updated_at": movement.updated_at,
        }


class PaymentMovementRepository(MovementRepository[MovementT], Generic[MovementT]):
    """Of those that belong to a payment."""

    def of_transaction(self, transaction_id: UUID) -> Sequence[MovementT]:
        """Those of one payment, oldest first."""
        statement = select(self._table).where(self._table.c.transaction_id == transaction_id)
        rows = self._connection.execute(statement.order_by(self._table.c.created_at, self._table.c.id))
        return [self._entity(row) for row in rows]


def shared_facts(column: RowMapping) -> SharedFacts:
    return SharedFacts(
        merchant_id=MerchantId(column["merchant_id"]),
        user_id=None if column["user_id"] is None else UserId(column["user_id"]),
        idempotency_key=column["idempotency_key"],
        provider=column["provider"],
        amount=Money(column["amount_minor"], column["currency"]),
        status=MovementStatus(column["status"]),
        expires_at=column["expires_at"],
        created_at=column["created_at"],
        updated_at=column["updated_at"],
        provider_response=column["provider_response"],
        failure=failure_from(column["failure"]),
        next_check_at=column["next_check_at"],
        checks_made=column["checks_made"],
        review_since=column["review_since"],
    )
