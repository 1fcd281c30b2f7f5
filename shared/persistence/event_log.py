"""The one log of what happened to payments and payouts, readable without gaps."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    cast,
    exists,
    literal_column,
    select,
    text,
    true,
    tuple_,
)

from shared.domain.ids import CaptureId, EventId, MerchantId, PayoutId, RefundId, TransactionId, UserId
from shared.domain.webhook_delivery import DeliveryState
from shared.persistence.event_log_era import history_of
from shared.persistence.pending_writes import PendingWrites
from shared.persistence.tables import events, webhook_deliveries

# Before everything that ever was.
BEGINNING = f"0.{UUID(int=0)}"

# A transaction's number is at most 2**64 - 1; 19 digits are always less.
_CURSOR = re.compile(r"[0-9]{1,19}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """One edge that a payment, capture, refund or payout took. ``data`` is the snapshot of that moment.

    It is of one payment or of one payout: ``sequence`` grows by one in each; ``cursor`` is the place in a feed over
    many.
    """

    id: EventId
    merchant_id: MerchantId
    user_id: UserId | None
    transaction_id: TransactionId | None
    refund_id: RefundId | None
    sequence: int
    event_type: str
    data: Mapping[str, object]
    occurred_at: datetime
    cursor: str = ""
    capture_id: CaptureId | None = None
    payout_id: PayoutId | None = None


class EventLog:
    def __init__(self, connection: Connection, writes: PendingWrites) -> None:
        self._connection, self._writes = connection, writes

    def append(self, event: LoggedEvent) -> None:
        """The caller holds the lock of the payment's or payout's row, so that ``sequence`` has no holes."""
        self._writes.insert(
            events,
            {
                "id": event.id,
                "merchant_id": event.merchant_id,
                "user_id": event.user_id,
                "transaction_id": event.transaction_id,
                "refund_id": event.refund_id,
                "capture_id": event.capture_id,
                "payout_id": event.payout_id,
                "sequence": event.sequence,
                "event_type": event.event_type,
                "data": dict(event.data),
                "occurred_at": event.occurred_at,
            },
        )

    def of_transaction(
        self, transaction_id: TransactionId, *, after: int = 0, limit: int = 500
    ) -> Sequence[LoggedEvent]:
        """In order, from the first whose sequence is more than ``after``."""
        statement = _columns().where(events.c.transaction_id == transaction_id, events.c.sequence > after)
        return self._all(statement.order_by(events.c.sequence).limit(limit))

    def of_payout(self, payout_id: PayoutId, *, after: int = 0, limit: int = 500) -> Sequence[LoggedEvent]:
        """As ``of_transaction``."""
        statement = _columns().where(events.c.payout_id == payout_id, events.c.sequence > after)
        return self._all(statement.order_by(events.c.sequence).limit(limit))

    def of_user(self, user_id: UserId, *, after: str, limit: int = 500) -> Sequence[LoggedEvent]:
        """What happened to the payments and payouts that a user started, behind the cursor ``after``: a feed."""
        return self._feed(events.c.user_id == user_id, after=after, limit=limit)

    def of_merchant(
        self,
        merchant_id: MerchantId,
        *,
        after: str,
        types: Collection[str] | None = None,
        transaction_id: TransactionId | None = None,
        delivery_state: DeliveryState | None = None,
        limit: int = 500,
    ) -> Sequence[LoggedEvent]:
        """What happened to a merchant's payments and payouts, behind the cursor ``after``: a feed.

        ``types``, ``transaction_id`` and ``delivery_state`` narrow it, where they are given; the last to those whose
        delivery to some endpoint is in that state now.
        """
        narrowed = events.c.merchant_id == merchant_id
        if types is not None:
            narrowed &= events.c.event_type.in_(sorted(types))
        if transaction_id is not None:
            narrowed &= events.c.transaction_id == transaction_id
        if delivery_state is not None:
            narrowed &= _has_a_delivery_in(delivery_state)
        return self._feed(narrowed, after=after, limit=limit)

    def _feed(self, narrowed: ColumnElement[bool], *, after: str, limit: int) -> Sequence[LoggedEvent]:
        """In the order of the transactions that wrote them; within one payment, ``sequence`` is the order.

        Stops before the oldest transaction still open: an event of it may yet appear in front of newer ones.
        """
        written_by, event_id = _parsed(after)
        position = tuple_(events.c.written_by, events.c.id)
        given = tuple_(text(f"'{written_by}'::xid8"), cast(str(event_id), events.c.id.type))
        statement = _columns().where(narrowed, position > given, _READABLE)
        return self._all(statement.order_by(events.c.written_by, events.c.id).limit(limit))

    def find(self, event_id: EventId) -> LoggedEvent | None:
        found = self._all(_columns().where(events.c.id == event_id))
        return found[0] if found else None

    def feed(self, *, after: str, limit: int = 500) -> Sequence[LoggedEvent]:
        """What happened to everybody's payments and payouts, behind the cursor ``after``."""
        return self._feed(true(), after=after, limit=limit)

    def of_merchant_since(self, merchant_id: MerchantId, since: datetime, limit: int) -> Sequence[LoggedEvent]:
        """Up to ``limit`` events of the merchant, from ``since`` on, by their time."""
        statement = _columns().where(events.c.merchant_id == merchant_id, events.c.occurred_at >= since)
        return self._all(statement.order_by(events.c.occurred_at, events.c.id).limit(limit))

    def end(self) -> str:
        """The cursor behind everything that is readable now: that of the last event, whoever's it is.

        No number of a transaction that has left nothing behind: after a crash PostgreSQL may give it again.
        """
        newest = (events.c.written_by.desc(), events.c.id.desc())
        last = self._all(_columns().where(_READABLE).order_by(*newest).limit(1))
        return max([self.beginning(), *(each.cursor for each in last)], key=_parsed)

    def beginning(self) -> str:
        """The cursor behind everything that is not kept any more."""
        asked = text("SELECT forgotten_written_by::text AS written_by, forgotten_id AS id FROM event_log_state")
        forgotten = self._connection.execute(asked).one()
        return f"{forgotten.written_by}.{forgotten.id}"

    def is_forgotten(self, cursor: str) -> bool:
        """Whether something behind ``cursor`` may not be kept any more.

        To be asked after what is there was read: what was deleted before that read is then told of here.
        """
        return _parsed(cursor) < _parsed(self.beginning())

    def is_ahead(self, cursor: str) -> bool:
        """Whether no reader of this log can have come by ``cursor``: its transaction has not begun yet."""
        written_by, _ = _parsed(cursor)
        ahead = text(f"SELECT '{written_by}'::xid8 > {_place_of('pg_snapshot_xmax')}")
        return bool(self._connection.execute(ahead).scalar_one())

    def history(self) -> str:
        """Names the history that this log is of: what is known of another one may never have happened."""
        return history_of(self._connection)

    def _all(self, statement: Select[tuple[object, ...]]) -> list[LoggedEvent]:
        return [_event(row) for row in self._connection.execute(statement)]


