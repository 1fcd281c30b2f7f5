"""A sealed audit trail, whole again before every test."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from shared.persistence.unit_of_work import unit_of_work_factory
from tests.integration.conftest import new_database
from tests.integration.makers import AUDIT_KEYS
from tests.integration.trail import SEALED, WAITING, Trail, write
from tests.servers import Servers


@pytest.fixture(scope="module")
def written(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trail]:
    with new_database(servers.urls["postgres"]) as database:
        unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
        trail = Trail(database, tmp_path_factory.mktemp("head") / "audit-head", [], unit_of_work)
        trail.ids += write(unit_of_work, SEALED)
        assert trail.seal() == SEALED
        trail.ids += write(unit_of_work, WAITING)
        with database.owner.begin() as connection:
            for table in ("audit_logs", "audit_seals", "audit_leaves"):
                connection.execute(text(f"CREATE TABLE kept_{table} AS TABLE {table}"))
        yield trail


@pytest.fixture
def trail(written: Trail, tmp_path: Path) -> Iterator[Trail]:
    """As it was written; whatever a test does to it is undone."""
    head = tmp_path / "audit-head"
    shutil.copy(written.head, head)
    yield replace(written, head=head)

    def restore(connection: Connection) -> None:
        for table in ("audit_leaves", "audit_seals", "audit_logs"):
            connection.execute(text(f"DELETE FROM {table}"))
            connection.execute(text(f"INSERT INTO {table} SELECT * FROM kept_{table}"))

    written.tamper(restore)
