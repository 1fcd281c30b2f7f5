"""Comparisons with providers' statements in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from shared.domain.reconciliation import Difference, DifferenceKind
from shared.persistence.reconciliations import (
    Reconciliation,
    ReconciliationItem,
    ReconciliationRepository,
    RunResult,
)
from shared.runtime.identifiers import new_id
from tests.fakes.persistence.columns import check
from tests.fakes.persistence.session import Session


class InMemoryReconciliations(ReconciliationRepository):
    def __init__(self, session: Session) -> None:
        self._session = session

    def lock_provider(self, provider: str) -> None:
        assert self._session.own_rows is not None

    def add(self, run: Reconciliation) -> None:
        rows = self._session.own_rows.reconciliations
        check(run.since < run.until, "ck_reconciliations_window_not_empty")
        for each in list(rows.values()):
            if (each.provider, each.result) == (run.provider, RunResult.RUNNING):
                rows[each.id] = replace(each, result=RunResult.ABANDONED)
        rows[run.id] = run

    def save(self, run: Reconciliation) -> None:
        rows = self._session.own_rows.reconciliations
        if rows[run.id].result is RunResult.RUNNING:
            rows[run.id] = run

    def is_running(self, provider: str, alive_since: datetime) -> bool:
        return any(
            (row.provider, row.result) == (provider, RunResult.RUNNING) and row.touched_at > alive_since
            for row in self._session.rows.reconciliations.values()
        )

    def is_done(self, provider: str, since: datetime, until: datetime) -> bool:
        ended = {RunResult.MATCHED, RunResult.DIFFERENCES}
        return any(
            (row.provider, row.until) == (provider, until) and row.since <= since and row.result in ended
            for row in self._session.rows.reconciliations.values()
        )

    def find(self, run_id: UUID) -> Reconciliation | None:
        return self._session.rows.reconciliations.get(run_id)

    def list_newest_first(self, limit: int) -> Sequence[Reconciliation]:
        rows = self._session.rows.reconciliations.values()
        return sorted(rows, key=lambda row: (row.started_at, row.id), reverse=True)[:limit]

    def add_differences(self, run: Reconciliation, differences: Sequence[Difference]) -> None:
        rows = self._session.own_rows.reconciliation_items
        for found in differences:
            key = _key(run.provider, found)
            known = next((row for row in rows.values() if row.is_open and _key(row.provider, row.found) == key), None)
            if known is not None:
                rows[known.id] = replace(
                    known, last_seen_in=run.id, found=replace(found, occurred_at=known.found.occurred_at)
                )
                continue
            item = ReconciliationItem(
                id=new_id(), reconciliation_id=run.id, last_seen_in=run.id, provider=run.provider, found=found
            )
            rows[item.id] = item

    def resolve_matched(self, run: Reconciliation, subject: str, ids: Sequence[UUID], references: Sequence[str]) -> int:
        rows = self._session.own_rows.reconciliation_items
        settled = [
            row
            for row in rows.values()
            if row.is_open
            and (row.provider, row.found.subject) == (run.provider, subject)
            and row.found.kind is not DifferenceKind.DUPLICATE
            and (row.found.our_id in ids or row.found.reference in references)
        ]
        for row in settled:
            rows[row.id] = replace(
                row,
                resolution="matched by a later run",
                resolved_by=f"reconciliation {run.id}",
                resolved_at=run.touched_at,
            )
        return len(settled)

    def items_of(self, run_id: UUID, limit: int) -> Sequence[ReconciliationItem]:
        rows = self._session.rows.reconciliation_items.values()
        found = [row for row in rows if run_id in {row.reconciliation_id, row.last_seen_in}]
        return sorted(found, key=lambda row: (not row.is_open, row.found.occurred_at, row.id))[:limit]

    def lock_item(self, item_id: UUID) -> ReconciliationItem | None:
        return self._session.own_rows.reconciliation_items.get(item_id)

    def resolve_item(self, item: ReconciliationItem, our_id: UUID | None) -> None:
        rows = self._session.own_rows.reconciliation_items
        rows[item.id] = replace(item, found=replace(item.found, our_id=our_id))


def _key(provider: str, found: Difference) -> tuple[object, ...]:
    return (provider, found.kind, found.subject, found.our_id, found.reference)
