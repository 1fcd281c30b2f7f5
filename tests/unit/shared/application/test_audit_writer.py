"""Entries that belong to no transaction are written behind whoever made them, all of them, and in nobody's way."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.application import audit_writer
from shared.application.audit_writer import AuditWriter
from shared.persistence.audit_entry import AuditEntry
from shared.runtime.identifiers import new_id
from shared.runtime.metrics import AUDIT_DROPPED
from tests.fakes.books import Books
from tests.fakes.clock import NOON
from tests.fakes.makers import a_payment


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_writer, "GATHER_SECONDS", 0.01)
    monkeypatch.setattr(audit_writer, "PAUSE_SECONDS", 0.01)


def _entry() -> AuditEntry:
    return AuditEntry(id=new_id(), event_type="api.called", timestamp=NOON)


def _eventually(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come true in 10 s")


def _dropped(reason: str) -> float:
    return float(AUDIT_DROPPED.labels(reason=reason)._value.get())


def test_what_is_offered_is_written() -> None:
    books = Books()
    writer, entries = AuditWriter(books.unit_of_work), [_entry() for _ in range(1200)]

    for entry in entries:
        writer.offer(entry)

    _eventually(lambda: set(books.database.committed.audit_log) == {entry.id for entry in entries})
    writer.stop()


def test_what_waits_is_written_before_the_end() -> None:
    books = Books()
    writer = AuditWriter(books.unit_of_work)
    for _ in range(700):
        writer.offer(_entry())

    writer.stop()

    assert len(books.database.committed.audit_log) == 700


def test_no_thread_is_started_before_there_is_something_to_do() -> None:
    before = threading.active_count()

    AuditWriter(Books().unit_of_work).stop()

    assert threading.active_count() == before


def test_a_database_that_is_away_is_waited_for() -> None:
    books = Books()
    writer = AuditWriter(books.unit_of_work)
    books.database.is_away = True
    for _ in range(3):
        writer.offer(_entry())
    time.sleep(0.05)

    books.database.is_away = False

    _eventually(lambda: len(books.database.committed.audit_log) == 3)
    writer.stop()


def test_a_full_queue_drops_counts_and_blocks_nobody() -> None:
    books = Books()
    books.database.is_away = True
    writer, before = AuditWriter(books.unit_of_work, capacity=10), _dropped("queue_full")

    for _ in range(2000):
        writer.offer(_entry())

    assert _dropped("queue_full") - before > 1000
    books.database.is_away = False
    writer.stop()


def test_at_the_end_a_database_that_stays_away_is_not_waited_for_and_the_loss_is_counted() -> None:
    books = Books()
    books.database.is_away = True
    writer, before = AuditWriter(books.unit_of_work), _dropped("shutdown")
    for _ in range(4):
        writer.offer(_entry())

    writer.stop(timeout_seconds=0.1)

    _eventually(lambda: _dropped("shutdown") - before == 4)


def test_an_entry_that_the_database_refuses_takes_no_other_with_it() -> None:
    books, before = Books(), _dropped("refused")
    writer = AuditWriter(books.unit_of_work)
    bad = replace(_entry(), transaction_id=a_payment().id)

    for entry in (_entry(), bad, _entry()):
        writer.offer(entry)
    writer.stop()

    assert len(books.database.committed.audit_log) == 2
    assert bad.id not in books.database.committed.audit_log
    assert _dropped("refused") - before == 1
