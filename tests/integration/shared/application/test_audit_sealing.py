"""Rows are sealed once each, in the order in which they were written, whoever else is at it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shared.persistence.unit_of_work import unit_of_work_factory
from tests.integration.conftest import new_database
from tests.integration.makers import AUDIT_KEYS
from tests.integration.trail import SEALED, WAITING, Trail, an_entry, named, write
from tests.servers import Servers


def test_rows_older_than_the_macs_are_sealed_and_safe_from_then_on(servers: Servers, tmp_path: Path) -> None:
    with new_database(servers.urls["postgres"]) as database:
        unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
        trail = Trail(database, tmp_path / "audit-head", [], unit_of_work)
        trail.ids += write(unit_of_work, 3)
        trail.execute("UPDATE audit_logs SET mac = NULL")
        trail.ids += write(unit_of_work, 3)
        trail.seal()
        assert trail.verify()[0] == []

        trail.execute("UPDATE audit_logs SET user_id = 'x' WHERE id = :id", id=trail.ids[1])

        assert [each.where for each in trail.verify()[0]] == [f"row {trail.ids[1]} {named(1)}"]


def test_sealing_stops_before_a_transaction_that_is_still_open_and_misses_nothing(trail: Trail) -> None:
    with trail.unit_of_work() as slow:
        slow.audit_log.append_all([an_entry(1)])
        later = write(trail.unit_of_work, 1)

        assert trail.seal() == WAITING
        slow.commit()

    assert trail.seal() == 2
    findings, run = trail.verify()
    assert (findings, run.rows, run.waiting) == ([], SEALED + WAITING + 2, 0)
    assert len(later) == 1


def test_sealers_at_once_seal_each_row_once(trail: Trail) -> None:
    write(trail.unit_of_work, 40)

    with ThreadPoolExecutor(4) as pool:
        sealed = sum(pool.map(lambda _: trail.seal(), range(8)))

    findings, run = trail.verify()
    assert (sealed, findings, run.rows, run.waiting) == (40 + WAITING, [], SEALED + WAITING + 40, 0)
    assert trail.compare_with_head() == []


def test_sealing_goes_on_in_a_database_that_was_restored_from_a_dump(trail: Trail) -> None:
    """Its transactions are counted anew, from far below what the last seal says."""
    trail.execute("UPDATE audit_seals SET last_written_by = '99999999999' WHERE number = 3")

    assert trail.seal() == WAITING


def test_nothing_to_seal_makes_no_seal(trail: Trail) -> None:
    assert (trail.seal(), trail.seal()) == (WAITING, 0)
    assert trail.verify()[1].seals == 4
