"""A callback that comes again is counted, and rings while nobody has handled it; PostgreSQL and the fake agree."""

from datetime import timedelta

import pytest

from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.persistence.webhook_events import UNDER_WAY, Arrival, WebhookEvent
from tests.fakes.makers import a_callback
from tests.fakes.persistence.session import Database as InMemory
from tests.fakes.persistence.unit_of_work import in_memory
from tests.integration.conftest import Database
from tests.integration.makers import NOW


@pytest.fixture(params=["postgresql", "memory"])
def unit_of_work(request: pytest.FixtureRequest) -> UnitOfWorkFactory:
    if request.param == "memory":
        return in_memory(InMemory())
    database: Database = request.getfixturevalue("database")
    return unit_of_work_factory(database.application)


def _add(unit_of_work: UnitOfWorkFactory, event: WebhookEvent) -> Arrival:
    with unit_of_work() as work:
        arrival, _ = work.webhook_events.add(event)
        work.commit()
    return arrival


def _stored(unit_of_work: UnitOfWorkFactory, event: WebhookEvent) -> WebhookEvent:
    with unit_of_work() as work:
        found = work.webhook_events.lock(event.id)
    assert found is not None
    return found


def _again(event: WebhookEvent, seconds: float) -> WebhookEvent:
    return a_callback(NOW + timedelta(seconds=seconds), provider_event_id=event.provider_event_id)


def test_repetitions_are_counted_and_ring_at_most_every_few_seconds(unit_of_work: UnitOfWorkFactory) -> None:
    event = a_callback(NOW)
    patience = UNDER_WAY.total_seconds()

    arrivals = [_add(unit_of_work, event)]
    arrivals += [_add(unit_of_work, _again(event, after)) for after in (0, patience - 1, patience, patience + 1)]
    arrivals += [_add(unit_of_work, _again(event, 2 * patience))]

    first, again, unhandled = Arrival.FIRST, Arrival.REPEATED, Arrival.UNHANDLED
    assert arrivals == [first, again, again, unhandled, again, unhandled]
    stored = _stored(unit_of_work, event)
    assert (stored.repeats, stored.rung_at) == (5, NOW + 2 * UNDER_WAY)


def test_what_has_been_handled_never_rings(unit_of_work: UnitOfWorkFactory) -> None:
    event = a_callback(NOW)
    _add(unit_of_work, event)
    with unit_of_work() as work:
        work.webhook_events.mark_processed(event.id, now=NOW, result="applied", transaction_id=None)
        work.commit()

    assert _add(unit_of_work, _again(event, 3600)) is Arrival.REPEATED
    assert _stored(unit_of_work, event).repeats == 1


def test_storing_the_same_again_after_a_commit_of_unknown_fate_is_no_repetition(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    event = a_callback(NOW)

    assert [_add(unit_of_work, event), _add(unit_of_work, event)] == [Arrival.FIRST, Arrival.REPEATED]
    assert _stored(unit_of_work, event).repeats == 0


def test_a_payload_can_be_replaced(unit_of_work: UnitOfWorkFactory) -> None:
    event = a_callback(NOW)
    _add(unit_of_work, event)

    with unit_of_work() as work:
        work.webhook_events.replace_payload(event.id, {"client_secret": "[hidden]"})
        work.commit()

    assert _stored(unit_of_work, event).payload == {"client_secret": "[hidden]"}
