"""A callback that should have been processed by now is found, ever more seldom; PostgreSQL and the fake agree."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from shared.application.addressing import provider_event_again
from shared.application.keep_dead_letter import KeepDeadLetter
from shared.contracts.messages.codec import decode
from shared.domain.ids import MessageId
from shared.persistence.dead_letters import LetterFilter, LetterState
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory, unit_of_work_factory
from shared.persistence.webhook_events import WebhookEvent
from tests.fakes.letters import an_arrival
from tests.fakes.makers import a_callback
from tests.fakes.persistence.session import Database as InMemory
from tests.fakes.persistence.unit_of_work import in_memory
from tests.integration.conftest import Database
from tests.integration.makers import NOW

PATIENCE, LONGEST = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture(params=["postgresql", "memory"])
def unit_of_work(request: pytest.FixtureRequest) -> UnitOfWorkFactory:
    if request.param == "memory":
        return in_memory(InMemory())
    database: Database = request.getfixturevalue("database")
    return unit_of_work_factory(database.application)


def _published(work: UnitOfWork, event: WebhookEvent, after: timedelta) -> None:
    message = provider_event_again(event, NOW)
    work.outbox.send_again(message, NOW)
    work.outbox.mark_published([MessageId(message.message_id)], NOW + after)


def _is_found(unit_of_work: UnitOfWorkFactory, event: WebhookEvent, after: timedelta) -> bool:
    now = NOW + after
    with unit_of_work() as work:
        found = work.webhook_events.lock_forgotten([now - PATIENCE], now, LONGEST, 1000)
    return event.id in {each.id for each in found}


@pytest.mark.parametrize(
    ("published_after", "found_after"),
    [
        (timedelta(), PATIENCE),
        (timedelta(seconds=40), timedelta(seconds=100)),
        (timedelta(minutes=2), timedelta(minutes=4)),
        (timedelta(minutes=64), timedelta(minutes=124)),
        (timedelta(hours=20), timedelta(hours=21)),
    ],
)
def test_a_message_has_as_long_as_all_before_it_and_a_minute_at_least_and_an_hour_at_most(
    unit_of_work: UnitOfWorkFactory, published_after: timedelta, found_after: timedelta
) -> None:
    event = a_callback(NOW)
    with unit_of_work() as work:
        work.webhook_events.add(event)
        _published(work, event, timedelta())
        _published(work, event, published_after)
        work.commit()

    assert not _is_found(unit_of_work, event, found_after - timedelta(milliseconds=1))
    assert _is_found(unit_of_work, event, found_after + timedelta(milliseconds=1))


@pytest.mark.parametrize(
    ("state", "reason", "is_found"),
    [
        (LetterState.DISCARDED, "retries_spent", False),
        (LetterState.DISCARDED, "delivery_limit", False),
        (LetterState.REPLAYED, "retries_spent", True),
        (LetterState.SKIPPED, "retries_spent", True),
        (LetterState.WAITING, "retries_spent", False),
        (LetterState.WAITING, "rejected", False),
        (LetterState.WAITING, "delivery_limit", True),
    ],
)
def test_what_waits_among_the_dead_letters_or_was_discarded_is_not_found_unless_its_workers_died(
    unit_of_work: UnitOfWorkFactory, state: LetterState, reason: str, is_found: bool
) -> None:
    event = a_callback(NOW)
    with unit_of_work() as work:
        work.webhook_events.add(event)
        work.commit()
    message = decode(provider_event_again(event, NOW).body)
    KeepDeadLetter(unit_of_work)(an_arrival(message, reason=reason))
    with unit_of_work() as work:
        waiting = work.dead_letters.oldest_first(LetterFilter(state=LetterState.WAITING), 500, UUID(int=0))
        (letter,) = [
            found for each in waiting if (found := work.dead_letters.lock(each)) and found.subject_id == event.id
        ]
        decided_at = None if state is LetterState.WAITING else NOW
        work.dead_letters.save_decision(replace(letter, state=state, decided_at=decided_at))
        work.commit()

    assert _is_found(unit_of_work, event, timedelta(days=1)) is is_found
