"""Reading the event log from where a listener stands."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

import pytest

from services.notifier.frames import Frame
from services.notifier.replay import BATCH, Batch, Opening, PlaceLost, Position, Replay
from shared.domain.channel import Channel, ChannelKind
from shared.domain.failure import FailureCode
from shared.domain.ids import TransactionId
from shared.domain.outcome import Declined, InDoubt, Succeeded
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.errors import StorageUnavailable
from tests.fakes.books import Books
from tests.fakes.clock import FakeClock
from tests.fakes.makers import USER, a_context, a_payment, a_payout
from tests.fakes.persistence.event_log import InMemoryEventLog

ValueT = TypeVar("ValueT")
Json = dict[str, Any]


def _lived(books: Books, **facts: object) -> Transaction:
    """A payment with three events, behind the first one."""
    payment = a_payment(status=TransactionStatus.PROCESSING, **facts)
    books.put(payment)
    outcomes = (InDoubt(reason="x"), Declined(code=FailureCode.DECLINED), Succeeded(reference=str(payment.id)))
    books.apply(payment, *outcomes, context=a_context())
    return payment


def _with(books: Books, ask: Callable[[Replay], Coroutine[Any, Any, ValueT]], restores: int = 0) -> ValueT:
    return asyncio.run(ask(Replay(books.unit_of_work, FakeClock(), restores=restores)))


def _open(books: Books, channel: Channel, place: Position | None = None, restores: int = 0) -> Opening:
    return _with(books, lambda replay: replay.open(channel, place), restores)


def _read(books: Books, channel: Channel, place: Position) -> list[Json]:
    """Everything from there on, batch by batch."""

    async def read(replay: Replay) -> list[Json]:
        found: list[Json] = []
        position = (await replay.open(channel, place)).position
        while True:
            batch = await replay.read(channel, position, 0)
            found.extend(map(_content, batch.frames))
            if not batch.frames:
                assert batch.position == position
                return found
            position = batch.position

    return _with(books, read)


def _content(frame: Frame) -> Json:
    content: Json = json.loads(frame.text)
    assert content["type"] == frame.type
    return content


def _of_payment(payment: Transaction) -> Channel:
    return Channel(ChannelKind.TRANSACTION, payment.id)


USERS = Channel(ChannelKind.USER, USER)
BEGINNING = Position(cursor=f"0.{UUID(int=0)}")


def test_a_payments_listener_begins_with_the_payment_as_it_is() -> None:
    books = Books()
    payment = _lived(books)

    opening = _open(books, _of_payment(payment))

    assert (opening.how, [frame.type for frame in opening.frames]) == ("snapshot", ["payment.snapshot"])
    snapshot = _content(opening.frames[0])
    assert (snapshot["sequence"], snapshot["data"]["status"], opening.position.sequence) == (4, "completed", 4)


def test_between_the_snapshot_and_what_follows_nothing_is_missed() -> None:
    books = Books()
    payment = a_payment(status=TransactionStatus.PROCESSING)
    books.put(payment)

    async def read(replay: Replay) -> Batch:
        opening = await replay.open(_of_payment(payment), None)
        books.apply(payment, Succeeded(reference="P1"), context=a_context())
        return await replay.read(_of_payment(payment), opening.position, 0)

    assert [frame.type for frame in _with(books, read).frames] == ["payment.completed"]


@pytest.mark.parametrize(("after", "sequences"), [(1, [2, 3, 4]), (2, [3, 4]), (4, [])])
def test_a_payments_listener_continues_behind_the_sequence_it_has_seen(after: int, sequences: list[int]) -> None:
    books = Books()
    payment = _lived(books)

    frames = _read(books, _of_payment(payment), Position(sequence=after))

    assert [frame["sequence"] for frame in frames] == sequences


def test_who_continues_is_told_nothing_else_first() -> None:
    books = Books()
    payment = _lived(books)

    opening = _open(books, _of_payment(payment), Position(sequence=2))

    assert (opening.how, opening.frames, opening.position.sequence) == ("replay", [], 2)


def test_a_payments_listener_reads_that_payment_alone() -> None:
    books = Books()
    payment, other = _lived(books), _lived(books)

    frames = _read(books, _of_payment(payment), Position(sequence=1))

    assert {frame["transaction_id"] for frame in frames} == {str(payment.id)} != {str(other.id)}


def test_a_users_listener_begins_with_what_happens_from_now_on() -> None:
    books = Books()
    _lived(books)

    async def read(replay: Replay) -> tuple[Opening, Batch, Batch]:
        opening = await replay.open(USERS, None)
        nothing = await replay.read(USERS, opening.position, 0)
        await asyncio.to_thread(_lived, books)
        return opening, nothing, await replay.read(USERS, opening.position, 1)

    opening, nothing, batch = _with(books, read)

    assert [frame.type for frame in opening.frames] == ["feed.opened"]
    assert _content(opening.frames[0])["cursor"] == opening.position.cursor
    assert (nothing.frames, len(batch.frames)) == ([], 3)


def test_a_users_listener_continues_behind_the_cursor_it_has_seen_without_gap_or_repetition() -> None:
    books = Books()
    for _ in range(3):
        _lived(books)
    everything = _read(books, USERS, BEGINNING)

    assert len(everything) == 9
    for place, frame in enumerate(everything):
        position = Position(cursor=frame["cursor"], epoch=frame["epoch"])
        assert _read(books, USERS, position) == everything[place + 1 :]


def test_a_users_listener_hears_of_their_payouts_too() -> None:
    books, payout = Books(), a_payout()
    books.put_payout(payout)
    books.apply(payout, Succeeded(reference="PO1"), context=a_context())

    assert [(frame["type"], frame["payout_id"]) for frame in _read(books, USERS, BEGINNING)] == [
        ("payout.completed", str(payout.id))
    ]


def test_a_users_listener_does_not_read_what_others_started() -> None:
    books = Books()
    _lived(books, user_id=None)

    assert _read(books, USERS, BEGINNING) == []


def test_a_long_past_is_read_batch_by_batch() -> None:
    books = Books()
    payments = [_lived(books) for _ in range(BATCH // 3 + 5)]

    assert len(_read(books, USERS, BEGINNING)) == 3 * len(payments)


def _resync(opening: Opening) -> tuple[str, str, str]:
    """Reason, then the types of the frames."""
    resync, afresh = opening.frames
    assert opening.how == "resync"
    return _content(resync)["data"]["reason"], resync.type, afresh.type


def test_a_sequence_that_the_payment_never_had_is_of_another_log() -> None:
    books = Books()
    payment = _lived(books)

    opening = _open(books, _of_payment(payment), Position(sequence=5))

    assert _resync(opening) == ("unknown_place", "resync_required", "payment.snapshot")
    assert opening.position.sequence == 4


def test_a_cursor_that_is_ahead_of_the_log_is_of_another_one() -> None:
    opening = _open(Books(), USERS, Position(cursor=f"{2**62}.{UUID(int=0)}"))

    assert _resync(opening) == ("unknown_place", "resync_required", "feed.opened")


@pytest.mark.parametrize("change", ["restored", "restored from a disk's snapshot"])
def test_a_place_in_the_history_before_a_restore_means_nothing(change: str) -> None:
    books = Books()
    payment = _lived(books)
    epoch = _open(books, _of_payment(payment)).position.epoch
    restores = 0 if change == "restored" else 1
    books.database.history = "1.2" if change == "restored" else "1.1"

    opening = _open(books, _of_payment(payment), Position(sequence=2, epoch=epoch), restores)

    assert _resync(opening) == ("other_history", "resync_required", "payment.snapshot")
    assert opening.position.epoch != epoch


def test_who_listens_while_the_log_is_restored_begins_anew() -> None:
    books = Books()
    payment = _lived(books)

    position = replace(_open(books, _of_payment(payment)).position, epoch="0" * 12)

    with pytest.raises(PlaceLost) as lost:
        _with(books, lambda replay: replay.read(_of_payment(payment), position, 0))
    assert lost.value.why == "other_history"


def test_a_place_whose_events_are_not_kept_any_more_is_too_old() -> None:
    books = Books()
    payment = _lived(books)
    events = books.database.committed.events
    oldest = min(events, key=lambda event_id: events[event_id].event.sequence)
    del events[oldest]

    with pytest.raises(PlaceLost) as lost:
        _read(books, _of_payment(payment), Position(sequence=1))

    assert lost.value.why == "too_old"
    assert [frame["sequence"] for frame in _read(books, _of_payment(payment), Position(sequence=2))] == [3, 4]


def _delete(books: Books, *sequences: int) -> None:
    events = books.database.committed.events
    for event_id in [event_id for event_id, row in events.items() if row.event.sequence in sequences]:
        del events[event_id]


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_payment_of_which_no_event_is_kept_is_told_as_it_is(after: int) -> None:
    """Else its listener would wait for ever for what has happened long ago."""
    books = Books()
    payment = _lived(books)
    _delete(books, 2, 3, 4)

    with pytest.raises(PlaceLost) as lost:
        _read(books, _of_payment(payment), Position(sequence=after))

    assert lost.value.why == "too_old"
    assert _read(books, _of_payment(payment), Position(sequence=4)) == []


def test_a_hole_in_what_is_kept_is_not_read_over() -> None:
    """Clocks differ: what is older by them need not have happened first."""
    books = Books()
    payment = _lived(books)
    _delete(books, 3)

    with pytest.raises(PlaceLost):
        _read(books, _of_payment(payment), Position(sequence=1))


def test_what_happens_while_nothing_is_found_is_found_then(monkeypatch: pytest.MonkeyPatch) -> None:
    books = Books()
    payment = a_payment(status=TransactionStatus.PROCESSING)
    books.put(payment)
    read = InMemoryEventLog.of_transaction

    def overtaken(log: InMemoryEventLog, transaction_id: TransactionId, *, after: int, limit: int) -> Any:
        found = read(log, transaction_id, after=after, limit=limit)
        monkeypatch.setattr(InMemoryEventLog, "of_transaction", read)
        books.apply(payment, Succeeded(reference="P1"), context=a_context())
        return found

    monkeypatch.setattr(InMemoryEventLog, "of_transaction", overtaken)

    assert [frame["sequence"] for frame in _read(books, _of_payment(payment), Position(sequence=1))] == [2]


def test_a_users_place_in_front_of_deleted_events_is_too_old() -> None:
    books = Books()
    for _ in range(3):
        _lived(books)
    everything = _read(books, USERS, BEGINNING)
    first, last = (Position(cursor=everything[place]["cursor"]) for place in (0, -1))
    _delete(books, 2)

    assert _resync(_open(books, USERS, first)) == ("too_old", "resync_required", "feed.opened")
    assert _open(books, USERS, last).how == "replay"


def test_a_user_whose_next_events_are_deleted_while_listening_begins_anew() -> None:
    books = Books()
    _lived(books)

    async def read(replay: Replay) -> None:
        position = (await replay.open(USERS, BEGINNING)).position
        _delete(books, 2, 3)
        await replay.read(USERS, position, 0)

    with pytest.raises(PlaceLost) as lost:
        _with(books, read)
    assert lost.value.why == "too_old"


class Reading:
    """Listeners of one payment, all behind its first event, and how often the log was read for them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.books, self.reads = Books(), 0
        self.channel = _of_payment(_lived(self.books))
        read = InMemoryEventLog.of_transaction

        def counted(log: InMemoryEventLog, transaction_id: TransactionId, *, after: int, limit: int) -> Any:
            self.reads += 1
            return read(log, transaction_id, after=after, limit=limit)

        monkeypatch.setattr(InMemoryEventLog, "of_transaction", counted)

    def together(self, *rings: int) -> list[int]:
        """How many frames each listener gets, by what it has heard of the bell."""

        async def read(replay: Replay) -> list[Batch]:
            position = (await replay.open(self.channel, Position(sequence=1))).position
            return list(await asyncio.gather(*(replay.read(self.channel, position, each) for each in rings)))

        return [len(batch.frames) for batch in _with(self.books, read)]


