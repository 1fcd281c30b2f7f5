"""Stores verified callbacks; the inbox that makes a repeated one act once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from shared.domain.ids import TransactionId, WebhookEventId
from shared.persistence.dead_letters import LetterState
from shared.persistence.tables import dead_letters, outbox, webhook_events

# What the broker sets aside because its worker died with it again and again; mostly something else killed the worker.
INNOCENT = "delivery_limit"

# What came a moment ago has its message under way: the copies that some providers send at once need none of their own.
UNDER_WAY = timedelta(seconds=5)


class Arrival(Enum):
    """``UNHANDLED``: it is here already, nobody has handled it, and its message may be lost."""

    FIRST = auto()
    REPEATED = auto()
    UNHANDLED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """A callback as it was verified; ``provider_event_id`` is the same whenever the provider repeats it.

    ``provider_config_id`` is the account that believed it; ``None``: the default one, before there were others.
    ``ip_address`` and ``user_agent`` are of who brought it first; ``repeats`` counts how often it came again, and
    ``rung_at`` is when that last had it looked at.
    """

    id: WebhookEventId
    provider: str
    provider_event_id: str
    event_type: str
    signature: str
    created_at: datetime
    ip_address: str | None = None
    user_agent: str | None = None
    payload: Mapping[str, object] = field(default_factory=dict)
    provider_config_id: UUID | None = None
    transaction_id: TransactionId | None = None
    processed: bool = False
    result: str | None = None
    retry_count: int = 0
    repeats: int = 0
    rung_at: datetime | None = None


class WebhookEventRepository:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, event: WebhookEvent) -> tuple[Arrival, WebhookEventId]:
        """Store it, or count that the provider has sent it to this account again; with the id that it is stored under.

        The same ``event`` twice, after a commit of unknown fate, is no repetition of the provider's.
        """
        statement = (
            insert(webhook_events)
            .values(
                id=event.id,
                provider=event.provider,
                provider_config_id=event.provider_config_id,
                provider_event_id=event.provider_event_id,
                event_type=event.event_type,
                payload=dict(event.payload),
                signature=event.signature,
                verified=True,
                ip_address=event.ip_address,
                user_agent=event.user_agent,
                created_at=event.created_at,
            )
            .on_conflict_do_update(
                index_elements=["provider", "provider_event_id", "provider_config_id"],
                set_={"repeats": webhook_events.c.repeats + 1, "rung_at": _rung_at(event.created_at)},
                where=webhook_events.c.id != event.id,
            )
            .returning(webhook_events.c.id, webhook_events.c.rung_at)
        )
        row = self._connection.execute(statement).one_or_none()
        if row is None:
            return Arrival.REPEATED, event.id
        if row.id == event.id:
            return Arrival.FIRST, event.id
        is_rung = row.rung_at == event.created_at
        return Arrival.UNHANDLED if is_rung else Arrival.REPEATED, WebhookEventId(row.id)

    def find(self, event_id: WebhookEventId) -> WebhookEvent | None:
        row = self._connection.execute(select(webhook_events).where(webhook_events.c.id == event_id)).one_or_none()
        return None if row is None else _webhook_event(row)

    def lock(self, event_id: WebhookEventId) -> WebhookEvent | None:
        row = self._connection.execute(
            select(webhook_events).where(webhook_events.c.id == event_id).with_for_update()
        ).one_or_none()
        return None if row is None else _webhook_event(row)

    def mark_processed(
        self, event_id: WebhookEventId, *, now: datetime, result: str, transaction_id: TransactionId | None
    ) -> None:
        self._update(event_id, processed=True, processed_at=now, result=result, transaction_id=transaction_id)

    def replace_payload(self, event_id: WebhookEventId, payload: Mapping[str, object]) -> None:
        self._update(event_id, payload=dict(payload))

    def mark_unmatched(self, event_id: WebhookEventId, *, retry_count: int, result: str) -> None:
        """Nobody knows what it belongs to yet: it is looked at again, ``retry_count`` times so far."""
        self._update(event_id, retry_count=retry_count, result=result)

    def lock_forgotten(
        self, published_before: Sequence[datetime], now: datetime, longest: timedelta, limit: int
    ) -> Sequence[WebhookEvent]:
        """Up to ``limit`` events that should have been processed by now, locked; oldest first.

        After ``n`` looks in vain an event is forgotten if its last message was published before
        ``published_before[n]``, of which the first is the latest; after more looks than that it is left alone. Its last
        message also has as long as all before it had together, up to ``longest``: it may wait, or fail, for hours. One
        that has become a dead letter is an operator's; unless its workers died, which need not be its doing.
        """
        last_published = (
            select(func.max(func.coalesce(outbox.c.published_at, text("'infinity'::timestamptz"))))
            .where(outbox.c.correlation_id == cast(webhook_events.c.id, String))
            .scalar_subquery()
        )
        is_unwanted = dead_letters.c.state == LetterState.DISCARDED
        is_waiting = and_(dead_letters.c.state == LetterState.WAITING, dead_letters.c.reason != INNOCENT)
        letters = select(dead_letters.c.id).where(
            dead_letters.c.subject_id == webhook_events.c.id, or_(is_unwanted, is_waiting)
        )
        created, sent = webhook_events.c.created_at, func.coalesce(last_published, webhook_events.c.created_at)
        looks = webhook_events.c.retry_count
        before = case(*((looks == n, each) for n, each in enumerate(published_before)))
        statement = (
            select(webhook_events)
            .where(
                webhook_events.c.processed.is_(False),
                # First what costs nothing: no message is older than its event, and hardly any event waits so long.
                looks < len(published_before),
                created < published_before[0],
                sent < before,
                or_(sent <= now - longest, sent - created <= literal(now) - sent),
                ~letters.exists(),
            )
            .order_by(created)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [_webhook_event(row) for row in self._connection.execute(statement)]

    def of_transaction(self, transaction_id: TransactionId) -> Sequence[WebhookEvent]:
        """Oldest first."""
        statement = select(webhook_events).where(webhook_events.c.transaction_id == transaction_id)
        rows = self._connection.execute(statement.order_by(webhook_events.c.created_at, webhook_events.c.id))
        return [_webhook_event(row) for row in rows]

    def unprocessed(self, after: UUID, limit: int) -> Sequence[WebhookEvent]:
        """Up to ``limit`` stored callbacks that nobody has processed, with ids behind ``after``, in their order."""
        statement = select(webhook_events).where(~webhook_events.c.processed, webhook_events.c.id > after)
        rows = self._connection.execute(statement.order_by(webhook_events.c.id).limit(limit))
        return [_webhook_event(row) for row in rows]

    def _update(self, event_id: WebhookEventId, **columns: object) -> None:
        self._connection.execute(update(webhook_events).where(webhook_events.c.id == event_id).values(**columns))


def _rung_at(now: datetime) -> ColumnElement[datetime]:
    last = func.coalesce(webhook_events.c.rung_at, webhook_events.c.created_at)
    is_due = and_(~webhook_events.c.processed, last <= now - UNDER_WAY)
    return case((is_due, now), else_=webhook_events.c.rung_at)


def _webhook_event(row: Row[tuple[object, ...]]) -> WebhookEvent:
    column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return WebhookEvent(
        id=WebhookEventId(column["id"]),
        provider=column["provider"],
        provider_config_id=column["provider_config_id"],
        provider_event_id=column["provider_event_id"],
        event_type=column["event_type"],
        signature=column["signature"],
        created_at=column["created_at"],
        ip_address=column["ip_address"],
        user_agent=column["user_agent"],
        payload=column["payload"],
        transaction_id=None if column["transaction_id"] is None else TransactionId(column["transaction_id"]),
        processed=column["processed"],
        result=column["result"],
        retry_count=column["retry_count"],
        repeats=column["repeats"],
        rung_at=column["rung_at"],
    )
