"""Reads the event log for listeners, each from where it stands."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from services.notifier.frames import Frame, feed_opened, of_event, resync_required, snapshot
from shared.domain.channel import Channel, ChannelKind
from shared.domain.ids import TransactionId, UserId
from shared.persistence.event_log import LoggedEvent
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.runtime.clock import Clock
from shared.runtime.remembered import Remembered

# What a client that does not read keeps in memory: one batch.
BATCH = 20

# A log that was restored is noticed this much later.
EPOCH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Position:
    """Where a listener stands: behind a sequence of its payment, or behind a cursor of its user's feed.

    ``epoch`` names the history that this is a place of; ``None``: the client has not said.
    """

    sequence: int = 0
    cursor: str = ""
    epoch: str | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """How a connection begins: what is said first, and from where it goes on."""

    how: Literal["snapshot", "replay", "resync"]
    frames: Sequence[Frame]
    position: Position


@dataclass(frozen=True, slots=True)
class Batch:
    """What comes next, in order, and where that leaves the listener. ``is_full``: there may be more."""

    frames: Sequence[Frame]
    position: Position
    is_full: bool


class PlaceLost(Exception):
    """The log does not go on from there; ``why`` is one of ``frames.LOST``."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Replay:
    """Every read is a short transaction in a thread: the event loop never waits for the database.

    All methods raise ``StorageUnavailable``: try again. ``restores`` counts those that PostgreSQL cannot tell.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, *, restores: int) -> None:
        self._unit_of_work, self._clock, self._restores = unit_of_work, clock, restores
        self._epoch = Remembered(self._find_epoch, EPOCH_SECONDS)
        self._under_way: dict[tuple[Channel, Position, int], asyncio.Task[Batch]] = {}

    async def open(self, channel: Channel, place: Position | None) -> Opening:
        """Begin behind ``place``; without one, with the state as it is now."""
        return await asyncio.to_thread(self._open, channel, place)

    async def resync(self, channel: Channel, why: str) -> Opening:
        """Begin anew, and say so."""
        return await asyncio.to_thread(self._resync, channel, why)

    async def read(self, channel: Channel, position: Position, rings: int) -> Batch:
        """What comes behind ``position``.

        Listeners who stand at one place and have heard the same ``rings`` share one read: it began after the last of
        them, so it sees all that they were about.

        Raises:
            PlaceLost: what came next is not there any more.
        """
        key = (channel, position, rings)
        reading = self._under_way.get(key)
        if reading is None:
            reading = self._under_way[key] = asyncio.create_task(asyncio.to_thread(self._read, channel, position))
            reading.add_done_callback(lambda done: self._forget(key, done))
        # Who leaves does not take the others' read along.
        return await asyncio.shield(reading)

    def _forget(self, key: tuple[Channel, Position, int], done: asyncio.Task[Batch]) -> None:
        del self._under_way[key]
        if not done.cancelled():
            done.exception()  # nobody may be left to hear of it

    def _open(self, channel: Channel, place: Position | None) -> Opening:
        epoch = self._epoch()
        with self._unit_of_work() as work:
            if place is None:
                frame, position = self._now(work, channel, epoch)
                return Opening("snapshot", [frame], position)
            why = _why_lost(work, channel, place, epoch)
        if why is not None:
            return self._resync(channel, why)
        return Opening("replay", [], Position(place.sequence, place.cursor, epoch))

    def _resync(self, channel: Channel, why: str) -> Opening:
        epoch = self._epoch()
        with self._unit_of_work() as work:
            frame, position = self._now(work, channel, epoch)
        return Opening("resync", [resync_required(channel, why, epoch, self._clock.now()), frame], position)

    def _now(self, work: UnitOfWork, channel: Channel, epoch: str) -> tuple[Frame, Position]:
        if channel.kind is ChannelKind.TRANSACTION:
            payment = work.transactions.find(TransactionId(channel.id))
            assert payment is not None, "payments are never deleted, and this one has let its listener in"
            return snapshot(payment, epoch), Position(sequence=payment.version, epoch=epoch)
        cursor = work.event_log.end()
        return feed_opened(channel, cursor, epoch, self._clock.now()), Position(cursor=cursor, epoch=epoch)

    def _read(self, channel: Channel, position: Position) -> Batch:
        epoch = self._epoch()
        if position.epoch != epoch:
            raise PlaceLost("other_history")
        with self._unit_of_work() as work:
            events = _events(work, channel, position)
        if not events:
            return Batch([], position, is_full=False)
        last = Position(events[-1].sequence, events[-1].cursor, epoch)
        return Batch([of_event(event, epoch) for event in events], last, is_full=len(events) == BATCH)

    def _find_epoch(self) -> str:
        with self._unit_of_work() as work:
            history = work.event_log.history()
        return hashlib.sha256(f"{history}.{self._restores}".encode()).hexdigest()[:12]


def _why_lost(work: UnitOfWork, channel: Channel, place: Position, epoch: str) -> str | None:
    """Why the log cannot go on from ``place``, as far as that shows at once; one of ``frames.LOST``."""
    if place.epoch not in {None, epoch}:
        return "other_history"
    if channel.kind is ChannelKind.USER:
        return _why_lost_of_user(work, place.cursor)
    payment = work.transactions.find(TransactionId(channel.id))
    return "unknown_place" if payment is None or place.sequence > payment.version else None


def _why_lost_of_user(work: UnitOfWork, cursor: str) -> str | None:
    if work.event_log.is_ahead(cursor):
        return "unknown_place"
    return "too_old" if work.event_log.is_forgotten(cursor) else None


def _events(work: UnitOfWork, channel: Channel, position: Position) -> Sequence[LoggedEvent]:
    """What comes next, none left out. Raises ``PlaceLost`` where some of it is not kept any more."""
    of_user = channel.kind is ChannelKind.USER
    return _of_user(work, channel, position.cursor) if of_user else _of_payment(work, channel, position.sequence)


def _of_user(work: UnitOfWork, channel: Channel, cursor: str) -> Sequence[LoggedEvent]:
    events = work.event_log.of_user(UserId(channel.id), after=cursor, limit=BATCH)
    if work.event_log.is_forgotten(cursor):
        raise PlaceLost("too_old")
    return events


def _of_payment(work: UnitOfWork, channel: Channel, sequence: int) -> Sequence[LoggedEvent]:
    payment_id = TransactionId(channel.id)
    events = work.event_log.of_transaction(payment_id, after=sequence, limit=BATCH)
    if not events:
        payment = work.transactions.find(payment_id)
        if payment is None or payment.version <= sequence:
            return events
        # It has moved since, and its events are there by now; or they are not kept any more.
        events = work.event_log.of_transaction(payment_id, after=sequence, limit=BATCH)
    # Sequences have no holes.
    if [each.sequence for each in events] != list(range(sequence + 1, sequence + 1 + max(1, len(events)))):
        raise PlaceLost("too_old")
    return events