def test_listeners_who_stand_at_one_place_share_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = Reading(monkeypatch)

    assert (reading.together(*[7] * 1000), reading.reads) == ([3] * 1000, 1)


def test_a_read_that_began_before_the_last_ring_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = Reading(monkeypatch)

    assert (reading.together(7, 8, 8), reading.reads) == ([3, 3, 3], 2)


def test_who_leaves_does_not_take_the_others_read_along(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = Reading(monkeypatch)

    async def read(replay: Replay) -> int:
        position = (await replay.open(reading.channel, Position(sequence=1))).position
        leaving, staying = (asyncio.create_task(replay.read(reading.channel, position, 1)) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        return len((await staying).frames)

    assert _with(reading.books, read) == 3


def test_a_read_that_fails_fails_for_all_and_is_forgotten() -> None:
    books = Books()
    channel = _of_payment(_lived(books))

    async def read(replay: Replay) -> tuple[list[bool], int]:
        position = (await replay.open(channel, Position(sequence=1))).position
        books.database.is_away = True
        failed = await asyncio.gather(*(replay.read(channel, position, 1) for _ in range(3)), return_exceptions=True)
        books.database.is_away = False
        again = await replay.read(channel, position, 1)
        return [isinstance(each, StorageUnavailable) for each in failed], len(again.frames)

    assert _with(books, read) == ([True, True, True], 3)
