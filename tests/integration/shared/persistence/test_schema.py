"""The migrations make what the code expects, may run from two places at once, and guard what must not change."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from shared.persistence.audit_entry import AuditEntry
from shared.persistence.migrate import alembic_config, migrate
from shared.persistence.tables import METADATA
from shared.persistence.unit_of_work import unit_of_work_factory
from shared.runtime.identifiers import new_id
from tests.integration.conftest import Database, new_database
from tests.integration.makers import AUDIT_KEYS, NOW, a_merchant, a_payment
from tests.servers import Servers


@pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")
def test_the_migrated_schema_is_what_the_code_expects(database: Database) -> None:
    with database.owner.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)

    assert differences == []


def test_two_deployments_may_migrate_at_once(servers: Servers) -> None:
    with new_database(servers.urls["postgres"]) as empty, empty.owner.connect() as connection:
        command.downgrade(alembic_config(connection), "base")
        connection.commit()
        url = empty.application.url.render_as_string(hide_password=False)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: migrate(empty.owner, url), range(4)))

        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_logs SET user_id = 'x'", "DELETE FROM audit_logs", "TRUNCATE audit_logs CASCADE"],
)
@pytest.mark.parametrize("role", ["application", "owner"])
def test_nobody_changes_the_audit_trail(database: Database, role: str, statement: str) -> None:
    with unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)() as work:
        work.audit_log.append(AuditEntry(id=new_id(), event_type="payment.initiated", timestamp=NOW))
        work.commit()

    with getattr(database, role).connect() as connection, pytest.raises(DBAPIError) as refused:
        connection.execute(text(statement))

    assert "permission denied" in str(refused.value) or "append-only" in str(refused.value)


@pytest.mark.parametrize(
    ("column", "amount"),
    [("amount_minor", 0), ("captured_minor", 100_001), ("refunded_minor", 1), ("refunded_minor", -1)],
)
def test_impossible_sums_are_refused_by_the_database(database: Database, column: str, amount: int) -> None:
    unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
    merchant_id, _ = a_merchant(unit_of_work)
    with unit_of_work() as work:
        work.transactions.add(a_payment(merchant_id))
        work.commit()

    with database.application.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(text(f"UPDATE transactions SET {column} = {amount}"))


def test_the_decimal_amount_follows_from_the_minor_units(database: Database) -> None:
    unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
    merchant_id, _ = a_merchant(unit_of_work)
    payment = a_payment(merchant_id, amount=105)
    with unit_of_work() as work:
        work.transactions.add(payment)
        work.commit()

    with database.application.connect() as connection:
        row = connection.execute(text("SELECT amount FROM transactions WHERE id = :id"), {"id": payment.id})
        assert str(row.scalar_one()) == "1.05"
