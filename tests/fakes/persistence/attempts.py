"""Attempts in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shared.domain.attempt import Attempt
from shared.domain.ids import AttemptId, PayoutId, TransactionId
from shared.persistence.attempts import AttemptRepository
from tests.fakes.persistence.columns import check, stored
from tests.fakes.persistence.session import Session


class InMemoryAttempts(AttemptRepository):
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, attempt: Attempt) -> None:
        rows = self._session.own_rows
        check(attempt.id not in rows.attempts, "pk_attempts")
        check((attempt.transaction_id is None) != (attempt.payout_id is None), "ck_attempts_one_owner")
        known = attempt.transaction_id is None or attempt.transaction_id in rows.transactions
        check(known, "fk_attempts_transaction_id_transactions")
        check(attempt.payout_id is None or attempt.payout_id in rows.payouts, "fk_attempts_payout_id_payouts")
        check(attempt.refund_id is None or attempt.refund_id in rows.refunds, "fk_attempts_refund_id_refunds")
        check(attempt.capture_id is None or attempt.capture_id in rows.captures, "fk_attempts_capture_id_captures")
        taken = {(each.provider_key, each.number) for each in rows.attempts.values()}
        check((attempt.provider_key, attempt.number) not in taken, "uq_attempts_provider_key_number")
        rows.attempts[attempt.id] = stored(replace(attempt, finished_at=None, outcome=None, reason=None))

    def count(self, provider_key: str) -> int:
        return sum(each.provider_key == provider_key for each in self._session.rows.attempts.values())

    def first_started_at(self, provider_key: str) -> datetime | None:
        rows = self._session.rows.attempts.values()
        return min((each.started_at for each in rows if each.provider_key == provider_key), default=None)

    def finish(self, attempt_id: AttemptId, *, now: datetime, outcome: str, reason: str | None) -> bool:
        rows = self._session.own_rows.attempts
        attempt = rows.get(attempt_id)
        if attempt is None or attempt.finished_at is not None:
            return False
        rows[attempt_id] = stored(replace(attempt, finished_at=now, outcome=outcome, reason=reason))
        return True

    def expired(self, now: datetime, limit: int) -> Sequence[Attempt]:
        rows = self._session.rows.attempts.values()
        found = [row for row in rows if row.finished_at is None and row.lease_until < now]
        return sorted(found, key=lambda row: row.lease_until)[:limit]

    def of_transaction(self, transaction_id: TransactionId) -> Sequence[Attempt]:
        found = [row for row in self._session.rows.attempts.values() if row.transaction_id == transaction_id]
        return sorted(found, key=lambda row: (row.started_at, row.id))

    def of_payout(self, payout_id: PayoutId) -> Sequence[Attempt]:
        found = [row for row in self._session.rows.attempts.values() if row.payout_id == payout_id]
        return sorted(found, key=lambda row: (row.started_at, row.id))
