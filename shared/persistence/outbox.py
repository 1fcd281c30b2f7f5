"""The outbox: messages leave through it, in the transaction that made them true."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, bindparam, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from shared.contracts.messages.envelope import OutgoingMessage
from shared.domain.ids import MessageId
from shared.persistence.pending_writes import PendingWrites
from shared.persistence.tables import outbox

# How long a message belongs to the process that wrote it; after that, to the relay.
FAST_PATH_GRACE = timedelta(seconds=2)

# What the broker would not have is tried after 2, 4, 8 … seconds, and in the end every five minutes.
LONGEST_PAUSE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message's way out: when it was committed, and when the broker confirmed it (``None``: not yet)."""

    type: str
    routing_key: str
    committed_at: datetime
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingMessage:
    """A message that the broker does not have; ``failure`` is the broker's last word on it, after ``tries`` of them."""

    message_id: MessageId
    type: str
    exchange: str
    routing_key: str
    occurred_at: datetime
    due_at: datetime
    tries: int
    failure: str | None


def pause_after(tries: int) -> timedelta:
    """How long a message waits that the broker has refused ``tries`` times (1 or more)."""
    return timedelta(seconds=min(LONGEST_PAUSE_SECONDS, 2 ** min(tries, 16)))


class Outbox:
    """Collects what this unit of work publishes; ``added`` is handed to the publisher after the commit."""

    def __init__(self, connection: Connection, writes: PendingWrites) -> None:
        self._connection, self._writes = connection, writes
        self.added: list[OutgoingMessage] = []

    def add(self, message: OutgoingMessage) -> None:
        self._writes.insert(outbox, _row(message))
        self.added.append(message)

    def send_again(self, message: OutgoingMessage, due_at: datetime) -> None:
        """Have a message published at ``due_at``, by a relay, under the id that it may have gone out with before."""
        row = {**_row(message), "available_at": due_at, "published_at": None, "tries": 0, "failure": None}
        statement = insert(outbox).values(row)
        changed = {name: value for name, value in row.items() if name != "message_id"}
        self._connection.execute(statement.on_conflict_do_update(index_elements=["message_id"], set_=changed))

    def take_unpublished(self, now: datetime, limit: int) -> Sequence[OutgoingMessage]:
        """Messages that their writer has not published, locked until the transaction ends; no other relay sees them.

        One that is written by a clock ahead of ours is due as well: it would wait for as long as that clock is wrong.
        """
        is_due = or_(outbox.c.available_at < now, outbox.c.occurred_at > now + FAST_PATH_GRACE)
        statement = (
            select(outbox)
            .where(outbox.c.published_at.is_(None), is_due)
            .order_by(outbox.c.available_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [_message(row) for row in self._connection.execute(statement)]

    def of_correlation(self, correlation_id: str) -> Sequence[SentMessage]:
        """What has been sent for one customer action, oldest first."""
        statement = (
            select(outbox.c.type, outbox.c.routing_key, outbox.c.occurred_at, outbox.c.published_at)
            .where(outbox.c.correlation_id == correlation_id)
            .order_by(outbox.c.occurred_at, outbox.c.message_id)
        )
        return [SentMessage(*row) for row in self._connection.execute(statement)]

    def last_sent(self, correlation_id: str, message_type: str) -> datetime | None:
        """When the newest message of this type was committed for one customer action."""
        ours = (outbox.c.correlation_id == correlation_id, outbox.c.type == message_type)
        newest: datetime | None = self._connection.execute(select(func.max(outbox.c.occurred_at)).where(*ours)).scalar()
        return newest

    def mark_published(self, message_ids: Iterable[MessageId], now: datetime) -> None:
        statement = update(outbox).where(outbox.c.message_id.in_([UUID(str(each)) for each in message_ids]))
        self._connection.execute(statement.values(published_at=now))

    def put_off(self, refused: Mapping[MessageId, str], now: datetime) -> None:
        """Let messages wait that the broker would not have, so that they hold up no other; ``refused`` says why."""
        ids = [UUID(str(each)) for each in refused]
        made = select(outbox.c.message_id, outbox.c.tries).where(outbox.c.message_id.in_(ids))
        tries = {MessageId(message_id): tries + 1 for message_id, tries in self._connection.execute(made)}
        waits = [
            {"refused": each, "tried": tries[each], "why": why, "due_at": now + pause_after(tries[each])}
            for each, why in refused.items()
            if each in tries
        ]
        if waits:
            statement = update(outbox).where(outbox.c.message_id == bindparam("refused"))
            changed = statement.values(
                tries=bindparam("tried"), failure=bindparam("why"), available_at=bindparam("due_at")
            )
            self._connection.execute(changed, waits)

    def waiting(self, limit: int) -> Sequence[WaitingMessage]:
        """Up to ``limit`` messages that the broker does not have, oldest first."""
        statement = select(outbox).where(outbox.c.published_at.is_(None))
        rows = self._connection.execute(statement.order_by(outbox.c.occurred_at, outbox.c.message_id).limit(limit))
        return [
            WaitingMessage(
                message_id=MessageId(row.message_id),
                type=row.type,
                exchange=row.exchange,
                routing_key=row.routing_key,
                occurred_at=row.occurred_at,
                due_at=row.available_at,
                tries=row.tries,
                failure=row.failure,
            )
            for row in rows
        ]

    def count_refused(self) -> int:
        """How many wait that the broker has refused at least once."""
        refused = (outbox.c.published_at.is_(None), outbox.c.tries > 0)
        return self._connection.execute(select(func.count()).select_from(outbox).where(*refused)).scalar_one()

    def count_unpublished(self) -> int:
        statement = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
        return self._connection.execute(statement).scalar_one()

    def oldest_unpublished(self) -> datetime | None:
        """When the oldest was ready to go out: what is to be sent again later is not late yet."""
        ready_at = case((outbox.c.tries == 0, outbox.c.available_at - FAST_PATH_GRACE), else_=outbox.c.occurred_at)
        statement = select(func.min(ready_at)).where(outbox.c.published_at.is_(None))
        oldest: datetime | None = self._connection.execute(statement).scalar_one()
        return oldest


def mark_published(engine: Engine, message_ids: Iterable[MessageId], now: datetime) -> None:
    """As ``Outbox.mark_published``, in a transaction of its own."""
    with engine.begin() as connection:
        Outbox(connection, PendingWrites(connection)).mark_published(message_ids, now)


def _row(message: OutgoingMessage) -> dict[str, object]:
    return {
        "message_id": message.message_id,
        "exchange": message.exchange,
        "routing_key": message.routing_key,
        "type": message.type,
        "body": message.body,
        "headers": dict(message.headers),
        "correlation_id": message.correlation_id,
        "occurred_at": message.occurred_at,
        "available_at": message.occurred_at + FAST_PATH_GRACE,
    }


def _message(row: Row[tuple[object, ...]]) -> OutgoingMessage:
    column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return OutgoingMessage(
        message_id=MessageId(column["message_id"]),
        exchange=column["exchange"],
        routing_key=column["routing_key"],
        type=column["type"],
        body=bytes(column["body"]),
        headers=column["headers"],
        correlation_id=column["correlation_id"],
        occurred_at=column["occurred_at"],
    )
