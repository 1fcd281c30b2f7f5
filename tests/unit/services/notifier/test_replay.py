"""Reading the event log from where a listener stands."""

import asyncio
from uuid import UUID

import pytest

from services.notifier.hub import Channel, ChannelKind
from services.notifier.replay import BATCH, Position, Replay
from shared.domain.failure import FailureCode
from shared.domain.outcome import Declined, InDoubt, Succeeded
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.event_log import LoggedEvent
from tests.fakes.books import Books
from tests.fakes.makers import USER, a_context, a_payment, a_payout


def _lived(books: Books, **facts: object) -> Transaction:
    """A payment with three events."""
    payment = a_payment(status=TransactionStatus.PROCESSING, **facts)
    books.put(payment)
    outcomes = (InDoubt(reason="x"), Declined(code=FailureCode.DECLINED), Succeeded(reference=str(payment.id)))
    books.apply(payment, *outcomes, context=a_context())
    return payment


def _read(books: Books, channel: Channel, after: str | None) -> list[LoggedEvent]:
    """Everything from ``after`` on, batch by batch."""
    replay = Replay(books.unit_of_work)

    async def read() -> list[LoggedEvent]:
        found: list[LoggedEvent] = []
        position = await replay.start(channel, after)
        while True:
            events, position = await replay.read(channel, position)
            if not events:
                return found
            found.extend(events)

    return asyncio.run(read())


def _of_payment(payment: Transaction) -> Channel:
    return Channel(ChannelKind.TRANSACTION, payment.id)


USERS = Channel(ChannelKind.USER, USER)
BEGINNING = f"0.{UUID(int=0)}"


def test_a_payments_listener_begins_with_its_first_event() -> None:
    books = Books()
    payment = _lived(books)

    assert [event.sequence for event in _read(books, _of_payment(payment), None)] == [2, 3, 4]


@pytest.mark.parametrize(("after", "sequences"), [("0", [2, 3, 4]), ("2", [3, 4]), ("4", []), ("999999999", [])])
def test_a_payments_listener_continues_behind_the_sequence_it_has_seen(after: str, sequences: list[int]) -> None:
    books = Books()
    payment = _lived(books)

    assert [event.sequence for event in _read(books, _of_payment(payment), after)] == sequences


def test_a_payments_listener_reads_that_payment_alone() -> None:
    books = Books()
    payment, other = _lived(books), _lived(books)

    events = _read(books, _of_payment(payment), None)

    assert {event.transaction_id for event in events} == {payment.id} != {other.id}


def test_a_users_listener_begins_with_what_happens_from_now_on() -> None:
    books = Books()
    _lived(books)
    replay = Replay(books.unit_of_work)

    async def read() -> list[UUID]:
        position = await replay.start(USERS, None)
        assert await replay.read(USERS, position) == ([], position)
        later = await asyncio.to_thread(_lived, books)
        events, _ = await replay.read(USERS, position)
        assert {event.transaction_id for event in events} == {later.id}
        return [event.id for event in events]

    assert len(asyncio.run(read())) == 3


def test_a_users_listener_continues_behind_the_cursor_it_has_seen_without_gap_or_repetition() -> None:
    books = Books()
    for _ in range(3):
        _lived(books)
    everything = _read(books, USERS, BEGINNING)

    for place, event in enumerate(everything):
        assert _read(books, USERS, event.cursor) == everything[place + 1 :]


def test_a_users_listener_hears_of_their_payouts_too() -> None:
    books, payout = Books(), a_payout()
    books.put_payout(payout)
    books.apply(payout, Succeeded(reference="PO1"), context=a_context())

    assert [(event.event_type, event.payout_id) for event in _read(books, USERS, BEGINNING)] == [
        ("payout.completed", payout.id)
    ]


def test_a_users_listener_does_not_read_what_others_started() -> None:
    books = Books()
    _lived(books, user_id=None)

    assert _read(books, USERS, BEGINNING) == []


def test_a_long_past_is_read_batch_by_batch() -> None:
    books = Books()
    payments = [_lived(books) for _ in range(BATCH // 3 + 5)]

    assert len(_read(books, USERS, BEGINNING)) == 3 * len(payments)


def test_nothing_new_leaves_the_listener_where_it_is() -> None:
    books = Books()
    payment = _lived(books)
    position = Position(sequence=4, cursor="x")

    events, after = asyncio.run(Replay(books.unit_of_work).read(_of_payment(payment), position))

    assert (events, after) == ([], position)


@pytest.mark.parametrize("after", ["", "-1", "1.5", "x", "\u0661", "²", "9999999999", "0x1", " 1", "1_0"])
def test_what_is_no_sequence_is_refused(after: str) -> None:
    with pytest.raises(ValueError, match="sequence"):
        asyncio.run(Replay(Books().unit_of_work).start(Channel(ChannelKind.TRANSACTION, USER), after))


@pytest.mark.parametrize(
    "after", ["7", "x", ".", f".{USER}", f"-1.{USER}", f"x.{USER}", "1.x", f"1.{USER}0", f"{'9' * 20}.{USER}"]
)
def test_what_is_no_cursor_is_refused(after: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        asyncio.run(Replay(Books().unit_of_work).start(USERS, after))


@pytest.mark.parametrize("after", [f"1.{'x' * 36}", f"1.{'0' * 36}", f"1.{'-' * 36}", f"{2**64}.{USER}"])
def test_what_only_looks_like_a_cursor_is_refused_before_it_is_used(after: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        asyncio.run(Replay(Books().unit_of_work).start(USERS, after))
