"""Stores comparisons with providers' statements, and what differed in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, TextClause, case, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from shared.domain.money import Money
from shared.domain.reconciliation import Difference, DifferenceKind, Side
from shared.persistence.tables import provider_configs, reconciliation_items, reconciliations
from shared.runtime.identifiers import new_id

# What a later line can show to be settled; that a provider has two of one thing, no line can.
_SETTLED_BY_A_MATCH = frozenset(DifferenceKind) - {DifferenceKind.DUPLICATE}


class RunResult(StrEnum):
    RUNNING = "running"
    MATCHED = "matched"
    DIFFERENCES = "differences"
    FAILED = "failed"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """One comparison of what was started in ``since <= t < until``. ``touched_at`` is its last sign of life."""

    id: UUID
    provider: str
    since: datetime
    until: datetime
    started_by: str
    started_at: datetime
    touched_at: datetime
    finished_at: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    result: RunResult = RunResult.RUNNING
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationItem:
    """One difference. ``reconciliation_id`` found it, ``last_seen_in`` saw it last."""

    id: UUID
    reconciliation_id: UUID
    last_seen_in: UUID
    provider: str
    found: Difference
    resolution: str | None = None
    resolved_by: str | None = None
    resolved_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.resolved_at is None


class ReconciliationRepository:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock_provider(self, provider: str) -> None:
        """Whoever begins a comparison with ``provider``, or adopts from it, does so alone until the commit."""
        statement = select(provider_configs.c.id).where(provider_configs.c.provider_name == provider)
        self._connection.execute(statement.with_for_update())

    def add(self, run: Reconciliation) -> None:
        """Begin it. One that was begun before, and never ended, is abandoned by that."""
        running = (reconciliations.c.provider == run.provider, reconciliations.c.result == RunResult.RUNNING)
        self._connection.execute(update(reconciliations).where(*running).values(result=RunResult.ABANDONED))
        self._connection.execute(
            insert(reconciliations),
            {
                "id": run.id,
                "provider": run.provider,
                "since": run.since,
                "until": run.until,
                "started_by": run.started_by,
                "started_at": run.started_at,
                "touched_at": run.touched_at,
                "counts": dict(run.counts),
                "result": run.result,
            },
        )

    def save(self, run: Reconciliation) -> None:
        """Write how far it is, or how it ended; one that was abandoned meanwhile stays so."""
        still_running = (reconciliations.c.id == run.id, reconciliations.c.result == RunResult.RUNNING)
        statement = update(reconciliations).where(*still_running)
        self._connection.execute(
            statement.values(
                touched_at=run.touched_at,
                finished_at=run.finished_at,
                counts=dict(run.counts),
                result=run.result,
                reason=run.reason,
            )
        )

    def is_running(self, provider: str, alive_since: datetime) -> bool:
        """Whether one is under way that has shown a sign of life since then."""
        return self._exists(
            reconciliations.c.provider == provider,
            reconciliations.c.result == RunResult.RUNNING,
            reconciliations.c.touched_at > alive_since,
        )

    def is_done(self, provider: str, since: datetime, until: datetime) -> bool:
        """Whether this window, or one that ends as it does and begins before it, has been compared to its end."""
        return self._exists(
            reconciliations.c.provider == provider,
            reconciliations.c.since <= since,
            reconciliations.c.until == until,
            reconciliations.c.result.in_([RunResult.MATCHED, RunResult.DIFFERENCES]),
        )

    def find(self, run_id: UUID) -> Reconciliation | None:
        row = self._connection.execute(select(reconciliations).where(reconciliations.c.id == run_id)).one_or_none()
        return None if row is None else _run(row)

    def list_newest_first(self, limit: int) -> Sequence[Reconciliation]:
        statement = select(reconciliations).order_by(reconciliations.c.started_at.desc(), reconciliations.c.id.desc())
        return [_run(row) for row in self._connection.execute(statement.limit(limit))]

    def add_differences(self, run: Reconciliation, differences: Sequence[Difference]) -> None:
        """Keep what differs; what is open already from an earlier run stays one item, and is brought up to date."""
        for difference in differences:
            statement = insert(reconciliation_items).values(**_columns(run, difference))
            changed = {
                name: statement.excluded[name] for name in ("last_seen_in", "ours", "theirs", "difference_minor")
            }
            one_open: list[str | TextClause] = [
                *("provider", "kind", "subject"),
                *(text("COALESCE(our_id::text, '')"), text("COALESCE(reference, '')")),
            ]
            self._connection.execute(
                statement.on_conflict_do_update(
                    index_elements=one_open, index_where=text("state = 'open'"), set_=changed
                )
            )

    def resolve_matched(self, run: Reconciliation, subject: str, ids: Sequence[UUID], references: Sequence[str]) -> int:
        """Close what this run found to be right by now; how many there were."""
        if not ids:
            return 0
        items = reconciliation_items.c
        statement = update(reconciliation_items).where(
            items.provider == run.provider,
            items.subject == subject,
            items.state == "open",
            items.kind.in_(sorted(_SETTLED_BY_A_MATCH)),
            or_(items.our_id.in_(list(ids)), items.reference.in_(list(references))),
        )
        return self._connection.execute(
            statement.values(
                state="resolved",
                resolution="matched by a later run",
                resolved_by=f"reconciliation {run.id}",
                resolved_at=run.touched_at,
            )
        ).rowcount

    def items_of(self, run_id: UUID, limit: int) -> Sequence[ReconciliationItem]:
        """What the run found first or saw last; open ones first."""
        items = reconciliation_items.c
        statement = select(reconciliation_items).where(
            or_(items.reconciliation_id == run_id, items.last_seen_in == run_id)
        )
        open_first = case((items.state == "open", 0), else_=1)
        rows = self._connection.execute(statement.order_by(open_first, items.occurred_at, items.id).limit(limit))
        return [_item(row) for row in rows]

    def lock_item(self, item_id: UUID) -> ReconciliationItem | None:
        statement = select(reconciliation_items).where(reconciliation_items.c.id == item_id).with_for_update()
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _item(row)

    def resolve_item(self, item: ReconciliationItem, our_id: UUID | None) -> None:
        """Write ``item``'s resolution, and which row of ours it led to."""
        statement = update(reconciliation_items).where(reconciliation_items.c.id == item.id)
        self._connection.execute(
            statement.values(
                our_id=our_id,
                state="resolved",
                resolution=item.resolution,
                resolved_by=item.resolved_by,
                resolved_at=item.resolved_at,
            )
        )

    def _exists(self, *conditions: ColumnElement[bool]) -> bool:
        statement = select(reconciliations.c.id).where(*conditions).limit(1)
        return self._connection.execute(statement).one_or_none() is not None


