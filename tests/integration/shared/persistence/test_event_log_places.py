"""What a place in the event log means, in a real PostgreSQL."""

from uuid import UUID

from sqlalchemy import text

from shared.application.actor import process_actor
from shared.application.journal import record_payment_event
from shared.persistence.unit_of_work import unit_of_work_factory
from tests.integration.conftest import Database, new_database
from tests.integration.makers import AUDIT_KEYS, a_merchant, a_payment
from tests.servers import Servers


def test_a_log_is_of_one_history_as_long_as_nothing_is_restored(database: Database) -> None:
    histories = set()
    for _ in range(2):
        with unit_of_work_factory(database.application)() as work:
            histories.add(work.event_log.history())

    (history,) = histories
    system, _, timeline = history.partition(".")
    assert (int(system) > 0, int(timeline) >= 1) == (True, True)


def test_the_end_of_the_log_is_a_place_that_a_crash_does_not_take_back(database: Database) -> None:
    """A number whose transaction left nothing behind can be given again after a crash: then to an event."""
    unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
    merchant_id, user_id = a_merchant(unit_of_work)
    payment = a_payment(merchant_id, user_id)
    with unit_of_work() as work:
        work.transactions.add(payment)
        record_payment_event(work, payment, "payment.initiated", process_actor("test"), {})
        work.commit()
    with database.application.connect() as connection:
        connection.execute(text("SELECT pg_current_xact_id()"))
        connection.rollback()

    with unit_of_work() as work:
        (event,) = work.event_log.of_transaction(payment.id)
        assert work.event_log.end() == event.cursor


def test_the_end_of_an_empty_log_is_its_beginning(servers: Servers) -> None:
    with (
        new_database(servers.urls["postgres"]) as database,
        unit_of_work_factory(database.application)() as work,
    ):
        assert work.event_log.end() == work.event_log.beginning()


def test_the_end_of_the_log_is_a_place_in_it_and_what_is_ahead_is_not(database: Database) -> None:
    with unit_of_work_factory(database.application)() as work:
        end = work.event_log.end()
        assert work.event_log.is_ahead(end) is False
        assert work.event_log.is_ahead(f"0.{UUID(int=0)}") is False
        assert work.event_log.is_ahead(f"{int(end.partition('.')[0]) + 1000}.{UUID(int=0)}") is True
        assert work.event_log.is_ahead(f"{'9' * 19}.{UUID(int=0)}") is True
