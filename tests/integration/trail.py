"""An audit trail with everything that somebody might do to it, as the database's superuser too."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, text

from services.scheduler.sealing import AuditSealing
from shared.application.audit_head import compare_with_head
from shared.application.audit_verification import Finding, TrailVerification
from shared.persistence.audit_entry import AuditEntry
from shared.persistence.audit_walk import open_audit_walk
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.identifiers import new_id
from tests.fakes.clock import FakeClock
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, NOW

# Sealed 5 at a time: seals 1 to 3, the last with 2 rows; and 3 rows that wait for their seal.
SEALED, BATCH, WAITING = 12, 5, 3


@dataclass
class Trail:
    """A trail of its own for one test; ``ids`` in the order of writing."""

    database: Database
    head: Path
    ids: list[UUID]
    unit_of_work: UnitOfWorkFactory

    def verify(self, keys: AuditKeys = AUDIT_KEYS, *, batch: int = 4) -> tuple[list[Finding], TrailVerification]:
        with open_audit_walk(self.database.application, batch=batch) as walk:
            run = TrailVerification(walk, keys)
            return list(run.findings()), run

    def compare_with_head(self) -> list[Finding]:
        with open_audit_walk(self.database.application) as walk:
            return list(compare_with_head(self.head, walk))

    def tamper(self, do: Callable[[Connection], None]) -> None:
        """As the superuser, whom no trigger and no foreign key stops."""
        with self.database.owner.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            do(connection)

    def execute(self, statement: str, **values: object) -> None:
        def do(connection: Connection) -> None:
            assert connection.execute(text(statement), values).rowcount > 0

        self.tamper(do)

    def seal(self) -> int:
        return AuditSealing(self.unit_of_work, AUDIT_KEYS, FakeClock(NOW), self.head, batch=BATCH)()


def an_entry(number: int) -> AuditEntry:
    return AuditEntry(
        id=new_id(),
        event_type="payment.completed",
        timestamp=NOW,
        event_data={"number": number, "before": "processing", "after": "completed"},
        user_id="provider_worker",
        ip_address="192.0.2.1",
        user_agent="curl/8",
        request_id=f"req-{number}",
    )


def write(unit_of_work: UnitOfWorkFactory, count: int) -> list[UUID]:
    entries = [an_entry(number) for number in range(count)]
    for entry in entries:
        with unit_of_work() as work:
            work.audit_log.append(entry)
            work.commit()
    return [entry.id for entry in entries]


def named(position: int) -> str:
    """How the verification names a sealed row."""
    return f"(seal {position // BATCH + 1}, position {position % BATCH})"
