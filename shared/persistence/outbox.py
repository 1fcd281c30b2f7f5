"""The outbox: messages leave through it, in the transaction that made them true."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, func, insert, select, update

from shared.contracts.messages.envelope import OutgoingMessage
from shared.domain.ids import MessageId
from shared.persistence.tables import outbox

# How long a message belongs to the process that wrote it; after that, to the relay.
FAST_PATH_GRACE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message's way out: when it was committed, and when the broker confirmed it (``None``: not yet)."""

    type: str
    routing_key: str
    committed_at: datetime
    confirmed_at: datetime | None


class Outbox:
    """Collects what this unit of work publishes; ``added`` is handed to the publisher after the commit."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.added: list[OutgoingMessage] = []

    def add(self, message: OutgoingMessage) -> None:
        self.added.append(message)

    def flush(self) -> None:
        """Write what was added, all in one statement; the unit of work does it as it commits."""
        if self.added:
            self._connection.execute(insert(outbox), [_row(message) for message in self.added])

    def take_unpublished(self, now: datetime, limit: int) -> Sequence[OutgoingMessage]:
        """Messages that their writer has not published, locked until the transaction ends; no other relay sees them."""
        statement = (
            select(outbox)
            .where(outbox.c.published_at.is_(None), outbox.c.available_at < now)
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

    def mark_published(self, message_ids: Iterable[MessageId], now: datetime) -> None:
        statement = update(outbox).where(outbox.c.message_id.in_([UUID(str(each)) for each in message_ids]))
        self._connection.execute(statement.values(published_at=now))

    def count_unpublished(self) -> int:
        statement = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
        return self._connection.execute(statement).scalar_one()

    def oldest_unpublished(self) -> datetime | None:
        statement = select(func.min(outbox.c.occurred_at)).where(outbox.c.published_at.is_(None))
        oldest: datetime | None = self._connection.execute(statement).scalar_one()
        return oldest


def mark_published(engine: Engine, message_ids: Iterable[MessageId], now: datetime) -> None:
    """As ``Outbox.mark_published``, in a transaction of its own."""
    with engine.begin() as connection:
        Outbox(connection).mark_published(message_ids, now)


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
