"""Dead letters in the real database: one row a message, counted once for each death, found by what they are."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from services.outbox_relay.outbox_sweep import OutboxSweep
from shared.application.actor import process_actor
from shared.application.addressing import command_now
from shared.application.commands import next_payment_command
from shared.application.keep_dead_letter import KeepDeadLetter
from shared.application.replay_dead_letter import ReplayDeadLetter, ReplayOrder
from shared.contracts.messages.commands import Command
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.dead_letters import DeadLetter, LetterFilter, LetterState
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory, unit_of_work_factory
from tests.fakes.books import Books
from tests.fakes.clock import FakeClock
from tests.fakes.letters import an_arrival
from tests.fakes.makers import a_payment as a_payment_in_memory
from tests.fakes.publisher import FakePublisher
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, NOW, a_merchant, a_payment

FIRST = UUID(int=0)
ORDER = ReplayOrder(actor=process_actor("operator:amina"))


@pytest.fixture(params=["postgres", "memory"])
def books(request: pytest.FixtureRequest, database: Database) -> "Store":
    return Store(database if request.param == "postgres" else None)


class Store:
    """The database, real or the stand-in of unit tests: both must behave alike."""

    def __init__(self, database: Database | None) -> None:
        self._books = Books()
        self.unit_of_work: UnitOfWorkFactory = self._books.unit_of_work
        self._merchant: Any = None
        if database is not None:
            with database.owner.begin() as connection:
                connection.execute(text("DELETE FROM dead_letters"))
                connection.execute(text("DELETE FROM outbox"))
            self.unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
            self._merchant = a_merchant(self.unit_of_work)

    def payment(self, **facts: Any) -> Transaction:
        made = a_payment_in_memory() if self._merchant is None else a_payment(*self._merchant)
        payment = replace(made, expires_at=NOW + timedelta(hours=1), **facts)
        self.do(lambda work: work.transactions.add(payment))
        return payment

    def do(self, step: Callable[[UnitOfWork], object]) -> None:
        with self.unit_of_work() as work:
            step(work)
            work.commit()

    def keep(self, command: Command | None = None, **facts: Any) -> DeadLetter:
        arrived = an_arrival(command, **({"died_at": NOW} | facts))
        KeepDeadLetter(self.unit_of_work)(arrived)
        return next(each for each in self.letters() if each.message_id == arrived.message_id)

    def letters(self, wanted: LetterFilter = LetterFilter()) -> list[DeadLetter]:  # noqa: B008 - a frozen value
        with self.unit_of_work() as work:
            return list(work.dead_letters.newest_first(wanted, 100))


def test_a_letter_reads_as_it_was_stored(books: Store) -> None:
    payment = books.payment()
    command = next_payment_command(payment, NOW)

    letter = books.keep(command)

    assert (letter.subject_kind, letter.subject_id, letter.transaction_id) == ("payment", payment.id, payment.id)
    assert letter.merchant_id == payment.merchant_id
    assert (letter.deaths, letter.state, letter.headers) == (1, LetterState.WAITING, {"x-request-id": "r1"})
    assert letter.first_error is not None
    assert letter.first_error["error"] == "KeyError"
    with books.unit_of_work() as work:
        assert work.dead_letters.find(letter.id) == letter


@pytest.mark.parametrize("body", [b"\xff\x00" * 500_000, b"", b'{"a":"\\u0000"}', b"{" * 60_000, "é\ud7ff".encode()])
def test_whatever_died_can_be_stored(books: Store, body: bytes) -> None:
    assert books.keep(body=body).body_bytes == len(body)


def test_another_death_is_counted_and_the_same_death_is_not(books: Store) -> None:
    command = next_payment_command(books.payment(), NOW)
    books.keep(command)
    ReplayDeadLetter(books.unit_of_work, FakeClock(NOW)).one(books.letters()[0].id, ORDER)

    books.keep(command)
    same = books.letters()[0]
    books.keep(command, died_at=NOW + timedelta(hours=8), tries=2, reason="delivery_limit", last_error=None)
    again = books.letters()[0]

    assert (same.deaths, same.state, same.decided_by) == (1, LetterState.REPLAYED, "operator:amina")
    assert (again.id, again.deaths, again.state, again.decided_by) == (same.id, 2, LetterState.WAITING, None)
    assert (again.first_died_at, again.last_died_at) == (NOW, NOW + timedelta(hours=8))
    assert (again.tries, again.reason, again.last_error, again.first_error) == (
        2,
        "delivery_limit",
        None,
        same.first_error,
    )


def test_letters_are_found_by_what_they_are(books: Store) -> None:
    first = books.keep(next_payment_command(books.payment(), NOW))
    other = books.keep(queue="gw.q.hook.other", died_at=NOW - timedelta(hours=2))

    for wanted, ids in (
        (LetterFilter(queue="gw.q.hook.other"), [other.id]),
        (LetterFilter(reason="unreadable"), [other.id]),
        (LetterFilter(provider="other"), [other.id]),
        (LetterFilter(died_before=NOW - timedelta(hours=1)), [other.id]),
        (LetterFilter(message_type="payment.initialize.v1"), [first.id]),
        (LetterFilter(state=LetterState.SKIPPED), []),
    ):
        assert [each.id for each in books.letters(wanted)] == ids
    with books.unit_of_work() as work:
        assert work.dead_letters.waiting() == (2, NOW - timedelta(hours=2))
        assert list(work.dead_letters.oldest_first(LetterFilter(), 1, FIRST)) == [first.id]
        assert list(work.dead_letters.oldest_first(LetterFilter(), 9, first.id)) == [other.id]
        assert [each.id for each in work.dead_letters.newest_first(LetterFilter(), 9, other.id)] == [first.id]


def test_what_goes_out_again_does_so_at_its_time_under_its_id(books: Store) -> None:
    command = command_now(next_payment_command(books.payment(), NOW))
    books.do(lambda work: work.outbox.add(command))
    books.do(lambda work: work.outbox.mark_published([command.message_id], NOW))
    due_at = NOW + timedelta(minutes=5)

    books.do(lambda work: work.outbox.send_again(command, due_at))

    publisher = FakePublisher()
    published = [_sweep(books, publisher, due_at + timedelta(seconds=each)) for each in (-1, 1, 2)]
    assert published == [0, 1, 0]
    assert [each.message_id for each in publisher.published] == [command.message_id]


def test_what_is_to_go_out_later_is_not_late(books: Store) -> None:
    due_at = NOW + timedelta(minutes=5)
    books.do(lambda work: work.outbox.send_again(command_now(next_payment_command(books.payment(), NOW)), due_at))

    with books.unit_of_work() as work:
        assert work.outbox.oldest_unpublished() == due_at - timedelta(seconds=2)

    books.do(lambda work: work.outbox.add(command_now(next_payment_command(books.payment(), NOW))))
    with books.unit_of_work() as work:
        assert work.outbox.oldest_unpublished() == NOW


def test_what_is_due_soon_is_brought_forward_and_what_is_due_later_is_not(books: Store) -> None:
    until = NOW + timedelta(hours=1)
    kept = [NOW - timedelta(seconds=1), until + timedelta(seconds=1), None]
    payments = [books.payment(status=TransactionStatus.IN_DOUBT, next_check_at=each) for each in (until, *kept)]
    soon, published = (command_now(next_payment_command(payments[0], NOW)) for _ in range(2))
    for message in (soon, published):
        books.do(lambda work, message=message: work.outbox.send_again(message, until))  # type: ignore[misc] # bound now
    books.do(lambda work: work.outbox.mark_published([published.message_id], NOW))

    brought: dict[str, int] = {}
    books.do(lambda work: brought.update(work.due_times.bring_forward(NOW, until)))

    assert (brought["payments"], brought["outbox"]) == (1, 1)
    with books.unit_of_work() as work:
        due = [found.next_check_at for each in payments if (found := work.transactions.find(each.id))]
    assert due == [NOW, *kept]


def test_the_applications_role_may_not_delete_a_letter(database: Database) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), database.application.begin() as connection:
        connection.execute(text("DELETE FROM dead_letters"))


def _sweep(books: Store, publisher: FakePublisher, at: datetime) -> int:
    return OutboxSweep(books.unit_of_work, publisher, FakeClock(at))()
