"""The outbox in memory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shared.contracts.messages.envelope import OutgoingMessage
from shared.domain.ids import MessageId
from shared.persistence.outbox import FAST_PATH_GRACE, Outbox, SentMessage, WaitingMessage, pause_after
from tests.fakes.persistence.columns import check, stored
from tests.fakes.persistence.session import Session
from tests.fakes.persistence.tables import OutboxRow


class InMemoryOutbox(Outbox):
    def __init__(self, session: Session) -> None:
        self._session = session
        self.added: list[OutgoingMessage] = []

    def add(self, message: OutgoingMessage) -> None:
        rows = self._session.own_rows.outbox
        check(message.message_id not in rows, "pk_outbox")
        available_at = message.occurred_at + FAST_PATH_GRACE
        rows[message.message_id] = OutboxRow(message=stored(message), available_at=available_at)
        self.added.append(message)

    def send_again(self, message: OutgoingMessage, due_at: datetime) -> None:
        rows = self._session.own_rows.outbox
        rows[message.message_id] = OutboxRow(message=stored(message), available_at=due_at)

    def take_unpublished(self, now: datetime, limit: int) -> Sequence[OutgoingMessage]:
        rows = self._session.own_rows.outbox.values()
        ahead = now + FAST_PATH_GRACE
        due = [row for row in rows if row.available_at < now or row.message.occurred_at > ahead]
        waiting = [row for row in due if row.published_at is None]
        return [row.message for row in sorted(waiting, key=lambda row: row.available_at)[:limit]]

    def of_correlation(self, correlation_id: str) -> Sequence[SentMessage]:
        rows = [row for row in self._session.rows.outbox.values() if row.message.correlation_id == correlation_id]
        rows.sort(key=lambda row: (row.message.occurred_at, row.message.message_id))
        return [
            SentMessage(row.message.type, row.message.routing_key, row.message.occurred_at, row.published_at)
            for row in rows
        ]

    def last_sent(self, correlation_id: str, message_type: str) -> datetime | None:
        messages = [row.message for row in self._session.rows.outbox.values()]
        ours = [each for each in messages if (each.correlation_id, each.type) == (correlation_id, message_type)]
        return max((each.occurred_at for each in ours), default=None)

    def mark_published(self, message_ids: Iterable[MessageId], now: datetime) -> None:
        rows = self._session.own_rows.outbox
        rows.update({each: replace(rows[each], published_at=now) for each in message_ids if each in rows})

    def put_off(self, refused: Mapping[MessageId, str], now: datetime) -> None:
        rows = self._session.own_rows.outbox
        for each, why in refused.items():
            tries = rows[each].tries + 1
            rows[each] = replace(rows[each], tries=tries, failure=why, available_at=now + pause_after(tries))

    def waiting(self, limit: int) -> Sequence[WaitingMessage]:
        rows = [row for row in self._session.rows.outbox.values() if row.published_at is None]
        rows.sort(key=lambda row: (row.message.occurred_at, row.message.message_id))
        return [
            WaitingMessage(
                message_id=row.message.message_id,
                type=row.message.type,
                exchange=row.message.exchange,
                routing_key=row.message.routing_key,
                occurred_at=row.message.occurred_at,
                due_at=row.available_at,
                tries=row.tries,
                failure=row.failure,
            )
            for row in rows[:limit]
        ]

    def count_refused(self) -> int:
        return sum(row.published_at is None and row.tries > 0 for row in self._session.rows.outbox.values())

    def count_unpublished(self) -> int:
        return sum(row.published_at is None for row in self._session.rows.outbox.values())

    def oldest_unpublished(self) -> datetime | None:
        rows = self._session.rows.outbox.values()
        return min((_ready_at(row) for row in rows if row.published_at is None), default=None)


def _ready_at(row: OutboxRow) -> datetime:
    return row.message.occurred_at if row.tries else row.available_at - FAST_PATH_GRACE