def _place_of(end_of_snapshot: str) -> str:
    """Where in the log that transaction's events are: see ``event_log_era``."""
    number = f"{end_of_snapshot}(pg_current_snapshot())::text::bigint"
    return f"(SELECT ({number} + base)::text::xid8 FROM event_log_state)"  # noqa: S608 - no input


# In front of the oldest transaction that is still open, everything is there.
_READABLE = text(f"written_by < {_place_of('pg_snapshot_xmin')}")


def _has_a_delivery_in(state: DeliveryState) -> ColumnElement[bool]:
    of_event = webhook_deliveries.c.event_id == events.c.id
    return exists().where(of_event, webhook_deliveries.c.state == state)


def is_cursor(given: str) -> bool:
    """Whether ``given`` is a place in a feed, as a client may have kept it."""
    return _CURSOR.fullmatch(given) is not None


def _columns() -> Select[tuple[object, ...]]:
    return select(events, literal_column("written_by::text").label("written_by_text"))


def _parsed(cursor: str) -> tuple[int, UUID]:
    written_by, _, event_id = cursor.partition(".")
    return int(written_by), UUID(event_id)


def _event(row: Row[tuple[object, ...]]) -> LoggedEvent:
    column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return LoggedEvent(
        id=EventId(column["id"]),
        merchant_id=MerchantId(column["merchant_id"]),
        user_id=None if column["user_id"] is None else UserId(column["user_id"]),
        transaction_id=None if column["transaction_id"] is None else TransactionId(column["transaction_id"]),
        refund_id=None if column["refund_id"] is None else RefundId(column["refund_id"]),
        sequence=column["sequence"],
        event_type=column["event_type"],
        data=column["data"],
        occurred_at=column["occurred_at"],
        capture_id=None if column["capture_id"] is None else CaptureId(column["capture_id"]),
        payout_id=None if column["payout_id"] is None else PayoutId(column["payout_id"]),
        cursor=f"{column['written_by_text']}.{column['id']}",
    )
