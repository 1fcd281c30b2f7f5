"""What a process committed and did not publish, the relay publishes."""

from datetime import timedelta
from uuid import UUID

import pytest

from services.outbox_relay.outbox_sweep import BATCH, OutboxSweep
from shared.application.addressing import command_now
from shared.application.commands import next_payment_command
from shared.domain.ids import MessageId
from shared.persistence.errors import StorageUnavailable
from shared.persistence.outbox import pause_after
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import a_payment
from tests.fakes.publisher import FakePublisher


def _left(books: Books, number: int) -> list[str]:
    """Messages that nobody has published; their ids, oldest first."""
    messages = [
        command_now(next_payment_command(a_payment(), NOON + timedelta(milliseconds=each))) for each in range(number)
    ]

    with books.unit_of_work() as work:
        for message in reversed(messages):
            work.outbox.add(message)
        work.commit()
    return [str(message.message_id) for message in messages]


def _sweep(books: Books, publisher: FakePublisher, *, seconds: float = 10) -> int:
    clock = FakeClock()
    clock.advance(seconds)
    return OutboxSweep(books.unit_of_work, publisher, clock)()


def _waiting(books: Books) -> int:
    return sum(row.published_at is None for row in books.database.committed.outbox.values())


def test_what_was_left_is_published_oldest_first_and_marked() -> None:
    books, publisher = Books(), FakePublisher()
    left = _left(books, 3)

    assert _sweep(books, publisher) == 3
    assert [str(message.message_id) for message in publisher.published] == left
    assert _waiting(books) == 0


@pytest.mark.parametrize(("seconds", "published"), [(0, 0), (2, 0), (2.001, 1)])
def test_for_two_seconds_a_message_belongs_to_its_writer(seconds: float, published: int) -> None:
    books, publisher = Books(), FakePublisher()
    _left(books, 1)

    assert _sweep(books, publisher, seconds=seconds) == published


@pytest.mark.parametrize(("seconds", "published"), [(-2, 0), (-3, 1), (-600, 1)])
def test_a_message_from_the_future_does_not_wait_until_a_wrong_clock_is_right(seconds: float, published: int) -> None:
    books, publisher = Books(), FakePublisher()
    _left(books, 1)

    assert _sweep(books, publisher, seconds=seconds) == published


def test_what_is_marked_is_not_published_again() -> None:
    books, publisher = Books(), FakePublisher()
    _left(books, 2)

    assert (_sweep(books, publisher), _sweep(books, publisher)) == (2, 0)
    assert len(publisher.published) == 2


def test_at_the_first_failure_it_stops_and_marks_only_what_was_confirmed() -> None:
    books, publisher = Books(), FakePublisher(fails_after=2)
    _left(books, 5)

    assert _sweep(books, publisher) == 2
    assert _waiting(books) == 3

    publisher.fails_after = None
    assert _sweep(books, publisher) == 3
    assert len({message.message_id for message in publisher.published}) == 5


def test_with_the_broker_away_nothing_is_marked() -> None:
    books = Books()
    _left(books, 2)

    assert _sweep(books, FakePublisher(fails_after=0)) == 0
    assert _waiting(books) == 2


def test_what_was_published_and_not_marked_is_published_again_with_the_same_id() -> None:
    books, publisher = Books(), FakePublisher()
    _left(books, 1)
    books.database.break_next_commit(applied=False)

    with pytest.raises(StorageUnavailable):
        _sweep(books, publisher)
    _sweep(books, publisher)

    first, second = publisher.published
    assert first == second


def test_one_turn_takes_one_batch() -> None:
    books, publisher = Books(), FakePublisher()
    _left(books, BATCH + 1)

    assert (_sweep(books, publisher), _sweep(books, publisher)) == (BATCH, 1)


def test_what_the_broker_will_not_have_waits_ever_longer_and_holds_up_nothing() -> None:
    books, publisher = Books(), FakePublisher()
    left = _left(books, 3)
    publisher.refuses = frozenset({MessageId(UUID(left[0]))})

    published = [_sweep(books, publisher, seconds=each) for each in (10, 11, 12.1, 13, 16.2)]

    assert published == [2, 0, 0, 0, 0]
    with books.unit_of_work() as work:
        (waiting,) = work.outbox.waiting(10)
    assert (str(waiting.message_id), waiting.tries, waiting.failure) == (left[0], 3, "unroutable")
    assert waiting.due_at == NOON + timedelta(seconds=16.2 + 8)


def test_more_bad_messages_than_a_batch_hold_up_no_good_one() -> None:
    books, publisher = Books(), FakePublisher()
    left = _left(books, 2 * BATCH + 20)
    publisher.refuses = frozenset(MessageId(UUID(each)) for each in left[:-10])

    assert [_sweep(books, publisher) for _ in range(3)] == [0, 0, 10]


def test_a_message_that_was_refused_goes_out_once_it_is_wanted() -> None:
    books, publisher = Books(), FakePublisher()
    (left,) = _left(books, 1)
    publisher.refuses = frozenset({MessageId(UUID(left))})
    _sweep(books, publisher)

    publisher.refuses = frozenset()

    assert _sweep(books, publisher, seconds=20) == 1
    with books.unit_of_work() as work:
        assert work.outbox.count_refused() == 0


@pytest.mark.parametrize(("tries", "seconds"), [(1, 2), (2, 4), (8, 256), (9, 300), (10_000, 300)])
def test_the_pause_doubles_up_to_five_minutes(tries: int, seconds: int) -> None:
    assert pause_after(tries) == timedelta(seconds=seconds)


def test_with_the_broker_away_nothing_is_put_off() -> None:
    books = Books()
    _left(books, 2)

    _sweep(books, FakePublisher(fails_after=0))

    assert {row.tries for row in books.database.committed.outbox.values()} == {0}