def _columns(run: Reconciliation, difference: Difference) -> dict[str, object]:
    return {
        "id": new_id(),
        "reconciliation_id": run.id,
        "last_seen_in": run.id,
        "provider": run.provider,
        "kind": difference.kind,
        "subject": difference.subject,
        "our_id": difference.our_id,
        "reference": difference.reference,
        "ours": _side_as_json(difference.ours),
        "theirs": _side_as_json(difference.theirs),
        "difference_minor": difference.difference_minor,
        "occurred_at": difference.occurred_at,
        "state": "open",
    }


def _side_as_json(side: Side | None) -> dict[str, object] | None:
    if side is None:
        return None
    amount = side.amount
    return {"status": side.status, "amount_minor": amount.amount_minor_units, "currency": amount.currency}


def _side(stored: Mapping[str, object] | None) -> Side | None:
    if stored is None:
        return None
    amount = Money(int(str(stored["amount_minor"])), str(stored["currency"]))
    return Side(status=str(stored["status"]), amount=amount)


def _run(row: Row[tuple[object, ...]]) -> Reconciliation:
    names = Reconciliation.__dataclass_fields__
    columns = {name: value for name, value in row._mapping.items() if name in names}  # noqa: SLF001 - its public name
    return Reconciliation(**{**columns, "result": RunResult(columns["result"])})


def _item(row: Row[tuple[object, ...]]) -> ReconciliationItem:
    column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    found = Difference(
        kind=DifferenceKind(column["kind"]),
        subject=column["subject"],
        our_id=column["our_id"],
        reference=column["reference"],
        ours=_side(column["ours"]),
        theirs=_side(column["theirs"]),
        occurred_at=column["occurred_at"],
    )
    return ReconciliationItem(
        id=column["id"],
        reconciliation_id=column["reconciliation_id"],
        last_seen_in=column["last_seen_in"],
        provider=column["provider"],
        found=found,
        resolution=column["resolution"],
        resolved_by=column["resolved_by"],
        resolved_at=column["resolved_at"],
    )
