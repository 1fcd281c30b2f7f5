"""Places in the event log: in order over restores, and never silently in front of what was deleted."""

import threading
from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, text

from shared.application.actor import process_actor
from shared.application.journal import record_payment_event
from shared.domain.ids import EventId, MerchantId, UserId
from shared.persistence.event_log import BEGINNING, LoggedEvent
from shared.persistence.event_log_era import ERA, begin_era
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from tests.integration.conftest import Database, new_database
from tests.integration.makers import AUDIT_KEYS, a_merchant, a_payment
from tests.servers import Servers

FAR = 900_000_000


class Log:
    """The event log of one database, with one merchant."""

    def __init__(self, database: Database) -> None:
        self.owner: Engine = database.owner
        self.unit_of_work: UnitOfWorkFactory = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
        self.merchant_id: MerchantId
        self.user_id: UserId
        self.merchant_id, self.user_id = a_merchant(self.unit_of_work)

    def write(self) -> EventId:
        payment = a_payment(self.merchant_id, self.user_id)
        with self.unit_of_work() as work:
            work.transactions.add(payment)
            record_payment_event(work, payment, "payment.initiated", process_actor("test"), {})
            work.commit()
        with self.unit_of_work() as work:
            (event,) = work.event_log.of_transaction(payment.id)
        return event.id

    def read(self, after: str = BEGINNING) -> list[EventId]:
        return [each.id for each in self.events(after)]

    def events(self, after: str = BEGINNING) -> list[LoggedEvent]:
        with self.unit_of_work() as work:
            return list(work.event_log.of_user(self.user_id, after=after))

    def become_a_restored_dump(self) -> None:
        """The rows are as they were in a cluster that had counted much further than this one."""
        with self.owner.begin() as connection:
            connection.execute(
                text("UPDATE events SET written_by = (written_by::text::bigint + :far)::text::xid8"), {"far": FAR}
            )
            connection.execute(text("UPDATE event_log_state SET history = 'of.another.cluster'"))

    def begin_era(self, restores: int = 0) -> bool:
        with self.owner.begin() as connection:
            return begin_era(connection, restores)

    def delete(self, *event_ids: EventId) -> None:
        with self.owner.begin() as connection:
            connection.execute(text("DELETE FROM events WHERE id = ANY(:ids)"), {"ids": list(event_ids)})

    def beginning(self) -> str:
        with self.unit_of_work() as work:
            return work.event_log.beginning()

    def is_forgotten(self, cursor: str) -> bool:
        with self.unit_of_work() as work:
            return work.event_log.is_forgotten(cursor)


@pytest.fixture
def log(servers: Servers) -> Iterator[Log]:
    with new_database(servers.urls["postgres"]) as database:
        yield Log(database)


def test_a_database_that_was_not_restored_stays_in_its_era(log: Log) -> None:
    log.write()

    assert [log.begin_era() for _ in range(2)] == [False, False]


def test_a_restored_dump_is_read_as_before_and_what_is_new_comes_behind_it(log: Log) -> None:
    before = [log.write() for _ in range(3)]
    log.become_a_restored_dump()
    assert log.read() == [], "the feed waits for transactions of another cluster"

    assert [log.begin_era() for _ in range(2)] == [True, False]

    kept = log.events()
    assert [each.id for each in kept] == before
    new = [log.write() for _ in range(2)]
    assert log.read() == before + new
    assert log.read(kept[-1].cursor) == new


def test_a_place_in_what_the_restore_has_lost_misses_nothing_of_what_is_new(log: Log) -> None:
    log.write()
    log.become_a_restored_dump()
    lost = f"{FAR + 50_000_000}.{UUID(int=2**127)}"

    log.begin_era()
    new = log.write()

    with log.unit_of_work() as work:
        assert work.event_log.is_ahead(lost) is False
    assert log.read(lost) == [new]


def test_numbers_of_another_cluster_are_noticed_where_nobody_noted_its_history(log: Log) -> None:
    """A dump from before there was a state to note it in."""
    event = log.write()
    with log.owner.begin() as connection:
        connection.execute(
            text("UPDATE events SET written_by = (written_by::text::bigint + :far)::text::xid8"), {"far": FAR}
        )

    assert log.begin_era() is True
    assert log.read() == [event]


def test_a_restore_that_postgresql_cannot_tell_begins_an_era_when_it_is_told_of(log: Log) -> None:
    event = log.write()

    assert [log.begin_era(restores=1) for _ in range(2)] == [True, False]
    assert log.read() == [event]


def test_an_era_begins_behind_whoever_is_writing(log: Log) -> None:
    """Else a reader of the new era would have passed the place at which that event then appears."""
    began, payment = threading.Event(), a_payment(log.merchant_id, log.user_id)

    def begin() -> None:
        log.begin_era(restores=1)
        began.set()

    with log.unit_of_work() as work:
        work.transactions.add(payment)
        record_payment_event(work, payment, "payment.initiated", process_actor("test"), {})
        work._writes.flush()
        beginning = threading.Thread(target=begin)
        beginning.start()
        assert not began.wait(0.5)
        work.commit()
    beginning.join(20)

    (event,) = log.events()
    assert (began.is_set(), int(event.cursor.partition(".")[0]) < ERA) == (True, True)


def test_a_log_of_which_nothing_was_deleted_has_forgotten_nothing(log: Log) -> None:
    log.write()

    assert (log.beginning(), log.is_forgotten(BEGINNING)) == (BEGINNING, False)


def test_a_place_in_front_of_a_deleted_event_is_told_apart_from_one_behind_it(log: Log) -> None:
    first, second, third = (log.write() for _ in range(3))
    cursors = {each.id: each.cursor for each in log.events()}

    log.delete(first, second)

    assert log.is_forgotten(BEGINNING)
    assert [log.is_forgotten(cursors[each]) for each in (first, second, third)] == [True, False, False]
    assert log.beginning() == cursors[second]
    assert log.read(log.beginning()) == [third]


def test_deleting_what_is_older_does_not_bring_back_what_was_forgotten(log: Log) -> None:
    first, second, _third = (log.write() for _ in range(3))
    cursors = {each.id: each.cursor for each in log.events()}

    log.delete(second)
    log.delete(first)

    assert log.beginning() == cursors[second]


def test_deleting_nothing_forgets_nothing(log: Log) -> None:
    log.write()
    log.delete()

    assert log.beginning() == BEGINNING


def test_what_a_transaction_has_deleted_is_forgotten_when_it_commits(log: Log) -> None:
    event = log.write()
    connection: Connection
    with log.owner.connect() as connection:
        connection.execute(text("DELETE FROM events WHERE id = :id"), {"id": event})
        assert (log.read(), log.is_forgotten(BEGINNING)) == ([event], False)
        connection.commit()

    assert (log.read(), log.is_forgotten(BEGINNING)) == ([], True)
