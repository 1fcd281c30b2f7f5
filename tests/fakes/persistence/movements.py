"""Movements in memory: what all kinds have."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from shared.domain.capture import Capture
from shared.domain.movement import Movement
from shared.domain.movement_status import MovementStatus
from shared.domain.refund import Refund
from tests.fakes.persistence.columns import check, stored
from tests.fakes.persistence.session import Session
from tests.fakes.persistence.tables import Tables

MovementT = TypeVar("MovementT", bound=Movement)
PaymentMovementT = TypeVar("PaymentMovementT", Capture, Refund)

CHANGING = (
    "status",
    "provider_response",
    "failure",
    "next_check_at",
    "checks_made",
    "review_since",
    "updated_at",
)


class InMemoryMovements(Generic[MovementT]):
    """``_name`` is the table's."""

    _name: str

    def __init__(self, session: Session) -> None:
        self._session = session

    def _rows(self, tables: Tables) -> dict[UUID, MovementT]:
        rows: dict[UUID, MovementT] = getattr(tables, self._name)
        return rows

    def add(self, movement: MovementT) -> None:
        tables = self._session.own_rows
        rows = self._rows(tables)
        check(movement.id not in rows, f"pk_{self._name}")
        check(movement.amount.amount_minor_units > 0, f"ck_{self._name}_amount_positive")
        key = (movement.merchant_id, movement.idempotency_key)
        taken = {(each.merchant_id, each.idempotency_key) for each in rows.values()}
        check(key not in taken, f"uq_{self._name}_merchant_id_idempotency_key")
        self._check_own(movement)
        rows[movement.id] = stored(movement)

    def _check_own(self, movement: MovementT) -> None:
        """What this kind's table demands besides."""

    def _changed(self, kept: MovementT, movement: MovementT) -> MovementT:
        changed: dict[str, Any] = {name: getattr(movement, name) for name in CHANGING}
        return replace(kept.with_reference(movement.reference), **changed)

    def find(self, movement_id: UUID) -> MovementT | None:
        return self._rows(self._session.rows).get(movement_id)

    def status_of(self, movement_id: UUID) -> MovementStatus | None:
        row = self._rows(self._session.rows).get(movement_id)
        return None if row is None else row.status

    def find_by_reference(self, provider: str, reference: str) -> MovementT | None:
        wanted = (provider, reference)
        rows = self._rows(self._session.rows).values()
        return next((row for row in rows if (row.provider, row.reference) == wanted), None)

    def in_review(self, limit: int) -> Sequence[MovementT]:
        rows = self._rows(self._session.rows).values()
        waiting = [(row.review_since, row) for row in rows if row.review_since is not None]
        return [row for _, row in sorted(waiting, key=lambda pair: pair[0])][:limit]

    def claim_due_checks(self, now: datetime, until: datetime, limit: int) -> Sequence[MovementT]:
        rows = self._rows(self._session.own_rows)
        due = [(row.next_check_at, row) for row in rows.values() if row.next_check_at is not None]
        first = sorted((pair for pair in due if pair[0] <= now), key=lambda pair: pair[0])[:limit]
        claimed = [replace(row, next_check_at=until) for _, row in first]
        rows.update({row.id: row for row in claimed})
        return claimed

    def unfinished(self, after: UUID, limit: int) -> Sequence[MovementT]:
        found = [row for row in self._rows(self._session.rows).values() if row.is_unfinished and row.id > after]
        return sorted(found, key=lambda row: row.id)[:limit]


class InMemoryPaymentMovements(InMemoryMovements[PaymentMovementT], Generic[PaymentMovementT]):
    """Of those that belong to a payment, which is their lock."""

    def _check_own(self, movement: PaymentMovementT) -> None:
        known = movement.transaction_id in self._session.own_rows.transactions
        check(known, f"fk_{self._name}_transaction_id_transactions")

    def save(self, movement: PaymentMovementT) -> None:
        assert movement.transaction_id in self._session.locked, "save() is for movements of a payment that is locked"
        rows = self._rows(self._session.own_rows)
        rows[movement.id] = stored(self._changed(rows[movement.id], movement))

    def of_transaction(self, transaction_id: UUID) -> Sequence[PaymentMovementT]:
        found = [row for row in self._rows(self._session.rows).values() if row.transaction_id == transaction_id]
        return sorted(found, key=lambda row: (row.created_at, row.id))
