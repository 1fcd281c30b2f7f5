"""What a place in the event log means, in a real PostgreSQL."""

from uuid import UUID

from shared.persistence.unit_of_work import unit_of_work_factory
from tests.integration.conftest import Database


def test_a_log_is_of_one_history_as_long_as_nothing_is_restored(database: Database) -> None:
    histories = set()
    for _ in range(2):
        with unit_of_work_factory(database.application)() as work:
            histories.add(work.event_log.history())

    (history,) = histories
    system, _, timeline = history.partition(".")
    assert (int(system) > 0, int(timeline) >= 1) == (True, True)


def test_the_end_of_the_log_is_a_place_in_it_and_what_is_ahead_is_not(database: Database) -> None:
    with unit_of_work_factory(database.application)() as work:
        end = work.event_log.end()
        assert work.event_log.is_ahead(end) is False
        assert work.event_log.is_ahead(f"0.{UUID(int=0)}") is False
        assert work.event_log.is_ahead(f"{int(end.partition('.')[0]) + 1000}.{UUID(int=0)}") is True
        assert work.event_log.is_ahead(f"{'9' * 19}.{UUID(int=0)}") is True
