"""Compares all of a provider's books of some days with ours: a page at a time, each page a transaction of its own.

It mends nothing. What we hold for undecided or decided otherwise is asked about, and the answer goes the normal road.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

import structlog

from shared.application.actor import Actor
from shared.application.reconciliation import Comparison
from shared.application.reconciliation_lookup import Lookup, names_in
from shared.application.their_books import SKEW, TheirBooks, Window
from shared.domain.reconciliation import BookEntry, Difference, DifferenceKind, Standing
from shared.persistence.audit_log import AuditEntry
from shared.persistence.book_entries import Position
from shared.persistence.reconciliations import Reconciliation, RunResult
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.provider_kit.provider import StatementKind, StatementLine
from shared.runtime.clock import Clock
from shared.runtime.identifiers import new_id
from shared.runtime.metrics import RECONCILIATION_LINES

PAGE = 500

# A run that shows no sign of life for so long has died.
SILENCE = timedelta(minutes=10)

log = structlog.get_logger()


class ReconciliationRunning(Exception):
    """Another comparison with this provider is under way."""


class Reconcile:
    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, *, page: int = PAGE) -> None:
        self._unit_of_work, self._clock, self._page = unit_of_work, clock, page

    def is_done(self, provider: str, window: Window) -> bool:
        """Whether this window, or one that ends as it does and begins before it, has been compared already."""
        with self._unit_of_work() as work:
            return work.reconciliations.is_done(provider, window.since, window.until)

    def run_once(self, books: TheirBooks, window: Window, actor: Actor) -> Reconciliation | None:
        """As ``run``; ``None`` where this window has been compared already, or is being compared."""
        if self.is_done(books.provider, window):
            return None
        try:
            return self.run(books, window, actor)
        except ReconciliationRunning:
            return None

    def run(self, books: TheirBooks, window: Window, actor: Actor) -> Reconciliation:
        """Compare, keep what differs, and have the provider asked about what is not settled.

        Raises:
            ReconciliationRunning: another one with this provider is under way.
            StatementUnavailable: their books could not be read to the end; the pages before that are kept.
        """
        run = self._begin(books.provider, window, actor)
        comparison = Comparison()
        try:
            lines = iter(books.statements.statement(window.since, window.until))
            # Read outside of any transaction: a page may come over the network.
            while batch := list(islice(lines, self._page)):
                self._compare(run, comparison, batch)
            self._look_for_the_unseen(run, comparison, books.kinds)
        except Exception as error:
            self._end(run, comparison, RunResult.FAILED, reason=type(error).__name__)
            raise
        differs = any(comparison.counts[kind] for kind in DifferenceKind)
        return self._end(run, comparison, RunResult.DIFFERENCES if differs else RunResult.MATCHED)

    def _begin(self, provider: str, window: Window, actor: Actor) -> Reconciliation:
        now = self._clock.now()
        run = Reconciliation(
            id=new_id(),
            provider=provider,
            since=window.since,
            until=window.until,
            started_by=actor.user_id or "unknown",
            started_at=now,
            touched_at=now,
        )
        with self._unit_of_work() as work:
            work.reconciliations.lock_provider(provider)
            if work.reconciliations.is_running(provider, now - SILENCE):
                raise ReconciliationRunning(provider)
            work.reconciliations.add(run)
            work.commit()
        return run

    def _compare(self, run: Reconciliation, comparison: Comparison, lines: Sequence[StatementLine]) -> None:
        with self._unit_of_work() as work:
            for kind, of_kind in _by_kind(lines).items():
                if kind in work.book_entries.kinds():
                    self._compare_kind(work, run, comparison, of_kind)
                else:
                    comparison.counts["not_compared"] += len(of_kind)
            work.reconciliations.save(self._so_far(run, comparison))
            work.commit()

    def _compare_kind(
        self, work: UnitOfWork, run: Reconciliation, comparison: Comparison, lines: Sequence[StatementLine]
    ) -> None:
        kind = lines[0].kind
        lookup = Lookup(work.book_entries.find(run.provider, kind, names_in(lines)))
        verdicts: list[tuple[StatementLine, BookEntry | None, Difference | None]] = []
        for line in lines:
            ours = lookup.entry_of(line)
            verdicts.append((line, ours, comparison.compare(line, ours)))
        self._keep(work, run, comparison, [difference for _, _, difference in verdicts if difference is not None])
        right = [(line, ours) for line, ours, difference in verdicts if difference is None and ours is not None]
        comparison.counts["settled"] += work.reconciliations.resolve_matched(
            self._so_far(run, comparison), kind, [ours.id for _, ours in right], [line.reference for line, _ in right]
        )

    def _keep(
        self, work: UnitOfWork, run: Reconciliation, comparison: Comparison, differences: Sequence[Difference]
    ) -> None:
        """Keep what differs; ask about what is held for something else on our side."""
        work.reconciliations.add_differences(run, differences)
        contradicted: dict[str, list[UUID]] = defaultdict(list)
        for each in differences:
            if each.kind is DifferenceKind.STATUS and each.our_id is not None:
                contradicted[each.subject].append(each.our_id)
        for kind, ids in contradicted.items():
            comparison.counts["asked"] += work.book_entries.ask_about(kind, ids, self._clock.now())

    def _look_for_the_unseen(
        self, run: Reconciliation, comparison: Comparison, covered: frozenset[StatementKind]
    ) -> None:
        """Go through those rows of ours that they must have in this window, whenever we sent them."""
        with self._unit_of_work() as work:
            kinds = sorted(work.book_entries.kinds() & covered)
        for kind in kinds:
            after: Position | None = None
            while page := self._unseen_page(run, comparison, kind, after):
                after = Position(page[-1].created_at, page[-1].id)

    def _unseen_page(
        self, run: Reconciliation, comparison: Comparison, kind: str, after: Position | None
    ) -> Sequence[BookEntry]:
        surely_theirs = (run.since + SKEW, run.until - SKEW)
        with self._unit_of_work() as work:
            page = work.book_entries.page(run.provider, kind, surely_theirs, after, self._page)
            missing = [each for entry in page if (each := comparison.compare_unseen(entry)) is not None]
            self._keep(work, run, comparison, missing)
            overdue = [each.id for each in page if each.standing is Standing.OPEN and not comparison.has_seen(each)]
            comparison.counts["asked"] += work.book_entries.ask_about(kind, overdue, self._clock.now())
            work.reconciliations.save(self._so_far(run, comparison))
            work.commit()
        return page

    def _so_far(self, run: Reconciliation, comparison: Comparison) -> Reconciliation:
        return replace(run, touched_at=self._clock.now(), counts=dict(comparison.counts))

    def _end(
        self, run: Reconciliation, comparison: Comparison, result: RunResult, reason: str | None = None
    ) -> Reconciliation:
        now = self._clock.now()
        ended = replace(self._so_far(run, comparison), finished_at=now, result=result, reason=reason)
        with self._unit_of_work() as work:
            work.reconciliations.save(ended)
            work.audit_log.append(_audit(ended, now))
            work.commit()
        for found in ("matched", *DifferenceKind):
            RECONCILIATION_LINES.labels(provider=run.provider, found=found).inc(comparison.counts[found])
        log.info("reconciliation.ended", provider=run.provider, result=result, run=str(run.id), **comparison.counts)
        return ended


def _by_kind(lines: Iterable[StatementLine]) -> dict[str, list[StatementLine]]:
    kinds: dict[str, list[StatementLine]] = defaultdict(list)
    for line in lines:
        kinds[line.kind].append(line)
    return kinds


def _audit(run: Reconciliation, now: datetime) -> AuditEntry:
    return AuditEntry(
        id=new_id(),
        event_type="reconciliation.ended",
        timestamp=now,
        user_id=run.started_by,
        event_data={
            "reconciliation_id": str(run.id),
            "provider": run.provider,
            "since": run.since.isoformat(),
            "until": run.until.isoformat(),
            "result": run.result.value,
            "reason": run.reason,
            **run.counts,
        },
    )
