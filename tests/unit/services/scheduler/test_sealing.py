"""The scheduler seals what waits, and tells the world outside the database."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.scheduler.sealing import AuditSealing
from shared.persistence.audit_entry import AuditEntry
from shared.persistence.audit_form import time_text
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.identifiers import new_id
from shared.runtime.metrics import AUDIT_SUSPECTS
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.persistence.audit_seals import AUDIT_KEYS


def _sealing(books: Books, head: Path, keys: AuditKeys = AUDIT_KEYS) -> AuditSealing:
    return AuditSealing(books.unit_of_work, keys, FakeClock(), head, batch=2)


def _write(books: Books, count: int) -> None:
    def add(work: UnitOfWork) -> None:
        for _ in range(count):
            work.audit_log.append(AuditEntry(id=new_id(), event_type="test", timestamp=NOON))

    books.do(add)


def test_everything_that_waits_is_sealed_a_batch_at_a_time(tmp_path: Path) -> None:
    books, head = Books(), tmp_path / "state" / "audit-head"
    _write(books, 5)

    assert (_sealing(books, head)(), _sealing(books, head)()) == (5, 0)

    seals = books.database.committed.audit_seals
    assert [seal.row_count for seal in seals.values()] == [2, 2, 1]
    assert [seals[2].previous_hash, seals[3].previous_hash] == [seals[1].seal_hash, seals[2].seal_hash]


def test_each_seal_is_told_outside_the_database(tmp_path: Path) -> None:
    books, head = Books(), tmp_path / "audit-head"
    _write(books, 3)

    with capture_logs() as logs:
        _sealing(books, head)()

    hashes = [seal.seal_hash.hex() for seal in books.database.committed.audit_seals.values()]
    assert [(line["event"], line["number"], line["seal_hash"]) for line in logs] == [
        ("audit.sealed", 1, hashes[0]),
        ("audit.sealed", 2, hashes[1]),
    ]
    noon = time_text(NOON)
    assert head.read_text().splitlines() == [f"1 {hashes[0]} {noon}", f"2 {hashes[1]} {noon}"]


def test_rows_with_a_wrong_mac_are_sealed_and_raise_an_alert(tmp_path: Path) -> None:
    books = Books()
    _write(books, 2)
    before = AUDIT_SUSPECTS._value.get()

    with capture_logs() as logs:
        sealed = _sealing(books, tmp_path / "head", AuditKeys("another-key-than-the-one-they-were-signed-with"))()

    assert sealed == 2
    assert AUDIT_SUSPECTS._value.get() == before + 2
    (alert,) = [line for line in logs if line["log_level"] == "error"]
    assert (alert["event"], alert["rows"], alert["seal"]) == ("audit.wrong_mac", 2, 1)


def test_a_head_file_that_cannot_be_written_stops_no_sealing(tmp_path: Path) -> None:
    books = Books()
    _write(books, 3)

    with capture_logs() as logs:
        sealed = _sealing(books, tmp_path)()

    assert sealed == 3
    assert [line["event"] for line in logs].count("audit.head_not_noted") == 2


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_new_makes_no_seal(tmp_path: Path, count: int) -> None:
    books = Books()
    _write(books, count)
    sealing = _sealing(books, tmp_path / "head")
    sealing()

    sealing()

    assert len(books.database.committed.audit_seals) == count
