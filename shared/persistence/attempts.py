"""Stores attempts: the proof of what may have been sent."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Row, func, select, update

from shared.domain.attempt import Attempt, Operation
from shared.domain.ids import AttemptId, CaptureId, MerchantId, PayoutId, RefundId, TransactionId
from shared.persistence.pending_writes import PendingWrites
from shared.persistence.tables import attempts


class AttemptRepository:
    def __init__(self, connection: Connection, writes: PendingWrites) -> None:
        self._connection, self._writes = connection, writes

    def add(self, attempt: Attempt) -> None:
        self._writes.insert(
            attempts,
            {
                "id": attempt.id,
                "merchant_id": attempt.merchant_id,
                "transaction_id": attempt.transaction_id,
                "refund_id": attempt.refund_id,
                "capture_id": attempt.capture_id,
                "payout_id": attempt.payout_id,
                "provider": attempt.provider,
                "operation": attempt.operation,
                "number": attempt.number,
                "provider_key": attempt.provider_key,
                "started_at": attempt.started_at,
                "lease_until": attempt.lease_until,
            },
        )

    def count(self, provider_key: str) -> int:
        """How many attempts this operation has had. The caller holds the lock of the payment's or payout's row."""
        statement = select(func.count()).select_from(attempts).where(attempts.c.provider_key == provider_key)
        return self._connection.execute(statement).scalar_one()

    def first_started_at(self, provider_key: str) -> datetime | None:
        """When the provider may have seen the key for the first time."""
        statement = select(func.min(attempts.c.started_at)).where(attempts.c.provider_key == provider_key)
        first: datetime | None = self._connection.execute(statement).scalar_one()
        return first

    def finish(self, attempt_id: AttemptId, *, now: datetime, outcome: str, reason: str | None) -> bool:
        """Write down what came of it, once; ``False`` if somebody already did (its lease had run out)."""
        statement = (
            update(attempts)
            .where(attempts.c.id == attempt_id, attempts.c.finished_at.is_(None))
            .values(finished_at=now, outcome=outcome, reason=reason)
        )
        return self._connection.execute(statement).rowcount == 1

    def expired(self, now: datetime, limit: int) -> Sequence[Attempt]:
        """Attempts whose lease ran out before anybody wrote down what came of them."""
        statement = (
            select(attempts)
            .where(attempts.c.finished_at.is_(None), attempts.c.lease_until < now)
            .order_by(attempts.c.lease_until)
            .limit(limit)
        )
        return [_attempt(row) for row in self._connection.execute(statement)]

    def of_transaction(self, transaction_id: TransactionId) -> Sequence[Attempt]:
        """Oldest first, those of its captures and refunds too."""
        return self._oldest_first(attempts.c.transaction_id == transaction_id)

    def of_payout(self, payout_id: PayoutId) -> Sequence[Attempt]:
        """Oldest first."""
        return self._oldest_first(attempts.c.payout_id == payout_id)

    def _oldest_first(self, of_one: ColumnElement[bool]) -> list[Attempt]:
        statement = select(attempts).where(of_one).order_by(attempts.c.started_at, attempts.c.id)
        return [_attempt(row) for row in self._connection.execute(statement)]


def _attempt(row: Row[tuple[object, ...]]) -> Attempt:
    column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return Attempt(
        id=AttemptId(column["id"]),
        merchant_id=MerchantId(column["merchant_id"]),
        transaction_id=None if column["transaction_id"] is None else TransactionId(column["transaction_id"]),
        refund_id=None if column["refund_id"] is None else RefundId(column["refund_id"]),
        provider=column["provider"],
        operation=Operation(column["operation"]),
        number=column["number"],
        provider_key=column["provider_key"],
        started_at=column["started_at"],
        lease_until=column["lease_until"],
        finished_at=column["finished_at"],
        outcome=column["outcome"],
        reason=column["reason"],
        capture_id=None if column["capture_id"] is None else CaptureId(column["capture_id"]),
        payout_id=None if column["payout_id"] is None else PayoutId(column["payout_id"]),
    )
