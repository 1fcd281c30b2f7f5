"""A dump in a new cluster, with PostgreSQL's own programs: nothing of the event log is hidden or out of order."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, text

from deploy.local.errors import LocalError
from deploy.local.settings import load_settings
from deploy.local.system import LocalSystem
from deploy.prepare.__main__ import continue_event_log
from shared.application.actor import process_actor
from shared.application.journal import record_payment_event
from shared.domain.ids import EventId, MerchantId, TransactionId, UserId
from shared.persistence.engine import build_engine
from shared.persistence.event_log import BEGINNING
from shared.persistence.migrate import migrate
from shared.persistence.unit_of_work import unit_of_work_factory
from tests.integration.makers import AUDIT_KEYS, a_merchant, a_payment

# So that the old cluster has surely counted further than the new one when it is asked.
TRANSACTIONS = "DO $$ BEGIN FOR n IN 1..20000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"


class Cluster:
    """A PostgreSQL of its own, with the gateway's roles and its empty database."""

    def __init__(self, system: LocalSystem) -> None:
        urls = system.environment()
        self.url, self.owner_url = urls["DATABASE_URL"], urls["DATABASE_OWNER_URL"]
        self.owner, application = (_engine(url) for url in (self.owner_url, self.url))
        self.unit_of_work = unit_of_work_factory(application, audit_keys=AUDIT_KEYS)

    def prepare(self) -> bool:
        """As ``deploy.prepare`` does it."""
        migrate(self.owner, self.url)
        return continue_event_log(self.owner, 0)

    def write(self, merchant_id: MerchantId, user_id: UserId) -> TransactionId:
        payment = a_payment(merchant_id, user_id)
        with self.unit_of_work() as work:
            work.transactions.add(payment)
            record_payment_event(work, payment, "payment.initiated", process_actor("test"), {})
            work.commit()
        return payment.id

    def read(self, merchant_id: MerchantId, after: str = BEGINNING) -> list[tuple[EventId, str]]:
        with self.unit_of_work() as work:
            return [(each.id, each.cursor) for each in work.event_log.of_merchant(merchant_id, after=after)]


@pytest.fixture
def clusters(tmp_path: Path) -> Iterator[tuple[Cluster, Cluster]]:
    systems = [LocalSystem(settings=load_settings({"GATEWAY_SERVERS": "native"}, tmp_path / name)) for name in "ab"]
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed")
    try:
        for system in systems:
            system.up(only=["postgres"])
        old, new = (Cluster(system) for system in systems)
        yield old, new
    except LocalError as error:
        pytest.skip(f"no PostgreSQL of its own: {error}")
    finally:
        for system in systems:
            system.clean()


def test_a_restored_dump_is_read_on_where_it_ended(clusters: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    old, new = clusters
    assert old.prepare() is False
    merchant_id, user_id = a_merchant(old.unit_of_work)
    with old.owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(TRANSACTIONS))
    for _ in range(3):
        old.write(merchant_id, user_id)
    before = old.read(merchant_id)
    _copy(old, new, tmp_path / "dump")
    assert (len(before), new.read(merchant_id)) == (3, [])

    assert [new.prepare() for _ in range(2)] == [True, False]

    assert new.read(merchant_id) == before
    new.write(merchant_id, user_id)
    old.write(merchant_id, user_id)
    everything, lost = new.read(merchant_id), old.read(merchant_id)[-1]
    assert everything[:3] == before
    assert new.read(merchant_id, after=before[-1][1]) == new.read(merchant_id, after=lost[1]) == everything[3:]
    assert len(everything) == 4


def _engine(url: str) -> Engine:
    driven = make_url(url).set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
    return build_engine(driven, pool_size=2, application_name="tests")


def _copy(old: Cluster, new: Cluster, file: Path) -> None:
    _run("pg_dump", "--format=custom", f"--file={file}", old.owner_url)
    _run("pg_restore", "--single-transaction", "--exit-on-error", f"--dbname={new.owner_url}", str(file))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
