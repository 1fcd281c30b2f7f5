"""Reads the event log for one listener, from where it stands."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.notifier.hub import Channel, ChannelKind
from shared.domain.ids import TransactionId, UserId
from shared.persistence.event_log import LoggedEvent
from shared.persistence.unit_of_work import UnitOfWorkFactory

BATCH = 200

_CURSOR = re.compile(r"[0-9]{1,19}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Position:
    """Where a listener stands: behind a sequence of its payment, or behind a cursor of its user's feed."""

    sequence: int = 0
    cursor: str = ""


class Replay:
    """Every read is a short transaction in a thread: the event loop never waits for the database."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def start(self, channel: Channel, after: str | None) -> Position:
        """Where to begin: behind ``after``; else at a payment's first event, or at the end of a user's feed.

        Raises:
            ValueError: ``after`` is no place in this channel.
        """
        if channel.kind is ChannelKind.TRANSACTION:
            return Position(sequence=_sequence(after))
        return Position(cursor=_cursor(after) if after else await asyncio.to_thread(self._end))

    async def read(self, channel: Channel, position: Position) -> tuple[Sequence[LoggedEvent], Position]:
        """What comes next, in order, and where that leaves the listener.

        Raises:
            StorageUnavailable: try again.
        """
        events = await asyncio.to_thread(self._read, channel, position)
        return events, Position(events[-1].sequence, events[-1].cursor) if events else position

    def _read(self, channel: Channel, position: Position) -> Sequence[LoggedEvent]:
        with self._unit_of_work() as work:
            if channel.kind is ChannelKind.TRANSACTION:
                transaction_id = TransactionId(channel.id)
                return work.event_log.of_transaction(transaction_id, after=position.sequence, limit=BATCH)
            return work.event_log.of_user(UserId(channel.id), after=position.cursor, limit=BATCH)

    def _end(self) -> str:
        with self._unit_of_work() as work:
            return work.event_log.end()


def _sequence(after: str | None) -> int:
    if after is None:
        return 0
    if not (after.isascii() and after.isdigit() and len(after) < 10):
        raise ValueError("after must be a sequence: a whole number")
    return int(after)


def _cursor(after: str) -> str:
    if not _CURSOR.fullmatch(after):
        raise ValueError("after must be the cursor of a frame")
    return after
